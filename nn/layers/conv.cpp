#include "nn/layers/conv.h"

#include <algorithm>
#include <vector>

#include "core/ops.h"

namespace thaw {
namespace {

void check_options(const char* layer, std::int64_t in, std::int64_t out, const ConvOptions& options) {
  if (options.groups < 1 || in % options.groups != 0 || out % options.groups != 0)
    fail_input('[', layer, "] ", options.groups, " groups do not divide ", in, " input and ", out,
               " output channels");
}

// "Same" padding of x for a square filter: `params` has it where it is symmetric, else x gets it.
Tensor pad_same(const Tensor& x, std::int64_t kernel, ConvParams& params) {
  std::vector<std::int64_t> before_after;
  bool is_symmetric = true;
  for (const int d : {1, 0}) {
    const std::int64_t size = x.size(2 + d), stride = params.stride[d];
    const std::int64_t outputs = (size + stride - 1) / stride;
    const std::int64_t reach = (outputs - 1) * stride + params.dilation[d] * (kernel - 1) + 1;
    const std::int64_t zeros = std::max<std::int64_t>(0, reach - size);
    params.padding[d] = zeros / 2;
    before_after.insert(before_after.end(), {zeros / 2, zeros - zeros / 2});
    is_symmetric = is_symmetric && zeros % 2 == 0;
  }
  if (is_symmetric) return x;
  params.padding[0] = params.padding[1] = 0;
  return pad(x, before_after);
}

}  // namespace

Conv2d::Conv2d(std::int64_t in, std::int64_t out, std::int64_t kernel, const Init& init, ConvOptions options)
    : same_padding_(options.same_padding) {
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
  ConvParams params = params_;
  const Tensor padded = same_padding_ && x.rank() == 4 ? pad_same(x, weight_->tensor.size(2), params) : x;
  return conv2d(padded, weight_->tensor, bias_ ? bias_->tensor : Tensor(), params);
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
