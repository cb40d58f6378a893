// lisa: the bottom group and the head always train, and of the groups between them a few, drawn anew again and
// again (Pan et al. 2024, "LISA: Layerwise Importance Sampling for Memory-Efficient Large Language Model
// Fine-Tuning"; there, too, every layer is as likely as any other, but a draw lasts for a number of updates whatever the
// run's length). A phase per draw.
#include <algorithm>

#include "core/error.h"
#include "core/random.h"
#include "finetune/plan/strategies/shared.h"

namespace thaw {
namespace {

constexpr std::int64_t kMostDraws = 1000;  // the work of planning grows with their square

std::int64_t updates_between_draws(const StrategyOptions& options) {
  const RunLength& run = options.run();
  const std::int64_t updates = every_of(options).updates(run);
  if (run.total_updates / updates >= kMostDraws)
    options.refuse("every", concat("a run of ", run.total_updates, " updates would have more than ",
                                   kMostDraws, " draws; write a longer time, such as \"0.01 run\""));
  return updates;
}

// Of the groups, `count` drawn at random, in their order, each followed by a comma.
std::string drawn(const std::vector<std::string>& groups, std::int64_t count, RandomKey key) {
  std::vector<std::int64_t> chosen = random_permutation(key, static_cast<std::int64_t>(groups.size()));
  chosen.resize(static_cast<std::size_t>(count));
  std::sort(chosen.begin(), chosen.end());
  std::string selector;
  for (const std::int64_t group : chosen) selector += groups[static_cast<std::size_t>(group)] + ",";
  return selector;
}

Strategy make_lisa(const ModelInfo& model, const StrategyOptions& options) {
  std::vector<std::string> groups = groups_below_head(model);
  const std::string bottom = groups.empty() ? "" : groups.front() + ",";
  if (!groups.empty()) groups.erase(groups.begin());

  const std::int64_t every = updates_between_draws(options);
  const std::int64_t count = options.whole_number("middle", 1, 1'000'000);
  const auto seed = static_cast<std::uint64_t>(options.whole_number("seed", 0, 1'000'000'000));
  const auto middle = static_cast<std::int64_t>(groups.size());
  Strategy strategy;
  if (count >= middle) {
    strategy.plan = single_phase("all");
    strategy.warnings.push_back(concat("lisa with middle = ", count, " is the same as full: the model has ",
                                       middle, middle == 1 ? " group" : " groups",
                                       " between the bottom one and the head"));
    return strategy;
  }
  for (std::int64_t draw = 0; draw == 0 || draw * every < options.run().total_updates; ++draw) {
    Phase phase;
    phase.at.amount = static_cast<double>(draw * every);
    phase.train = bottom + drawn(groups, count, random_key(seed, "lisa", draw)) + "top:0";
    strategy.plan.phases.push_back(phase);
  }
  return strategy;
}

}  // namespace

StrategySpec lisa_strategy() {
  return {"lisa",
          "the head, the bottom group, and a few groups between them that are drawn anew at intervals",
          1.0,
          {{"middle", 2.0, "groups that are drawn each time", {1.0, 4.0}},
           {"every", "0.05 run", "time between two draws: \"10 steps\", \"1 epoch\" or \"0.1 run\""},
           {"seed", 0.0, "of the draws; train.seed does not change them"}},
          make_lisa};
}

}  // namespace thaw
