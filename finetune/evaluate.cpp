#include "finetune/evaluate.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/autograd.h"
#include "core/error.h"
#include "finetune/batch.h"

namespace thaw {
namespace {

// log(sum(exp(z)))
double log_sum_exp(const float* z, std::int64_t classes) {
  const double largest = *std::max_element(z, z + classes);
  double total = 0;
  for (std::int64_t c = 0; c < classes; ++c) total += std::exp(z[c] - largest);
  return largest + std::log(total);
}

// The expected calibration error (Guo et al. 2017, eq. 3): over bins of equal width of the probability given
// to the answer, how far that probability is from the share of right answers.
class Calibration {
 public:
  void add(double confidence, bool is_right) {
    const auto bin = std::min(static_cast<std::size_t>(confidence * kBins), kBins - 1);
    excess_[bin] += confidence - (is_right ? 1 : 0);
    ++count_;
  }
  double error() const {
    double sum = 0;
    for (const double excess : excess_) sum += std::abs(excess);
    return sum / count_;
  }

 private:
  static constexpr std::size_t kBins = 15;
  std::array<double, kBins> excess_{};
  double count_ = 0;
};

Metrics classification_metrics(const Outputs& outputs, const Dataset& data) {
  const auto classes = static_cast<std::size_t>(outputs.columns);
  std::vector<double> hits(classes), predicted(classes), actual(classes);
  double loss = 0;
  double correct = 0;
  Calibration calibration;
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const float* z = outputs.row(i);
    const auto label = static_cast<std::size_t>(data.label[static_cast<std::size_t>(i)]);
    const auto guess = static_cast<std::size_t>(std::max_element(z, z + classes) - z);
    const double total = log_sum_exp(z, outputs.columns);
    loss += total - z[label];
    calibration.add(std::exp(z[guess] - total), guess == label);
    ++predicted[guess];
    ++actual[label];
    if (guess == label) ++hits[label], ++correct;
  }
  double f1 = 0;
  double present = 0;
  for (std::size_t c = 0; c < classes; ++c) {
    if (predicted[c] + actual[c] == 0) continue;  // a class that neither occurs nor is guessed says nothing
    f1 += 2 * hits[c] / (predicted[c] + actual[c]);
    ++present;
  }
  const auto n = static_cast<double>(data.size());
  return {{"loss", loss / n},
          {"accuracy", correct / n},
          {"macro_f1", f1 / std::max(present, 1.0)},
          {"calibration_error", calibration.error()}};
}

Metrics regression_metrics(const Outputs& outputs, const Dataset& data) {
  const auto n = static_cast<double>(data.size());
  const double mean = std::accumulate(data.target.begin(), data.target.end(), 0.0) / n;
  double squared = 0, absolute = 0, spread = 0;
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const double target = data.target[static_cast<std::size_t>(i)];
    const double error = *outputs.row(i) - target;
    squared += error * error;
    absolute += std::abs(error);
    spread += (target - mean) * (target - mean);
  }
  return {{"loss", squared / n},
          {"rmse", std::sqrt(squared / n)},
          {"mae", absolute / n},
          {"r2", spread > 0 ? 1 - squared / spread : 0.0}};
}

}  // namespace

namespace {

// Texts of a batch are padded to the longest, so that small batches waste less.
std::int64_t batch_size_for(const Dataset& data) { return data.is_text() ? 32 : 256; }

Outputs outputs_of(Model& model, const Dataset& data, Tensor (Model::*function)(const ModelInput&)) {
  const NoGrad no_grad;
  const bool was_training = model.training();
  model.train(false);
  Outputs outputs;
  for_each_batch(data, batch_size_for(data), [&](const ModelInput& x, const std::vector<std::int64_t>& rows) {
    const Tensor y = (model.*function)(x).contiguous();
    outputs.columns = y.size(1);
    outputs.values.resize(static_cast<std::size_t>(data.size() * outputs.columns));
    const float* from = y.data<float>();
    for (const std::int64_t row : rows) {
      std::copy_n(from, outputs.columns, outputs.values.data() + row * outputs.columns);
      from += outputs.columns;
    }
  });
  model.train(was_training);
  return outputs;
}

}  // namespace

Outputs predict_all(Model& model, const Dataset& data) { return outputs_of(model, data, &Model::forward); }

Outputs features_all(Model& model, const Dataset& data) { return outputs_of(model, data, &Model::features); }

std::optional<std::int64_t> first_row_not_finite(const Outputs& outputs) {
  const auto found = std::find_if_not(outputs.values.begin(), outputs.values.end(),
                                      [](float value) { return std::isfinite(value); });
  if (found == outputs.values.end()) return std::nullopt;
  return (found - outputs.values.begin()) / outputs.columns;
}

Metrics compute_metrics(const Outputs& outputs, const Dataset& data) {
  if (data.size() == 0) fail_input("there is nothing to evaluate: the data set is empty");
  // The largest of logits that are NaN is the first, so that they would be answers like others.
  if (first_row_not_finite(outputs)) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    if (data.label.empty()) return {{"loss", nan}, {"rmse", nan}, {"mae", nan}, {"r2", nan}};
    return {{"loss", nan}, {"accuracy", nan}, {"macro_f1", nan}, {"calibration_error", nan}};
  }
  return data.label.empty() ? regression_metrics(outputs, data) : classification_metrics(outputs, data);
}

std::vector<float> example_scores(const Outputs& outputs, const Dataset& data) {
  if (first_row_not_finite(outputs)) return std::vector<float>(data.id.size(), NAN);
  std::vector<float> scores;
  scores.reserve(data.id.size());
  const bool regression = data.label.empty();
  const double rmse = regression ? metric(compute_metrics(outputs, data), "rmse") : 0;
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const float* y = outputs.row(i);
    if (regression) {
      const double error = *y - data.target[static_cast<std::size_t>(i)];
      scores.push_back(static_cast<float>(rmse > 0 ? rmse + (error * error - rmse * rmse) / (2 * rmse) : 0));
    } else {
      const auto guess = std::max_element(y, y + outputs.columns) - y;
      scores.push_back(guess == data.label[static_cast<std::size_t>(i)] ? 1.0F : 0.0F);
    }
  }
  return scores;
}

Metrics evaluate(Model& model, const Dataset& data) {
  return compute_metrics(predict_all(model, data), data);
}

double metric(const Metrics& metrics, const std::string& name) {
  std::string known;
  for (const auto& [key, value] : metrics) {
    if (key == name) return value;
    known += (known.empty() ? "" : ", ") + key;
  }
  fail_input("no metric '", name, "'; there are: ", known);
}

const char* main_metric(const Dataset& data) { return data.label.empty() ? "rmse" : "accuracy"; }

bool higher_is_better(const std::string& metric) {
  return metric.ends_with("accuracy") || metric.ends_with("macro_f1") || metric.ends_with("r2");
}

double score_range(const std::string& metric) { return metric == "accuracy" ? 1 : 0; }

}  // namespace thaw
