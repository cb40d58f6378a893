#include "finetune/train/nan_policy.h"

#include <bit>
#include <cstdint>

#include "core/error.h"

namespace thaw {
namespace {

// A run that went back this often is given up.
constexpr std::int64_t kMostRollbacks = 3;

}  // namespace

void NanPolicy::before_update() {
  if (action_ != NanAction::skip) return;
  buffers_.clear();
  buffers_ = take_buffers(model_);
}

void NanPolicy::keep_snapshot() {
  if (action_ == NanAction::rollback) replace_snapshot(rollback_, model_);
}

bool NanPolicy::pass_over(const std::string& why) {
  if (action_ != NanAction::skip) return roll_back(why);
  restore_buffers(model_, buffers_);
  ++result_.skipped;
  // The 1st, 2nd, 4th, ..: not thousands of lines.
  if (std::has_single_bit(static_cast<std::uint64_t>(result_.skipped)))
    say_(concat(why, ": the update is skipped (", result_.skipped, " so far)"));
  return true;
}

bool NanPolicy::roll_back(const std::string& why) {
  if (action_ != NanAction::rollback || result_.rollbacks >= kMostRollbacks) return false;
  restore_snapshot(model_, rollback_);
  // Momentum of the step that went wrong would repeat it.
  for (const ParameterPtr& parameter : optimizer_.parameters())
    optimizer_.apply_policy(*parameter, StatePolicy::drop);
  ++result_.rollbacks;
  say_(why + ": the weights go back to the last snapshot's, the optimizer begins anew");
  return true;
}

}  // namespace thaw
