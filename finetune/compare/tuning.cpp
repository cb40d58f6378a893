#include "finetune/compare/tuning.h"

#include <algorithm>
#include <cmath>

#include "finetune/common/text.h"

namespace thaw {
namespace {

constexpr int kMostExtensions = 2;

void sort_by_rate(std::vector<TuningTrial>& trials) {
  std::sort(trials.begin(), trials.end(), [](const auto& a, const auto& b) { return a.lr < b.lr; });
}

std::size_t best_trial(const std::vector<TuningTrial>& trials, bool higher) {
  const auto worse = [higher](const TuningTrial& a, const TuningTrial& b) {
    if ((a.status == RunStatus::ok) != (b.status == RunStatus::ok)) return b.status == RunStatus::ok;
    if (a.validation_value != b.validation_value)
      return higher ? a.validation_value < b.validation_value : a.validation_value > b.validation_value;
    return a.validation_loss > b.validation_loss;
  };
  return static_cast<std::size_t>(std::max_element(trials.begin(), trials.end(), worse) - trials.begin());
}

}  // namespace

std::string edge_note(const std::string& strategy, const std::vector<TuningTrial>& trials) {
  const auto chosen =
      std::find_if(trials.begin(), trials.end(), [](const TuningTrial& trial) { return trial.chosen; });
  if (chosen == trials.end() || (chosen != trials.begin() && chosen + 1 != trials.end())) return {};
  return concat(strategy, ": the best learning rate ", chosen->lr, " is the ",
                chosen == trials.begin() ? "lowest" : "highest", " that was tried");
}

Tuned tune(const Candidate& candidate, bool higher_is_better, const RunTrial& run_trial,
           const std::function<bool()>& stopped) {
  const std::vector<Hyperparameters> choices = hyperparameters_to_try(candidate);
  Tuned tuned;
  if (choices.size() == 1) {
    tuned.best = choices[0];
    return tuned;
  }
  std::vector<TuningTrial>& trials = tuned.trials;
  for (const Hyperparameters& choice : choices) {
    trials.push_back(run_trial(candidate, choice));
    if (stopped()) return tuned;
  }
  const int most_extensions = candidate.config.compare.lr_grid.empty() ? kMostExtensions : 0;
  std::size_t best = 0;
  for (int extension = 0;; ++extension) {
    sort_by_rate(trials);
    best = best_trial(trials, higher_is_better);
    const bool lowest = best == 0, highest = best + 1 == trials.size();
    if ((!lowest && !highest) || extension == most_extensions) break;
    const double factor = std::sqrt(10.0);
    trials.push_back(run_trial(
        candidate, {lowest ? trials[best].lr / factor : trials[best].lr * factor, trials[best].options}));
    if (stopped()) return tuned;
  }
  if (trials[best].status != RunStatus::ok) {
    const bool failed = std::any_of(trials.begin(), trials.end(), [](const TuningTrial& trial) {
      return trial.status == RunStatus::failed;
    });
    tuned.status = failed ? RunStatus::failed : RunStatus::diverged;
    tuned.note =
        concat(candidate.name, ": none of its ", trials.size(),
               " trials ended well, so that nothing is chosen and it does not run; set other learning "
               "rates for it (compare.rates), or look at the messages above");
    return tuned;
  }
  trials[best].chosen = true;
  tuned.best = {trials[best].lr, trials[best].options};
  tuned.note = edge_note(candidate.name, trials);
  return tuned;
}

}  // namespace thaw
