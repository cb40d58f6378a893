#include "core/trace.h"

#include <map>
#include <mutex>
#include <vector>

namespace thaw {
namespace {

struct ScopeTable {
  std::mutex mutex;
  std::map<std::string, int> ids{{"", 0}};
  std::vector<std::string> paths{""};
};

ScopeTable& scope_table() {
  static ScopeTable table;
  return table;
}

}  // namespace

const char* section_name(Section section) {
  constexpr const char* kNames[kSections] = {"forward", "input_gradient", "weight_gradient", "optimizer"};
  return kNames[static_cast<int>(section)];
}

int scope_id(const std::string& path) {
  ScopeTable& table = scope_table();
  const std::lock_guard lock(table.mutex);
  const auto [entry, is_new] = table.ids.try_emplace(path, static_cast<int>(table.paths.size()));
  if (is_new) table.paths.push_back(path);
  return entry->second;
}

std::string scope_path(int scope) {
  ScopeTable& table = scope_table();
  const std::lock_guard lock(table.mutex);
  return table.paths[static_cast<std::size_t>(scope)];
}

}  // namespace thaw
