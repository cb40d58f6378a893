// `thaw cache`: what the prefix cache holds on disk.
#include "finetune/cache/cache_folder.h"

#include "core/error.h"
#include "finetune/cli/commands.h"
#include "finetune/cli/output.h"
#include "finetune/common/json.h"
#include "finetune/common/text.h"
#include "finetune/common/text_table.h"
#include "finetune/common/units.h"

namespace thaw::cli {
namespace {

std::string list_json(const std::string& folder, const std::vector<CachedPrefix>& prefixes) {
  Json list = Json::array();
  for (const CachedPrefix& prefix : prefixes)
    list.push_back({{"model", prefix.name.model},
                    {"stage", prefix.name.stage},
                    {"samples", prefix.samples},
                    {"bytes", prefix.bytes},
                    {"last_used", prefix.last_used},
                    {"key", hex_of(prefix.name.key)}});
  return json_document(Json{{"folder", folder}, {"prefixes", list}});
}

std::string list_text(const std::string& folder, const std::vector<CachedPrefix>& prefixes) {
  if (prefixes.empty()) return concat("nothing is kept in ", folder, '\n');
  std::vector<TextRow> rows{{"model", "up to", "samples", "bytes", "last used (UTC)"}};
  double bytes = 0;
  for (const CachedPrefix& prefix : prefixes) {
    rows.push_back({one_line(prefix.name.model), one_line(prefix.name.stage), std::to_string(prefix.samples),
                    bytes_text(static_cast<double>(prefix.bytes)), prefix.last_used});
    bytes += static_cast<double>(prefix.bytes);
  }
  return concat(text_table(rows), bytes_text(bytes), " in ", folder, '\n');
}

}  // namespace

int cache(const Arguments& arguments) {
  const std::string folder = cache_folder();
  if (folder.empty())
    fail_input("there is no folder for the cache: HOME is not set (thaw cache); set THAW_CACHE to one");
  if (arguments.action == "list") {
    const std::vector<CachedPrefix> prefixes = list_cache(folder);
    print(arguments.json ? list_json(folder, prefixes) : list_text(folder, prefixes));
  } else if (arguments.action == "clear") {
    const auto bytes = static_cast<double>(clear_cache(folder));
    print(arguments.json ? json_line(Json{{"folder", folder}, {"removed_bytes", bytes}}) + "\n"
                         : concat(bytes_text(bytes), " removed from ", folder, '\n'));
  } else {
    fail_input("the cache has no action ", in_quotes(arguments.action), " (thaw cache); write list or clear");
  }
  return 0;
}

}  // namespace thaw::cli
