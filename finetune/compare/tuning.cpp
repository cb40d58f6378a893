#include "finetune/compare/tuning.h"

#include <algorithm>
#include <cmath>

#include "finetune/data/text.h"

namespace thaw {
namespace {

constexpr int kMostExtensions = 2;

void sort_by_rate(std::vector<TuningTrial>& trials) {
  std::sort(trials.begin(), trials.end(), [](const auto& a, const auto& b) { return a.lr < b.lr; });
}

std::size_t best_trial(const std::vector<TuningTrial>& trials, bool higher) {
  const auto worse = [higher](const TuningTrial& a, const TuningTrial& b) {
    if ((a.status == "ok") != (b.status == "ok")) return b.status == "ok";
    if (a.validation_value != b.validation_value)
      return higher ? a.validation_value < b.validation_value : a.validation_value > b.validation_value;
    return a.validation_loss > b.validation_loss;
  };
  return static_cast<std::size_t>(std::max_element(trials.begin(), trials.end(), worse) - trials.begin());
}

}  // namespace

Tuned tune(const Contender& contender, bool higher_is_better, const RunTrial& run_trial,
           const std::function<bool()>& stopped) {
  const std::vector<Choice> choices = choices_to_try(contender);
  Tuned tuned{choices[0], {}, {}};
  if (choices.size() == 1) return tuned;
  std::vector<TuningTrial>& trials = tuned.trials;
  for (const Choice& choice : choices) {
    trials.push_back(run_trial(contender, choice));
    if (stopped()) return tuned;
  }
  const int most_extensions = contender.config.compare.lr_grid.empty() ? kMostExtensions : 0;
  std::size_t best = 0;
  for (int extension = 0;; ++extension) {
    sort_by_rate(trials);
    best = best_trial(trials, higher_is_better);
    const bool lowest = best == 0, highest = best + 1 == trials.size();
    if ((!lowest && !highest) || extension == most_extensions) break;
    const double factor = std::sqrt(10.0);
    trials.push_back(run_trial(
        contender, {lowest ? trials[best].lr / factor : trials[best].lr * factor, trials[best].options}));
    if (stopped()) return tuned;
  }
  trials[best].chosen = true;
  tuned.best = {trials[best].lr, trials[best].options};
  if (best == 0 || best + 1 == trials.size())
    tuned.note = concat(contender.name, ": the best learning rate ", trials[best].lr, " is the ",
                        best == 0 ? "lowest" : "highest", " that was tried");
  return tuned;
}

}  // namespace thaw
