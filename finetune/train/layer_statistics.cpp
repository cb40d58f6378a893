#include "finetune/train/layer_statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace thaw {
namespace {

using Values = std::vector<float>;

std::vector<Values> copy_weights(const Model& model) {
  std::vector<Values> copies;
  for (const ParameterPtr& parameter : model.parameters()) {
    const float* values = std::as_const(parameter->tensor).data<float>();
    copies.emplace_back(values, values + parameter->tensor.numel());
  }
  return copies;
}

double squared_norm(const float* values, std::int64_t count) {
  return std::inner_product(values, values + count, values, 0.0);
}

double squared_distance(const Values& from, const float* to) {
  double sum = 0;
  for (std::size_t i = 0; i < from.size(); ++i) sum += std::pow(static_cast<double>(to[i]) - from[i], 2);
  return sum;
}

std::vector<double> ratios(const std::vector<double>& squares, const std::vector<double>& of) {
  std::vector<double> result;
  for (std::size_t g = 0; g < squares.size(); ++g)
    result.push_back(std::sqrt(squares[g] / (of[g] > 0 ? of[g] : 1)));
  return result;
}

}  // namespace

LayerStatistics::LayerStatistics(const Model& model, std::int64_t total_updates, std::int64_t samples)
    : total_(total_updates),
      every_(std::max<std::int64_t>(total_updates / samples, 1)),
      start_(copy_weights(model)) {}

bool LayerStatistics::is_due(std::int64_t completed) const {
  return completed % every_ == 0 || completed + 1 == total_;
}

void LayerStatistics::before_step(const Moment& now) {
  loss_sum_ += now.loss;
  ++losses_;
  if (!is_due(now.completed)) return;
  const Model& model = now.model;
  std::vector<double> squares(model.groups().size());
  for (const ParameterPtr& parameter : model.parameters())
    if (const Tensor gradient = parameter->tensor.grad(); gradient.defined()) {
      const Tensor dense = gradient.contiguous();
      squares[static_cast<std::size_t>(parameter->group)] +=
          squared_norm(std::as_const(dense).data<float>(), dense.numel());
    }
  sample_ = {.step = now.completed + 1, .loss = loss_sum_ / static_cast<double>(losses_)};
  for (const double square : squares) sample_.gradient.push_back(std::sqrt(square));
  loss_sum_ = 0;
  losses_ = 0;
  before_ = copy_weights(model);
}

void LayerStatistics::after_step(const Moment& now) {
  if (!is_due(now.completed)) return;
  const Model& model = now.model;
  const std::size_t groups = model.groups().size();
  std::vector<double> update(groups), trained(groups), moved(groups), start(groups);
  const std::vector<ParameterPtr> parameters = model.parameters();
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto g = static_cast<std::size_t>(parameters[i]->group);
    const float* weights = std::as_const(parameters[i]->tensor).data<float>();
    if (parameters[i]->tensor.requires_grad()) {
      update[g] += squared_distance(before_[i], weights);
      trained[g] += squared_norm(before_[i].data(), parameters[i]->tensor.numel());
    }
    moved[g] += squared_distance(start_[i], weights);
    start[g] += squared_norm(start_[i].data(), parameters[i]->tensor.numel());
  }
  sample_.update_ratio = ratios(update, trained);
  sample_.weight_distance = ratios(moved, start);
  samples_.push_back(sample_);
  before_.clear();
}

}  // namespace thaw
