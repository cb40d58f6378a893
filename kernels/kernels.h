// The device contract: one line per kernel, output first.
//
//   THAW_KERNEL(name, cost, arguments...)
//
// declares cpu::name (with THAW_HAS_CUDA also cuda::name) and the callable kernels::name that dispatches
// between them. A kernel without a CUDA version is a link error, never a stub. `cost` is FLOPs per element of
// the largest view, or a function of the arguments.
//
// Rules:
//   - The caller has checked the shapes.
//   - Kernels know no gradients, allocate scratch memory only, and throw nothing but std::bad_alloc for it.
//   - Elementwise kernels, copy and reductions accept any strides. THAW_DENSE_KERNEL declares one whose views are all
//     contiguous, which a build with assertions checks.
//   - Floating-point kernels take f32 and f64. f64 may be slow: it serves gradient checks.
//   - An absent view has rank -1.
//   - Results do not depend on the number of threads.
//   - `<op>_vjp` stands next to its forward kernel.
#pragma once

#include "kernels/kernel.h"
#include "kernels/memory.h"
#include "kernels/scalar.h"
#include "kernels/view.h"

namespace thaw {

// Threads that kernels use; 0 restores the default (all cores).
void set_num_threads(int threads);
int num_threads();
// What the CPU's products are computed with, "avx512" or "v3", or "portable"; see cpu/gemm_tile.h.
const char* product_instructions();

// Identifies a stream of random numbers. core/random.h says how keys are made.
struct RandomKey {
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;
};

struct ConvParams {  // per spatial dimension, in the order height, width
  std::int64_t stride[2] = {1, 1};
  std::int64_t padding[2] = {0, 0};
  std::int64_t dilation[2] = {1, 1};
  std::int64_t groups = 1;
};

struct PoolParams {
  std::int64_t size[2] = {2, 2};
  std::int64_t stride[2] = {2, 2};
  std::int64_t padding[2] = {0, 0};
  bool count_include_pad = true;  // average pooling divides by the whole window: PyTorch's default
};

struct CrossEntropyParams {
  double smoothing = 0;
  std::int64_t ignore_index = -100;
};

struct CtcParams {
  std::int64_t blank = 0;
  bool zero_infinity = false;  // sequences of probability 0 have loss and gradient 0
};

struct SgdParams {
  double lr, momentum, dampening, weight_decay;
  bool nesterov;
  bool first;  // the first update sets the momentum buffer instead of averaging into it
};

struct AdamWParams {
  double lr, beta1, beta2, eps, weight_decay;
  // Bias corrections after t updates of this parameter:
  //   correction1 = 1 - beta1^t
  //   correction2 = 1 - beta2^t
  double correction1, correction2;
};

namespace cost {
inline double gemm(View y, ConstView a, ConstView) {
  return 2.0 * static_cast<double>(y.numel()) * static_cast<double>(a.size[a.rank - 1]);
}
inline double linear(View y, ConstView x, ConstView w, ConstView) { return gemm(y, x, w); }
// One multiply-add per output element and weight of its filter:
//   FLOPs = 2 * numel(y) * numel(w) / size(w, 0)
inline double conv(const Layout& y, const Layout& w) {
  const double filter =
      w.size[0] == 0 ? 0.0 : static_cast<double>(w.numel()) / static_cast<double>(w.size[0]);
  return 2.0 * static_cast<double>(y.numel()) * filter;
}
inline double conv2d(View y, ConstView, ConstView w, ConstView, ConvParams) { return conv(y, w); }
inline double conv2d_vjp_x(View, ConstView dy, ConstView w, ConvParams) { return conv(dy, w); }
inline double conv2d_vjp_w(View dw, ConstView dy, ConstView, ConvParams) { return conv(dy, dw); }
// Of each frame a softmax, and for each state of the mean sequence two sums of logarithms.
inline double ctc(const Layout& logits, const Layout& targets, const Layout& lengths) {
  const double samples = static_cast<double>(lengths.numel());
  const double states = samples == 0 ? 0 : 2 * static_cast<double>(targets.numel()) / samples + 1;
  return 12.0 * static_cast<double>(logits.numel()) + 44.0 * states * static_cast<double>(logits.size[0]);
}
inline double ctc_loss(View, ConstView logits, ConstView, ConstView targets, ConstView lengths, CtcParams) {
  return ctc(logits, targets, lengths);
}
inline double ctc_loss_vjp(View, ConstView, ConstView logits, ConstView, ConstView targets, ConstView lengths,
                           CtcParams) {
  return 2 * ctc(logits, targets, lengths);
}
}  // namespace cost
}  // namespace thaw

