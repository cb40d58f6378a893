#include "finetune/report/html/tuning.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "finetune/common/units.h"
#include "finetune/report/footnotes.h"
#include "finetune/report/html/charts.h"
#include "finetune/report/html/html.h"
#include "finetune/report/html/outcome.h"
#include "finetune/report/verdict.h"

namespace thaw::report {
namespace {

using Trials = std::vector<const TuningTrial*>;

bool has_value(const TuningTrial& trial) {
  return trial.status == RunStatus::ok && std::isfinite(trial.validation_value);
}

struct TuningAxes {
  Range rates, values;
};

// The sets of options that were tried, in order.
std::vector<std::string> option_sets(const Trials& trials) {
  std::set<std::string> sets;
  for (const TuningTrial* trial : trials) sets.insert(options_text(trial->options));
  return {sets.begin(), sets.end()};
}

// Trials that differ in the learning rate alone are joined.
void write_line(Svg& svg, const Scale& x, const Scale& y, const Trials& trials, const std::string& options,
                std::size_t n) {
  std::vector<std::pair<double, double>> places;
  for (const TuningTrial* trial : trials)
    if (has_value(*trial) && options_text(trial->options) == options)
      places.emplace_back(x(trial->lr), y(trial->validation_value));
  std::sort(places.begin(), places.end());
  svg.polyline(places, line_classes(n));
}

std::string tuning_words(const CompareOutcome& outcome, const Trials& trials) {
  std::string words;
  for (const TuningTrial* trial : trials)
    words += concat(words.empty() ? "" : "; ", short_text(trial->lr, 3), trial->options.empty() ? "" : ", ",
                    options_text(trial->options), ": ",
                    has_value(*trial) ? metric_number(trial->validation_value) : status_name(trial->status),
                    trial->chosen ? " (chosen)" : "");
  return concat("Validation ", metric_name(outcome.metric), " by learning rate: ", words);
}

std::string tuning_figure(const CompareOutcome& outcome, const std::string& strategy, const Trials& trials,
                          const TuningAxes& axes) {
  constexpr double kTop = 20, kBottom = 130, kWidth = 260;
  const std::vector<std::string> sets = option_sets(trials);
  const double legend = sets.size() > 1 ? 15 * static_cast<double>(sets.size()) : 0;
  Svg svg(kBottom + 32 + legend, kWidth);
  const Scale x = Scale::logarithmic(axes.rates, 42, kWidth - 6);
  // What failed has a place of its own, below all values.
  const double room = 0.2 * (axes.values.high - axes.values.low);
  const Scale y = Scale::linear({axes.values.low - room, axes.values.high}, kBottom, kTop);
  svg.axes(x, y, "learning rate", metric_name(outcome.metric));
  for (std::size_t n = 0; n < sets.size(); ++n) {
    write_line(svg, x, y, trials, sets[n], n);
    if (sets.size() < 2) continue;
    const double base = kBottom + 43 + 15 * static_cast<double>(n);
    svg.mark(6, base - 4, n, true);
    svg.text(16, base, shortened(sets[n].empty() ? "defaults" : sets[n], kWidth - 18), "start", "tick");
  }
  double seconds = 0;
  for (const TuningTrial* trial : trials) {
    seconds += trial->seconds;
    const std::string tip =
        concat("learning rate ", short_text(trial->lr, 3), trial->options.empty() ? "" : ", ",
               options_text(trial->options), ": ",
               has_value(*trial) ? metric_number(trial->validation_value) : status_name(trial->status));
    if (!has_value(*trial))
      svg.cross(x(trial->lr), kBottom - 8, "l c1", tip);
    else
      svg.mark(x(trial->lr), y(trial->validation_value),
               static_cast<std::size_t>(std::find(sets.begin(), sets.end(), options_text(trial->options)) -
                                        sets.begin()),
               true, tip);
    if (trial->chosen && has_value(*trial))
      svg.shape(x(trial->lr), y(trial->validation_value), 3, 7, "o ink thick", "chosen: " + tip);
  }
  svg.text(kWidth - 6, kTop - 8,
           concat(count_of(static_cast<std::int64_t>(trials.size()), "trial"),
                  seconds > 0 ? ", " + seconds_text(seconds) : ""),
           "end", "tick");
  return svg.figure("tuning-" + anchor(strategy), strategy, tuning_words(outcome, trials));
}

}  // namespace

std::string tuning_section(const CompareOutcome& outcome) {
  if (outcome.trials.empty())
    return soft(
        "No learning rates were tried: each strategy ran at train.lr, or at its rate in compare.rates, so "
        "this "
        "compares recipes.");
  std::vector<std::string> strategies;
  TuningAxes axes;
  double seconds = 0;
  for (const TuningTrial& trial : outcome.trials) {
    if (std::find(strategies.begin(), strategies.end(), trial.strategy) == strategies.end())
      strategies.push_back(trial.strategy);
    if (trial.lr > 0) axes.rates.add(trial.lr);
    if (has_value(trial)) axes.values.add(trial.validation_value);
    seconds += trial.seconds;
  }
  std::string figures;
  for (const std::string& strategy : strategies) {
    Trials trials;
    for (const TuningTrial& trial : outcome.trials)
      if (trial.strategy == strategy) trials.push_back(&trial);
    figures += tuning_figure(outcome, strategy, trials, axes);
  }
  return soft(concat("On validation data, with seeds that are not reported: ",
                     count_of(static_cast<std::int64_t>(outcome.trials.size()), "trial"),
                     seconds > 0 ? " in " + seconds_text(seconds) : "",
                     ". A diamond marks what was chosen, a cross what diverged or failed.",
                     rates_text(outcome))) +
         "<div class=\"figures small\">" + figures + "</div>\n";
}

}  // namespace thaw::report
