#include "finetune/compare/looks.h"

#include <filesystem>

#include "core/error.h"
#include "nn/files.h"

namespace thaw {
namespace {

std::string absolute_folder(const std::string& folder) {
  const auto path = std::filesystem::absolute(folder).lexically_normal();
  return (path.has_filename() ? path : path.parent_path()).string();  // "run/" is "run"
}

}  // namespace

TestLook look_of(const Config& config, const PreparedData& loaded, const std::string& folder) {
  return {loaded.test_hash, absolute_folder(folder), sha256_hex(to_toml(config)), {}};
}

LooksBefore looks_before(const TestLook& own, const std::string& began) {
  LooksBefore before;
  for (const TestLook& look : earlier_looks(own.test, own.by, began)) {
    const std::string text = concat(look.by, " on ", look.time);
    if (look.config == own.config)
      before.repeated.push_back(text);
    else
      before.others.push_back(text + ", with another config");
  }
  return before;
}

}  // namespace thaw
