// top-k, written top-2: the head and the k groups below it train.
#include "core/error.h"
#include "finetune/plan/strategies/shared.h"

namespace thaw {
namespace {

Strategy make_top_k(const ModelInfo& model, const StrategyOptions& options) {
  const std::int64_t k = options.whole_number("k", 0, 1'000'000);
  Strategy strategy{.plan = single_phase(concat("top:", k))};
  if (k >= model.head()) {
    strategy.warnings.push_back(concat("top-", k, " is the same as full: the model has ", model.head(),
                                       model.head() == 1 ? " group" : " groups", " below the head"));
  }
  return strategy;
}

}  // namespace

StrategySpec top_k_strategy() {
  return {"top-k",
          "train the head and the k groups below it; written top-2",
          2.0,
          {{"k", 1.0, "groups below the head; the number in the name"}},
          make_top_k};
}

}  // namespace thaw
