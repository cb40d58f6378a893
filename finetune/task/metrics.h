// Metrics of outputs beside what is right: their names, which way is better, how far they reach, what a
// margin of them means, and how they are computed. Each task lists its own once; monitors, plateaus, what
// compare judges by and its statistics all go by these lists.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "finetune/data/dataset.h"

namespace thaw {

class Task;

// What a model gives for each sample, row-major: [N, classes or 1], or of sequences a row for each place. Of one that writes
// [N, 2]: the sum of the loss of its transcript's tokens, and how many these are.
struct Outputs {
  std::int64_t columns = 0;
  std::vector<float> values;
  std::vector<std::int64_t> starts =
      {};  // of sequences: each sample's first row, and the end; empty: a row each
  std::vector<std::string> texts = {};  // of a model that writes: what it has written

  std::int64_t first_row(std::int64_t sample) const {
    return starts.empty() ? sample : starts[static_cast<std::size_t>(sample)];
  }
  std::int64_t rows(std::int64_t sample) const { return first_row(sample + 1) - first_row(sample); }
  const float* row(std::int64_t sample) const { return values.data() + first_row(sample) * columns; }
};

// The sample, counted from 0; nothing where every output is a finite number.
std::optional<std::int64_t> first_row_not_finite(const Outputs& outputs);

// A metric's value and each example's part in it. The parts' mean is the value. For a metric that is a mean
// over examples they are what the mean is taken of; for any other, its linearisation: the value plus the
// example's influence on it, whose mean is 0 (the delta method; Hampel 1974). The variance of their mean is
// then that of the metric, to first order.
struct Scored {
  double value = 0;
  std::vector<double> scores;
};

// What a metric needs to be a number.
enum class Requires {
  nothing,
  two_classes,    // that the task has two classes, and that both occur
  varied_targets  // that the targets differ
};

struct MetricSpec {
  const char* name;
  const char* words;  // for people
  bool higher_is_better;
  bool relative_margin;  // a margin of it is a share of full's value; else a difference
  double least, most;    // what it can be
  double score_range;    // how far apart two examples' scores can be; 0: no limit
  Requires needs;
  Scored (*compute)(const Outputs& outputs, const Dataset& data);  // outputs are finite, samples at least one
};

// InputError where `part` of the data, which `part_name` says in words, leaves the metric undefined: too many
// classes, one class alone, equal targets. `key`: of the config that asks for it.
void check_defined(const MetricSpec& spec, const std::string& key, const Dataset& part,
                   const std::string& part_name);

// Metrics that `data` leave undefined, and why, in words; empty: none.
std::string undefined_metrics(const Task& task, const Dataset& data);

// Named numbers in the list's order; those that need two classes only where there are two. All are NaN where
// an output is not finite, and each is where the data leave it undefined.
using Metrics = std::vector<std::pair<std::string, double>>;
Metrics compute_metrics(const Task& task, const Outputs& outputs, const Dataset& data);
const double* find_metric(const Metrics& metrics, const std::string& name);  // null: it is not among them
double metric(const Metrics& metrics, const std::string& name);  // throws InputError listing the names

// Each example's part in `metric`, see Scored. All are NaN where the metric is.
std::vector<float> example_scores(const Task& task, const Outputs& outputs, const Dataset& data,
                                  const std::string& metric);

// By name, whatever the task, a name of none having none of it; "validation_" before it is passed over.
const MetricSpec* find_metric_spec(std::string name);  // null: there is none
bool is_metric(const std::string& name);
bool higher_is_better(const std::string& metric);
double score_range(const std::string& metric);
std::string metric_words(const std::string& metric);

// A difference of `metric` as large as `margin`: a margin is a difference, or a share of `full`'s value, as
// the list says.
double absolute_margin(const std::string& metric, double margin, double full);

}  // namespace thaw
