#include "finetune/evaluate.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/autograd.h"
#include "core/error.h"
#include "finetune/batch.h"

namespace thaw {
namespace {

// log(sum(exp(z))) - z[label]
double negative_log_likelihood(const float* z, std::int64_t classes, std::int64_t label) {
  const double largest = *std::max_element(z, z + classes);
  double total = 0;
  for (std::int64_t c = 0; c < classes; ++c) total += std::exp(z[c] - largest);
  return largest + std::log(total) - z[label];
}

Metrics classification_metrics(const Outputs& outputs, const Dataset& data) {
  const auto classes = static_cast<std::size_t>(outputs.columns);
  std::vector<double> hits(classes), predicted(classes), actual(classes);
  double loss = 0;
  double correct = 0;
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const float* z = outputs.row(i);
    const auto label = static_cast<std::size_t>(data.label[static_cast<std::size_t>(i)]);
    const auto guess = static_cast<std::size_t>(std::max_element(z, z + classes) - z);
    loss += negative_log_likelihood(z, outputs.columns, static_cast<std::int64_t>(label));
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
  return {{"loss", loss / n}, {"accuracy", correct / n}, {"macro_f1", f1 / std::max(present, 1.0)}};
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

Outputs predict_all(Model& model, const Dataset& data, std::int64_t batch_size) {
  const NoGrad no_grad;
  const bool was_training = model.training();
  model.train(false);
  Outputs outputs;
  std::vector<std::int64_t> rows;
  for (std::int64_t begin = 0; begin < data.size(); begin += batch_size) {
    rows.resize(static_cast<std::size_t>(std::min(batch_size, data.size() - begin)));
    std::iota(rows.begin(), rows.end(), begin);
    const Tensor y = model.forward(make_batch(data, rows).x).contiguous();
    outputs.columns = y.size(1);
    outputs.values.insert(outputs.values.end(), y.data<float>(), y.data<float>() + y.numel());
  }
  model.train(was_training);
  return outputs;
}

Metrics compute_metrics(const Outputs& outputs, const Dataset& data) {
  if (data.size() == 0) fail_input("there is nothing to evaluate: the data set is empty");
  return data.label.empty() ? regression_metrics(outputs, data) : classification_metrics(outputs, data);
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

}  // namespace thaw
