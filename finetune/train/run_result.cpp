#include "finetune/train/run_result.h"

#include <algorithm>
#include <iterator>

namespace thaw {
namespace {

constexpr const char* kNames[] = {"ok", "diverged", "interrupted", "failed"};

}  // namespace

const char* status_name(RunStatus status) { return kNames[static_cast<int>(status)]; }

std::optional<RunStatus> status_named(const std::string& name) {
  const auto found = std::find(std::begin(kNames), std::end(kNames), name);
  if (found == std::end(kNames)) return std::nullopt;
  return static_cast<RunStatus>(found - std::begin(kNames));
}

}  // namespace thaw
