#include "finetune/task/confusion.h"

#include "finetune/task/classification_metrics.h"
#include "finetune/task/evaluate.h"

namespace thaw {

Confusion confusion_of(const Outputs& outputs, const Dataset& data) {
  Confusion confusion;
  if (data.targets != Targets::classes || first_row_not_finite(outputs)) return confusion;
  for (std::int64_t i = 0; i < data.size(); ++i) ++confusion[{data[i].label, answer(outputs, i)}];
  return confusion;
}

void add(const Confusion& from, Confusion& to) {
  for (const auto& [pair, count] : from) to[pair] += count;
}

std::vector<ClassScore> class_scores(const Confusion& confusion, std::size_t classes) {
  std::vector<ClassScore> scores(classes);
  for (const auto& [pair, count] : confusion) {
    ClassScore& of_label = scores[static_cast<std::size_t>(pair.first)];
    of_label.support += count;
    scores[static_cast<std::size_t>(pair.second)].answered += count;
    if (pair.first == pair.second) of_label.right += count;
  }
  const auto ratio = [](std::int64_t part, std::int64_t whole) -> std::optional<double> {
    if (whole == 0) return std::nullopt;
    return static_cast<double>(part) / static_cast<double>(whole);
  };
  for (ClassScore& score : scores) {
    score.precision = ratio(score.right, score.answered);
    score.recall = ratio(score.right, score.support);
    score.f1 = ratio(2 * score.right, score.answered + score.support);
  }
  return scores;
}

}  // namespace thaw
