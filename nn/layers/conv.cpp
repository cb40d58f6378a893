#include "nn/layers/conv.h"

#include "core/ops.h"

namespace thaw {
namespace {

void check_options(const char* layer, std::int64_t in, std::int64_t out, const ConvOptions& options) {
  if (options.groups < 1 || in % options.groups != 0 || out % options.groups != 0)
    fail_input('[', layer, "] ", options.groups, " groups do not divide ", in, " input and ", out,
               " output channels");
}

}  // namespace

Conv2d::Conv2d(std::int64_t in, std::int64_t out, std::int64_t kernel, const Init& init,
               ConvOptions options) {
  check_options("conv2d", in, out, options);
  params_ = {{options.stride, options.stride},
             {options.padding, options.padding},
             {options.dilation, options.dilation},
             options.groups};
  const std::int64_t fan_in = in / options.groups * kernel * kernel;
  weight_ = add_parameter("weight",
                          init.uniform_fan_in({out, in / options.groups, kernel, kernel}, fan_in, "weight"),
                          ParameterKind::weight);
  if (options.bias)
    bias_ = add_parameter("bias", init.uniform_fan_in({out}, fan_in, "bias"), ParameterKind::bias, true);
}

Tensor Conv2d::forward(const Tensor& x) {
  const TraceScope trace(scope());
  return conv2d(x, weight_->tensor, bias_ ? bias_->tensor : Tensor(), params_);
}

Conv1d::Conv1d(std::int64_t in, std::int64_t out, std::int64_t kernel, const Init& init, ConvOptions options)
    : options_(options) {
  check_options("conv1d", in, out, options);
  const std::int64_t fan_in = in / options.groups * kernel;
  weight_ = add_parameter("weight", init.uniform_fan_in({out, in / options.groups, kernel}, fan_in, "weight"),
                          ParameterKind::weight);
  if (options.bias)
    bias_ = add_parameter("bias", init.uniform_fan_in({out}, fan_in, "bias"), ParameterKind::bias, true);
}

Tensor Conv1d::forward(const Tensor& x) {
  const TraceScope trace(scope());
  return conv1d(x, weight_->tensor, bias_ ? bias_->tensor : Tensor(), options_.stride, options_.padding,
                options_.dilation, options_.groups);
}

}  // namespace thaw