#if THAW_HAS_CUDA
#define THAW_DECLARE_KERNEL(name, views, cost, ...)                                             \
  namespace thaw::cpu {                                                                         \
  void name(__VA_ARGS__);                                                                       \
  }                                                                                             \
  namespace thaw::cuda {                                                                        \
  void name(__VA_ARGS__);                                                                       \
  }                                                                                             \
  namespace thaw::kernels {                                                                     \
  inline constexpr Kernel<decltype(cpu::name)> name{#name, views, cpu::name, cuda::name, cost}; \
  }
#else
#define THAW_DECLARE_KERNEL(name, views, cost, ...)                                 \
  namespace thaw::cpu {                                                             \
  void name(__VA_ARGS__);                                                           \
  }                                                                                 \
  namespace thaw::kernels {                                                         \
  inline constexpr Kernel<decltype(cpu::name)> name{#name, views, cpu::name, cost}; \
  }
#endif
#define THAW_KERNEL(name, cost, ...) THAW_DECLARE_KERNEL(name, Views::strided, cost, __VA_ARGS__)
#define THAW_DENSE_KERNEL(name, cost, ...) THAW_DECLARE_KERNEL(name, Views::dense, cost, __VA_ARGS__)

// clang-format off
// -- elementwise (elementwise*.cpp)
#define THAW_UNARY(name, formula, flops) \
  THAW_KERNEL(name, flops * 1.0, View y, ConstView x) \
  THAW_KERNEL(name##_vjp, flops + 1.0, View dx, ConstView dy, ConstView saved)
#define THAW_NUMBER(name, formula, flops) \
  THAW_KERNEL(name, flops * 1.0, View y, ConstView x, double p) \
  THAW_KERNEL(name##_vjp, flops + 1.0, View dx, ConstView dy, ConstView x, double p)
#define THAW_BINARY(name, formula, flops) THAW_KERNEL(name, flops * 1.0, View z, ConstView a, ConstView b)
THAW_UNARY_KERNELS(THAW_UNARY)
THAW_NUMBER_KERNELS(THAW_NUMBER)
THAW_BINARY_KERNELS(THAW_BINARY)
THAW_COMPARE_KERNELS(THAW_BINARY)
#undef THAW_UNARY
#undef THAW_NUMBER
#undef THAW_BINARY
THAW_KERNEL(affine, 2.0, View y, ConstView x, double scale, double shift)         // y = scale * x + shift
THAW_KERNEL(clamp, 2.0, View y, ConstView x, double low, double high)
THAW_KERNEL(pow_scalar, 25.0, View y, ConstView x, double exponent)
THAW_KERNEL(where, 1.0, View y, ConstView condition, ConstView a, ConstView b)
THAW_KERNEL(accumulate, 1.0, View y, ConstView x)                                 // y += x, same shape
// -- device (device.cpp)
THAW_KERNEL(fill, 0.0, View y, double value)
THAW_KERNEL(copy, 0.0, View y, ConstView x)                                       // any strides, any dtypes
THAW_KERNEL(arange, 0.0, View y, double start, double step)                       // y 1-D
// -- reduce (reduce*.cpp): over the dimensions where y has size 1 and x has not
THAW_KERNEL(sum, 1.0, View y, ConstView x, double scale)                          // y = scale * sum(x)
THAW_KERNEL(amax, 1.0, View y, ConstView x)
THAW_KERNEL(amin, 1.0, View y, ConstView x)
THAW_KERNEL(logsumexp, 12.0, View y, ConstView x)
// var = sum((x - mean)^2) / divisor
THAW_KERNEL(variance, 3.0, View var, View mean, ConstView x, double divisor)
// index i64: the first maximum along dim; NaN counts as larger than any number
THAW_KERNEL(argmax, 1.0, View index, ConstView x, int dim)
// y += sum(x^2), y a 0-d f64: for gradient norms
THAW_KERNEL(sum_squares, 2.0, View y, ConstView x)
// y += how many elements are NaN or infinite, y a 0-d i64
THAW_KERNEL(count_nonfinite, 1.0, View y, ConstView x)
// -- gemm (gemm.cpp): any strides on a and b, batch dimensions broadcast by stride 0, y dense
THAW_KERNEL(gemm, cost::gemm, View y, ConstView a, ConstView b)                 // y = a @ b
// y [R, out] = x [R, in] @ w^T + bias
THAW_KERNEL(linear, cost::linear, View y, ConstView x, ConstView w, ConstView bias)
// -- conv (conv.cpp, conv_vjp_w.cpp), NCHW
THAW_DENSE_KERNEL(conv2d, cost::conv2d, View y, ConstView x, ConstView w, ConstView bias, ConvParams p)
THAW_DENSE_KERNEL(conv2d_vjp_x, cost::conv2d_vjp_x, View dx, ConstView dy, ConstView w, ConvParams p)
THAW_DENSE_KERNEL(conv2d_vjp_w, cost::conv2d_vjp_w, View dw, ConstView dy, ConstView x, ConvParams p)
// -- pool (pool.cpp), NCHW
// index i32: h * W + w of each maximum
THAW_DENSE_KERNEL(max_pool2d, 1.0, View y, View index, ConstView x, PoolParams p)
THAW_DENSE_KERNEL(max_pool2d_vjp, 1.0, View dx, ConstView dy, ConstView index)
THAW_DENSE_KERNEL(avg_pool2d, 1.0, View y, ConstView x, PoolParams p)
THAW_DENSE_KERNEL(avg_pool2d_vjp, 1.0, View dx, ConstView dy, PoolParams p)
THAW_DENSE_KERNEL(adaptive_avg_pool2d, 1.0, View y, ConstView x)
THAW_DENSE_KERNEL(adaptive_avg_pool2d_vjp, 1.0, View dx, ConstView dy)
// -- softmax (softmax*.cpp): over the last dimension
THAW_DENSE_KERNEL(softmax, 13.0, View y, ConstView x)
THAW_DENSE_KERNEL(softmax_vjp, 4.0, View dx, ConstView dy, ConstView y)
THAW_DENSE_KERNEL(log_softmax, 13.0, View y, ConstView x)
THAW_DENSE_KERNEL(log_softmax_vjp, 13.0, View dx, ConstView dy, ConstView y)
// logits [N, C], target i64 [N], weight [C] or absent -> loss, row_weight, lse [N].
// Ignored rows have loss = row_weight = 0.
THAW_DENSE_KERNEL(cross_entropy, 14.0, View loss, View row_weight, View lse, ConstView logits, ConstView target, ConstView weight, CrossEntropyParams p)
THAW_DENSE_KERNEL(cross_entropy_vjp, 14.0, View dlogits, ConstView dloss, ConstView logits, ConstView lse, ConstView target, ConstView weight, CrossEntropyParams p)
// -- ctc (ctc.cpp): logits [N, C] of all samples' frames, frames i64 [B], targets i64 [M], lengths i64 [B] -> loss [B]
THAW_DENSE_KERNEL(ctc_loss, cost::ctc_loss, View loss, ConstView logits, ConstView frames, ConstView targets, ConstView lengths, CtcParams p)
THAW_DENSE_KERNEL(ctc_loss_vjp, cost::ctc_loss_vjp, View dlogits, ConstView dloss, ConstView logits, ConstView frames, ConstView targets, ConstView lengths, CtcParams p)
// -- norm (norm_*.cpp): gamma and beta may be absent, and in a vjp the outputs that nobody needs.
//    Layer and RMS norm: x [R, C]; mean and rstd [R]. Group norm: x [N, C, S]; mean and rstd [N, G].
THAW_DENSE_KERNEL(layer_norm, 8.0, View y, View mean, View rstd, ConstView x, ConstView gamma, ConstView beta, double eps)
THAW_DENSE_KERNEL(layer_norm_vjp, 12.0, View dx, View dgamma, View dbeta, ConstView dy, ConstView x, ConstView mean, ConstView rstd, ConstView gamma)
THAW_DENSE_KERNEL(rms_norm, 5.0, View y, View rstd, ConstView x, ConstView gamma, double eps)
THAW_DENSE_KERNEL(rms_norm_vjp, 9.0, View dx, View dgamma, ConstView dy, ConstView x, ConstView rstd, ConstView gamma)
THAW_DENSE_KERNEL(group_norm, 8.0, View y, View mean, View rstd, ConstView x, ConstView gamma, ConstView beta, double eps)
THAW_DENSE_KERNEL(group_norm_vjp, 12.0, View dx, View dgamma, View dbeta, ConstView dy, ConstView x, ConstView mean, ConstView rstd, ConstView gamma)
THAW_DENSE_KERNEL(channel_stats, 3.0, View mean, View var, ConstView x)                 // x [N, C, S] -> [C], biased variance
// batch norm with given statistics
THAW_DENSE_KERNEL(channel_norm, 4.0, View y, ConstView x, ConstView mean, ConstView rstd, ConstView gamma, ConstView beta)
THAW_DENSE_KERNEL(channel_norm_vjp, 8.0, View dx, View dgamma, View dbeta, ConstView dy, ConstView x, ConstView mean, ConstView rstd, ConstView gamma, bool batch_statistics)
// -- index (index.cpp); indices are i64, checked by the caller
THAW_DENSE_KERNEL(gather_rows, 0.0, View y, ConstView table, ConstView ids)             // y [n, C] = table[ids]
THAW_DENSE_KERNEL(scatter_add_rows, 1.0, View table, ConstView y, ConstView ids)        // table[ids] += y, in a fixed order
// y[.., i, ..] = x[.., index[.., i, ..], ..], y of index's shape
THAW_KERNEL(gather, 0.0, View y, ConstView x, ConstView index, int dim)
// x[.., index[.., i, ..], ..] += y[.., i, ..], in a fixed order
THAW_KERNEL(scatter_add, 1.0, View x, ConstView y, ConstView index, int dim)
// low_high i64 [2] = (min(index), max(index)), with which the caller checks bounds
THAW_DENSE_KERNEL(index_range, 0.0, View low_high, ConstView index)
// -- random (random.cpp): Philox 4x32-10; number i of row r is a function of (key, row id, i) alone
THAW_DENSE_KERNEL(uniform, 10.0, View y, double low, double high, RandomKey key)
THAW_DENSE_KERNEL(normal, 30.0, View y, double mean, double deviation, RandomKey key)
// rows are those of the first dimension; row_ids i64 or absent
THAW_DENSE_KERNEL(dropout, 12.0, View y, ConstView x, ConstView row_ids, double p, RandomKey key)
// -- optim (optim.cpp): in place
THAW_DENSE_KERNEL(sgd_step, 6.0, View w, View momentum, ConstView g, SgdParams p)       // momentum absent: plain SGD
THAW_DENSE_KERNEL(adamw_step, 14.0, View w, View m, View v, ConstView g, AdamWParams p)
// clang-format on
