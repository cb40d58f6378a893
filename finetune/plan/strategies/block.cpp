// block-k, written block-1: the k-th group from the bottom trains, the others are frozen (Lee et al. 2023,
// Surgical Fine-Tuning Improves Adaptation to Distribution Shifts). A head made anew trains beside it, for
// nobody can use a random one.
#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/plan/strategies/shared.h"

namespace thaw {
namespace {

bool head_trains(const ModelInfo& model, const StrategyOptions& options) {
  const std::string& head = options.text("head");
  if (head != "new" && head != "yes" && head != "no")
    options.refuse("head", "write \"new\", \"yes\" or \"no\"");
  return head == "yes" || (head == "new" && model.head_is_new);
}

Strategy make_block(const ModelInfo& model, const StrategyOptions& options) {
  const std::vector<std::string> groups = groups_below_head(model);
  const std::int64_t k = options.whole_number("k", 1, 1'000'000);
  const auto count = static_cast<std::int64_t>(groups.size());
  if (k == count + 1)
    fail_input("block-", k, " is the head itself (the model's groups below it: ", name_list(groups),
               "); use the strategy \"head\"");
  if (k > count)
    fail_input("block-", k, " is no group of the model (its groups below the head: ", name_list(groups),
               "); write block-1 to block-", count);
  const bool with_head = head_trains(model, options);
  const std::string& block = groups[static_cast<std::size_t>(k - 1)];
  Strategy strategy{.plan = single_phase(with_head ? block + ",top:0" : block)};
  if (model.head_is_new && !with_head)
    strategy.warnings.push_back(
        concat("block-", k, " leaves a new head as it was drawn; set strategy.head = \"new\" to train it"));
  return strategy;
}

}  // namespace

StrategySpec block_strategy() {
  return {
      "block-k",
      "train the k-th group from the bottom alone, with the head where it is new; written block-1",
      2.0,
      {{"k", 1.0, "counted from 1, the bottom; the number in the name"},
       {"head", "new", "whether the head trains too: \"new\" (where it was made anew), \"yes\" or \"no\""}},
      make_block};
}

}  // namespace thaw
