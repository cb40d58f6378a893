// Convolutions over [N, C, L] and [N, C, H, W].
#pragma once

#include "kernels/kernels.h"
#include "nn/init.h"
#include "nn/module.h"

namespace thaw {

struct ConvOptions {
  std::int64_t stride = 1;
  std::int64_t padding = 0;
  std::int64_t dilation = 1;
  std::int64_t groups = 1;
  bool bias = true;
  // 2-D: in place of `padding` as many zeros as make ceil(size / stride) outputs, the odd one behind (TensorFlow's "same").
  bool same_padding = false;
};

class Conv2d : public Module {
 public:
  Conv2d(std::int64_t in, std::int64_t out, std::int64_t kernel, const Init& init, ConvOptions options = {});
  Tensor forward(const Tensor& x);
  const ParameterPtr& weight() const { return weight_; }  // [out, in/groups, k, k]
  const ParameterPtr& bias() const { return bias_; }

 private:
  ConvParams params_;
  bool same_padding_;
  ParameterPtr weight_, bias_;
};

class Conv1d : public Module {
 public:
  Conv1d(std::int64_t in, std::int64_t out, std::int64_t kernel, const Init& init, ConvOptions options = {});
  Tensor forward(const Tensor& x);
  const ParameterPtr& weight() const { return weight_; }  // [out, in/groups, k]
  const ParameterPtr& bias() const { return bias_; }

 private:
  ConvOptions options_;
  ParameterPtr weight_, bias_;
};

}  // namespace thaw
