#include "finetune/run/further_metrics.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <utility>
#include <vector>

#include "core/error.h"
#include "finetune/config/chosen_metrics.h"

namespace thaw {
namespace {

constexpr std::int64_t kMostSamples = 1000;  // time and memory grow with the square

void normalise_rows(Outputs& features) {
  for (auto row = features.values.begin(); row != features.values.end(); row += features.columns) {
    const double length = std::sqrt(std::inner_product(row, row + features.columns, row, 0.0));
    if (length > 0)
      std::transform(row, row + features.columns, row,
                     [&](float x) { return static_cast<float>(x / length); });
  }
}

// The `count` rows nearest to `row`, ascending; ties by place.
std::vector<std::int64_t> neighbours_of(const Outputs& features, std::int64_t row, std::int64_t count) {
  const auto samples = static_cast<std::int64_t>(features.values.size()) / features.columns;
  std::vector<std::pair<float, std::int64_t>> others;
  for (std::int64_t other = 0; other < samples; ++other) {
    if (other == row) continue;
    const float* a = features.row(row);
    others.emplace_back(-std::inner_product(a, a + features.columns, features.row(other), 0.0F), other);
  }
  std::partial_sort(others.begin(), others.begin() + count, others.end());
  std::vector<std::int64_t> nearest;
  for (std::int64_t i = 0; i < count; ++i) nearest.push_back(others[static_cast<std::size_t>(i)].second);
  std::sort(nearest.begin(), nearest.end());
  return nearest;
}

void check_neighbours(std::int64_t count, const Dataset& data) {
  const std::int64_t samples = std::min(data.size(), kMostSamples);
  if (samples <= count)
    fail_input("compare.neighbours = ", count, " needs more test samples than the ", samples,
               " there are; lower it");
}

}  // namespace

void check_further_metrics(const Config& config, const Dataset& test) {
  if (config.compare.neighbours > 0) check_neighbours(config.compare.neighbours, test);
}

void add_further_metrics(const Config& config, const PreparedData& data, const Predict& predict,
                         Metrics& to) {
  const std::string name = compared_metric(config).name;
  const auto add = [&](const std::string& where, const Dataset& part) {
    to.emplace_back(where + "_" + name, metric(compute_metrics(*data.task, predict(part), part), name));
  };
  for (const ShiftedData& shifted : data.shifted) add(shifted.name, shifted.data);
  if (config.compare.training_score) add("training", data.train);
}

bool is_further_metric(const std::string& name, const std::string& main) {
  return (name.ends_with("_" + main) && !is_metric(name)) || name == "neighbours_kept";
}

double neighbours_kept(Model& before, Model& after, const Dataset& data, std::int64_t count) {
  check_neighbours(count, data);
  const std::int64_t samples = std::min(data.size(), kMostSamples);
  std::vector<std::int64_t> rows(static_cast<std::size_t>(samples));
  std::iota(rows.begin(), rows.end(), 0);
  const Dataset part = data.subset(rows);
  Outputs first = features_all(before, part), second = features_all(after, part);
  normalise_rows(first);
  normalise_rows(second);
  std::int64_t kept = 0;
  for (const std::int64_t row : rows) {
    const auto a = neighbours_of(first, row, count), b = neighbours_of(second, row, count);
    std::vector<std::int64_t> both;
    std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
    kept += static_cast<std::int64_t>(both.size());
  }
  return static_cast<double>(kept) / static_cast<double>(samples * count);
}

}  // namespace thaw
