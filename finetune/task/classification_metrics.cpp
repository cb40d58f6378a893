#include "finetune/task/classification_metrics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "finetune/common/statistics.h"
#include "finetune/task/evaluate.h"

namespace thaw {
namespace {

// A metric that is a mean over examples.
Scored mean_of(std::vector<double> scores) {
  const double value = mean(scores);
  return {value, std::move(scores)};
}

std::size_t label_of(const Dataset& data, std::int64_t row) {
  return static_cast<std::size_t>(data[row].label);
}

// How often each class is right, answered, and the label; and the answers.
struct Tally {
  Tally(const Outputs& outputs, const Dataset& data)
      : hits(static_cast<std::size_t>(outputs.columns)), answered(hits), actual(hits) {
    for (std::int64_t i = 0; i < data.size(); ++i) {
      answers.push_back(static_cast<std::size_t>(answer(outputs, i)));
      const std::size_t label = label_of(data, i);
      ++answered[answers.back()];
      ++actual[label];
      if (answers.back() == label) ++hits[label];
    }
  }
  std::vector<double> hits, answered, actual;
  std::vector<std::size_t> answers;
};

// Two samples of a rank have the mean of the ranks that they share: 1, 2.5, 2.5, 4.
std::vector<double> midranks(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    for (std::size_t i = begin; i < end; ++i) ranks[order[i]] = static_cast<double>(begin + 1 + end) / 2;
  }
  return ranks;
}

}  // namespace

std::int64_t answer(const Outputs& outputs, std::int64_t row) {
  const float* z = outputs.row(row);
  return std::max_element(z, z + outputs.columns) - z;
}

double log_sum_exp(const Outputs& outputs, std::int64_t row) {
  const float* z = outputs.row(row);
  const double largest = *std::max_element(z, z + outputs.columns);
  double total = 0;
  for (std::int64_t c = 0; c < outputs.columns; ++c) total += std::exp(z[c] - largest);
  return largest + std::log(total);
}

Scored log_loss(const Outputs& outputs, const Dataset& data) {
  std::vector<double> losses;
  for (std::int64_t i = 0; i < data.size(); ++i)
    losses.push_back(log_sum_exp(outputs, i) - outputs.row(i)[label_of(data, i)]);
  return mean_of(std::move(losses));
}

Scored accuracy(const Outputs& outputs, const Dataset& data) {
  std::vector<double> right;
  for (std::int64_t i = 0; i < data.size(); ++i)
    right.push_back(static_cast<std::size_t>(answer(outputs, i)) == label_of(data, i) ? 1 : 0);
  return mean_of(std::move(right));
}

//   F1[c] = 2 hits[c] / (answered[c] + actual[c]), a quotient of means over examples; its influence at an
//   example: (2 [hit of c] - F1[c] ([answer is c] + [label is c])) n / (answered[c] + actual[c])
Scored macro_f1(const Outputs& outputs, const Dataset& data) {
  const Tally tally(outputs, data);
  const std::size_t classes = tally.hits.size();
  std::vector<double> f1(classes), count(classes);
  double present = 0, sum = 0;
  for (std::size_t c = 0; c < classes; ++c) {
    count[c] = tally.answered[c] + tally.actual[c];
    if (count[c] == 0) continue;  // a class that neither occurs nor is answered says nothing
    f1[c] = 2 * tally.hits[c] / count[c];
    sum += f1[c];
    ++present;
  }
  const double value = sum / present;
  Scored scored{value, {}};
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const std::size_t guess = tally.answers[static_cast<std::size_t>(i)], label = label_of(data, i);
    const double gain = guess == label ? 2 / count[label] : 0;
    const double pull = f1[guess] / count[guess] + f1[label] / count[label];
    scored.scores.push_back(value + static_cast<double>(data.size()) / present * (gain - pull));
  }
  return scored;
}

//   recall[c] = hits[c] / actual[c]; its influence at an example of c: ([hit] - recall[c]) n / actual[c]
Scored balanced_accuracy(const Outputs& outputs, const Dataset& data) {
  const Tally tally(outputs, data);
  double present = 0, sum = 0;
  for (std::size_t c = 0; c < tally.hits.size(); ++c)
    if (tally.actual[c] > 0) sum += tally.hits[c] / tally.actual[c], ++present;
  const double value = sum / present;
  Scored scored{value, {}};
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const std::size_t label = label_of(data, i);
    const double actual = tally.actual[label];
    const double hit = tally.answers[static_cast<std::size_t>(i)] == label ? 1 : 0;
    const double share = static_cast<double>(data.size()) / (present * actual);
    scored.scores.push_back(value + share * (hit - tally.hits[label] / actual));
  }
  return scored;
}

// A sample's placement is the share of the other class that it is on the right side of: by its rank among all
// less its rank among its own.
Scored roc_auc(const Outputs& outputs, const Dataset& data) {
  std::vector<double> all, of_class[2];
  for (std::int64_t i = 0; i < data.size(); ++i) {
    all.push_back(static_cast<double>(outputs.row(i)[1]) - outputs.row(i)[0]);
    of_class[label_of(data, i)].push_back(all.back());
  }
  if (of_class[0].empty() || of_class[1].empty()) return {NAN, std::vector<double>(all.size(), NAN)};
  const double count[2] = {static_cast<double>(of_class[0].size()), static_cast<double>(of_class[1].size())};
  const std::vector<double> rank = midranks(all), own[2] = {midranks(of_class[0]), midranks(of_class[1])};
  std::vector<double> placement;
  std::size_t seen[2] = {0, 0};
  double pairs = 0;  // those in the right order; a sum of halves, which is exact
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::size_t label = label_of(data, static_cast<std::int64_t>(i)), other = 1 - label;
    const double below = rank[i] - own[label][seen[label]++];
    placement.push_back(label == 1 ? below / count[other] : 1 - below / count[other]);
    if (label == 1) pairs += below;
  }
  const double value = pairs / (count[0] * count[1]);
  Scored scored{value, {}};
  const double n = static_cast<double>(all.size());
  for (std::size_t i = 0; i < all.size(); ++i)
    scored.scores.push_back(value +
                            n / count[label_of(data, static_cast<std::int64_t>(i))] * (placement[i] - value));
  return scored;
}

// The sum of |excess of a bin|: an example's part has the sign of its bin.
Scored calibration_error(const Outputs& outputs, const Dataset& data) {
  constexpr std::size_t kBins = 15;
  std::array<double, kBins> total{};
  std::vector<double> excess;
  std::vector<std::size_t> bins;
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const auto guess = static_cast<std::size_t>(answer(outputs, i));
    const double confidence = std::exp(outputs.row(i)[guess] - log_sum_exp(outputs, i));
    bins.push_back(std::min(static_cast<std::size_t>(confidence * kBins), kBins - 1));
    excess.push_back(confidence - (guess == label_of(data, i) ? 1 : 0));
    total[bins.back()] += excess.back();
  }
  double sum = 0;
  for (const double of_bin : total) sum += std::abs(of_bin);
  Scored scored{sum / static_cast<double>(data.size()), {}};
  for (std::size_t i = 0; i < excess.size(); ++i)
    scored.scores.push_back(total[bins[i]] < 0 ? -excess[i] : excess[i]);
  return scored;
}

}  // namespace thaw
