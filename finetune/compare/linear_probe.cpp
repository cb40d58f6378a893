#include "finetune/compare/linear_probe.h"

#include <cmath>
#include <utility>

#include "core/autograd.h"
#include "core/ops.h"
#include "nn/optim/lbfgs.h"

namespace thaw {
namespace {

constexpr double kStrongest = -3, kWeakest = 3;  // exponents of C

// Mean loss and penalty, whose minimum is that of the sum over the samples, at weights [outputs, features +
// 1].
class Loss {
 public:
  Loss(const ProbeData& train, double c)
      : x_(train.x), task_(*train.task), targets_(task_.probe_targets(*train.data)) {
    const auto n = static_cast<double>(x_.size(0));
    penalty_ = 1 / (2 * c * n);
    const auto classes = static_cast<std::int64_t>(train.class_weights.size());
    if (classes > 0) class_weight_ = from_vector(train.class_weights, {classes}, {DType::f64});
  }

  double operator()(const std::vector<double>& weights, std::vector<double>& gradient) const {
    const std::int64_t features = x_.size(1);
    Tensor w = from_vector(
        weights, {static_cast<std::int64_t>(weights.size()) / (features + 1), features + 1}, {DType::f64});
    w.set_requires_grad();
    const Tensor slope = slice(w, 1, 0, features), shift = select(w, 1, features);
    const Tensor y = linear(x_, slope, shift);
    const Tensor loss = task_.probe_loss(y, targets_, class_weight_) + sum(square(slope)) * penalty_;
    loss.backward();
    const Tensor dw = w.grad().contiguous();
    gradient.assign(std::as_const(dw).data<double>(), std::as_const(dw).data<double>() + dw.numel());
    return loss.item();
  }

 private:
  Tensor x_;
  const Task& task_;
  Tensor targets_, class_weight_;
  double penalty_;
};

}  // namespace

LinearModel LinearModel::fit(const ProbeData& train, double c, const LinearModel* warm) {
  LinearModel model;
  model.outputs_ = train.task->outputs(*train.data);
  model.features_ = train.x.size(1);
  const auto size = static_cast<std::size_t>(model.outputs_ * (model.features_ + 1));
  model.weights_ = minimise(Loss(train, c), warm != nullptr ? warm->weights_ : std::vector<double>(size)).x;
  return model;
}

Outputs LinearModel::predict(const Tensor& x) const {
  const NoGrad no_grad;
  const Tensor w = from_vector(weights_, {outputs_, features_ + 1}, {DType::f64});
  const Tensor y =
      cast(linear(x, slice(w, 1, 0, features_), select(w, 1, features_)), DType::f32).contiguous();
  return {outputs_, {std::as_const(y).data<float>(), std::as_const(y).data<float>() + y.numel()}};
}

Probe fit_probe(const ProbeData& train, const ProbeData& validation, const std::string& name) {
  if (validation.data->size() == 0) return {LinearModel::fit(train, 1), 1, {}};
  const double sign = higher_is_better(name) ? 1 : -1;
  // Larger is better, the first number first.
  const auto rating = [&](const Metrics& metrics) -> std::pair<double, double> {
    const double loss = metric(metrics, "loss");
    if (!std::isfinite(loss)) return {-INFINITY, -INFINITY};
    return {sign * metric(metrics, name), -loss};
  };
  Probe best;
  LinearModel last;
  for (double exponent = kStrongest; exponent <= kWeakest; ++exponent) {
    const double c = std::pow(10, exponent);
    last = LinearModel::fit(train, c, exponent == kStrongest ? nullptr : &last);
    const Metrics metrics = compute_metrics(*validation.task, last.predict(validation.x), *validation.data);
    if (best.validation.empty() || rating(metrics) > rating(best.validation)) best = {last, c, metrics};
  }
  return best;
}

Tensor standardised(const Tensor& x, const Tensor& of) {
  const NoGrad no_grad;
  const Tensor deviation = sqrt(var(of, {0}, 0));
  const Tensor scale = where(gt(deviation, zeros({}, like(deviation))), reciprocal(deviation),
                             zeros(deviation.shape(), like(deviation)));
  return (x - mean(of, {0})) * scale;
}

}  // namespace thaw
