#include "finetune/report/prediction.h"

#include <algorithm>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/config/config_checks.h"
#include "finetune/report/summary.h"
#include "finetune/task/evaluate.h"
#include "finetune/task/metric_bounds.h"
#include "nn/io/sha256.h"

namespace thaw {
namespace {

bool is_among(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// The mean over the named strategies; without values where one of them has not all of its runs.
Scores mean_scores(const std::vector<std::string>& names, const CompareOutcome& outcome) {
  Scores mean;
  for (const std::string& name : names) {
    const Scores scores = scores_of(name, outcome);
    if (mean.values.empty()) mean = {scores.seeds, scores.examples, std::vector<float>(scores.values.size())};
    if (scores.values.empty() || scores.values.size() != mean.values.size()) return {};
    for (std::size_t i = 0; i < scores.values.size(); ++i)
      mean.values[i] += scores.values[i] / static_cast<float>(names.size());
  }
  return mean;
}

}  // namespace

std::vector<std::string> rivals_of(const Prediction& prediction) {
  std::vector<std::string> rivals;
  for (const std::string& name : prediction.among)
    if (!is_among(prediction.best, name)) rivals.push_back(name);
  return rivals;
}

std::optional<Prediction> make_prediction(const CompareSection& compare) {
  if (compare.predict.empty()) {
    if (!compare.prediction.empty())
      fail_input(
          "compare.prediction says why, but compare.predict names no strategy that is predicted to win; name "
          "them there, or set compare.prediction = \"\"");
    return std::nullopt;
  }
  Prediction prediction{
      .text = compare.prediction, .sha256 = {}, .best = compare.predict, .among = {}, .contrast = {}};
  for (const std::string& name : compare.strategies)
    if (name != "full") prediction.among.push_back(name);
  if (const auto names = predicted_but_not_compared(compare); !names.empty())
    fail_input("compare.predict names ", in_quotes(names.front()),
               ", which is not compared; add it to the strategies, or set compare.predict = [] and "
               "compare.prediction = \"\"");
  if (rivals_of(prediction).empty())
    fail_input(
        "the prediction leaves no strategy but full that could lose (compare.predict); name fewer, or "
        "compare more");
  prediction.sha256 =
      sha256_hex(concat(prediction.text, '\n', joined(prediction.best), '\n', joined(prediction.among)));
  return prediction;
}

std::string describe(const Prediction& prediction) {
  return concat(joined(prediction.best), " before ", joined(rivals_of(prediction)),
                prediction.text.empty() ? "" : ": " + prediction.text, " (sha256 ", prediction.sha256, ")");
}

void judge(Prediction& prediction, const CompareOutcome& outcome, std::uint64_t seed) {
  const std::vector<std::string> rivals = rivals_of(prediction);
  const Scores best = mean_scores(prediction.best, outcome), others = mean_scores(rivals, outcome);
  if (best.values.empty() || best.values.size() != others.values.size()) return;
  InferenceOptions options;
  options.higher_is_better = higher_is_better(outcome.metric);
  const Scores full = scores_of("full", outcome);
  options.margin = absolute_margin(outcome.metric, outcome.margin, full.values.empty() ? 0 : full.mean());
  options.range = score_range(outcome.metric);
  options.difference = difference_bounds(outcome.metric);
  options.seed = seed;
  prediction.contrast = conclude({best}, others, options).contrasts[0];
}

}  // namespace thaw
