#include "nn/layers/norm.h"

#include "core/ops.h"

namespace thaw {

BatchNorm::BatchNorm(std::int64_t channels, const Init& init, double eps, double momentum)
    : eps_(eps),
      momentum_(momentum),
      weight_(add_parameter("weight", init.constant({channels}, 1), ParameterKind::norm)),
      bias_(add_parameter("bias", init.constant({channels}, 0), ParameterKind::norm, true)),
      running_mean_(add_buffer("running_mean", init.constant({channels}, 0))),
      running_var_(add_buffer("running_var", init.constant({channels}, 1))),
      batches_(add_buffer("num_batches_tracked", zeros({}, {DType::i64, init.device}))) {}

Tensor BatchNorm::forward(const Tensor& x) {
  const TraceScope trace(scope());
  const bool update = training() && update_statistics_;
  const bool by_batch = training() && batch_statistics_;
  const auto& gamma = weight_->tensor;
  const auto& beta = bias_->tensor;
  if (!update && !by_batch)
    return batch_norm_eval(x, running_mean_->tensor, running_var_->tensor, gamma, beta, eps_);
  if (by_batch) {
    const BatchNormResult result = batch_norm_train(x, gamma, beta, eps_);
    if (update) update_running(result.mean, result.var, x.numel() / x.size(1));
    return result.y;
  }
  Tensor y =
      batch_norm_eval(x, running_mean_->tensor.clone(), running_var_->tensor.clone(), gamma, beta, eps_);
  const NoGrad no_grad;
  const BatchNormResult batch = batch_norm_train(x, {}, {}, eps_);
  update_running(batch.mean, batch.var, x.numel() / x.size(1));
  return y;
}

void BatchNorm::update_running(const Tensor& mean, const Tensor& var, std::int64_t count) {
  const NoGrad no_grad;
  const double n = static_cast<double>(count);
  const double unbiased = n > 1 ? n / (n - 1) : 1.0;
  auto blend = [this](Tensor& running, const Tensor& batch, double scale) {
    kernels::copy(running, running * (1 - momentum_) + batch.reshape(running.shape()) * (momentum_ * scale));
  };
  blend(running_mean_->tensor, mean, 1.0);
  blend(running_var_->tensor, var, unbiased);
  kernels::accumulate(batches_->tensor, ones({}, like(batches_->tensor)));
}

LayerNorm::LayerNorm(std::int64_t size, const Init& init, double eps)
    : eps_(eps),
      weight_(add_parameter("weight", init.constant({size}, 1), ParameterKind::norm)),
      bias_(add_parameter("bias", init.constant({size}, 0), ParameterKind::norm, true)) {}

Tensor LayerNorm::forward(const Tensor& x) {
  const TraceScope trace(scope());
  return layer_norm(x, 1, weight_->tensor, bias_->tensor, eps_);
}

RmsNorm::RmsNorm(std::int64_t size, const Init& init, double eps)
    : eps_(eps), weight_(add_parameter("weight", init.constant({size}, 1), ParameterKind::norm)) {}

Tensor RmsNorm::forward(const Tensor& x) {
  const TraceScope trace(scope());
  return rms_norm(x, weight_->tensor, eps_);
}

GroupNorm::GroupNorm(std::int64_t groups, std::int64_t channels, const Init& init, double eps)
    : groups_(groups),
      eps_(eps),
      weight_(add_parameter("weight", init.constant({channels}, 1), ParameterKind::norm)),
      bias_(add_parameter("bias", init.constant({channels}, 0), ParameterKind::norm, true)) {}

Tensor GroupNorm::forward(const Tensor& x) {
  const TraceScope trace(scope());
  return group_norm(x, groups_, weight_->tensor, bias_->tensor, eps_);
}

}  // namespace thaw
