// The whole device contract: one line per kernel, output first.
//
// THAW_KERNEL(name, cost, arguments...) declares cpu::name, with THAW_HAS_CUDA also cuda::name, and the
// callable kernels::name that dispatches between them. A kernel without a CUDA version is a link error, never
// a stub. `cost` is FLOPs per element of the largest view, or a function of the arguments.
//
// Rules: shapes were checked by the caller; kernels do not throw, know no gradients and allocate only
// scratch. Elementwise kernels, copy and reductions honour any strides; the others say what they need
// ("dense": contiguous). Floating kernels take f32 and f64 (f64 may be slow: it serves gradient checks). An
// absent view has rank -1. Results do not depend on the number of threads. `<op>_vjp` stands beside its
// forward.
#pragma once

#include "kernels/kernel.h"
#include "kernels/memory.h"
#include "kernels/scalar.h"
#include "kernels/view.h"

namespace thaw {

// Threads that kernels use; 0 restores the default (all cores).
void set_num_threads(int threads);
int num_threads();

// Identifies a stream of random numbers; see core/random.h for how keys are made.
struct RandomKey {
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;
};

struct ConvParams {  // per spatial dimension: height, width
  std::int64_t stride[2] = {1, 1};
  std::int64_t padding[2] = {0, 0};
  std::int64_t dilation[2] = {1, 1};
  std::int64_t groups = 1;
};

struct PoolParams {
  std::int64_t size[2] = {2, 2};
  std::int64_t stride[2] = {2, 2};
  std::int64_t padding[2] = {0, 0};
  bool count_include_pad = true;  // average pooling divides by the whole window, as PyTorch's default
};

struct CrossEntropyParams {
  double smoothing = 0;
  std::int64_t ignore_index = -100;
};

struct SgdParams {
  double lr, momentum, dampening, weight_decay;
  bool nesterov;
  bool first;  // the momentum buffer starts as the gradient
};

struct AdamWParams {
  double lr, beta1, beta2, eps, weight_decay;
  double correction1, correction2;  // 1 - beta^t with the parameter's own step count t
};

namespace cost {
inline double gemm(View y, ConstView a, ConstView) {
  return 2.0 * static_cast<double>(y.numel()) * static_cast<double>(a.size[a.rank - 1]);
}
inline double linear(View y, ConstView x, ConstView w, ConstView) { return gemm(y, x, w); }
// One multiply-add per output element and weight of its filter.
inline double conv(const Layout& y, const Layout& w) {
  const double filter =
      w.size[0] == 0 ? 0.0 : static_cast<double>(w.numel()) / static_cast<double>(w.size[0]);
  return 2.0 * static_cast<double>(y.numel()) * filter;
}
inline double conv2d(View y, ConstView, ConstView w, ConstView, ConvParams) { return conv(y, w); }
inline double conv2d_vjp_x(View, ConstView dy, ConstView w, ConvParams) { return conv(dy, w); }
inline double conv2d_vjp_w(View dw, ConstView dy, ConstView, ConvParams) { return conv(dy, dw); }
}  // namespace cost
}  // namespace thaw

#if THAW_HAS_CUDA
#define THAW_KERNEL(name, cost, ...)                                                     \
  namespace thaw::cpu {                                                                  \
  void name(__VA_ARGS__);                                                                \
  }                                                                                      \
  namespace thaw::cuda {                                                                 \
  void name(__VA_ARGS__);                                                                \
  }                                                                                      \
  namespace thaw::kernels {                                                              \
  inline constexpr Kernel<decltype(cpu::name)> name{#name, cpu::name, cuda::name, cost}; \
  }
#else
#define THAW_KERNEL(name, cost, ...)                                         \
  namespace thaw::cpu {                                                      \
  void name(__VA_ARGS__);                                                    \
  }                                                                          \
  namespace thaw::kernels {                                                  \
  inline constexpr Kernel<decltype(cpu::name)> name{#name, cpu::name, cost}; \
  }
#endif

// clang-format off
// -- elementwise (elementwise.cpp)
#define THAW_UNARY(name, formula, flops) \
  THAW_KERNEL(name, flops * 1.0, View y, ConstView x) \
  THAW_KERNEL(name##_vjp, flops + 1.0, View dx, ConstView dy, ConstView saved)
#define THAW_BINARY(name, formula, flops) THAW_KERNEL(name, flops * 1.0, View z, ConstView a, ConstView b)
THAW_UNARY_KERNELS(THAW_UNARY)
THAW_BINARY_KERNELS(THAW_BINARY)
THAW_COMPARE_KERNELS(THAW_BINARY)
#undef THAW_UNARY
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
// -- reduce (reduce.cpp): over the dimensions where y has size 1 and x has not
THAW_KERNEL(sum, 1.0, View y, ConstView x, double scale)                          // y = scale * sum(x)
THAW_KERNEL(amax, 1.0, View y, ConstView x)
THAW_KERNEL(amin, 1.0, View y, ConstView x)
THAW_KERNEL(logsumexp, 12.0, View y, ConstView x)
THAW_KERNEL(variance, 3.0, View var, View mean, ConstView x, double divisor)      // var = sum (x - mean)^2 / divisor
THAW_KERNEL(argmax, 1.0, View index, ConstView x, int dim)                        // index i64, first of equals; NaN wins
THAW_KERNEL(sum_squares, 2.0, View y, ConstView x)                                // y f64 0-d += sum x^2 (gradient norms)
THAW_KERNEL(count_nonfinite, 1.0, View y, ConstView x)                            // y i64 0-d += how many are NaN or infinite
// -- gemm (gemm.cpp): any strides on a and b, batch dimensions broadcast by stride 0, y dense
THAW_KERNEL(gemm, cost::gemm, View y, ConstView a, ConstView b)                 // y = a @ b
THAW_KERNEL(linear, cost::linear, View y, ConstView x, ConstView w, ConstView bias)  // y [R, out] = x [R, in] w^T + bias
// -- conv (conv.cpp), NCHW, dense
THAW_KERNEL(conv2d, cost::conv2d, View y, ConstView x, ConstView w, ConstView bias, ConvParams p)
THAW_KERNEL(conv2d_vjp_x, cost::conv2d_vjp_x, View dx, ConstView dy, ConstView w, ConvParams p)
THAW_KERNEL(conv2d_vjp_w, cost::conv2d_vjp_w, View dw, ConstView dy, ConstView x, ConvParams p)
// -- pool (pool.cpp), NCHW, dense
THAW_KERNEL(max_pool2d, 1.0, View y, View index, ConstView x, PoolParams p)       // index i32: h * W + w of the maximum
THAW_KERNEL(max_pool2d_vjp, 1.0, View dx, ConstView dy, ConstView index)
THAW_KERNEL(avg_pool2d, 1.0, View y, ConstView x, PoolParams p)
THAW_KERNEL(avg_pool2d_vjp, 1.0, View dx, ConstView dy, PoolParams p)
THAW_KERNEL(adaptive_avg_pool2d, 1.0, View y, ConstView x)
THAW_KERNEL(adaptive_avg_pool2d_vjp, 1.0, View dx, ConstView dy)
// -- softmax (softmax.cpp): over the last dimension, dense
THAW_KERNEL(softmax, 13.0, View y, ConstView x)
THAW_KERNEL(softmax_vjp, 4.0, View dx, ConstView dy, ConstView y)
THAW_KERNEL(log_softmax, 13.0, View y, ConstView x)
THAW_KERNEL(log_softmax_vjp, 13.0, View dx, ConstView dy, ConstView y)
// logits [N, C], target i64 [N], weight [C] or absent -> loss, row_weight, lse [N]; ignored rows: loss = row_weight = 0
THAW_KERNEL(cross_entropy, 14.0, View loss, View row_weight, View lse, ConstView logits, ConstView target, ConstView weight, CrossEntropyParams p)
THAW_KERNEL(cross_entropy_vjp, 14.0, View dlogits, ConstView dloss, ConstView logits, ConstView lse, ConstView target, ConstView weight, CrossEntropyParams p)
// -- norm (norm.cpp), dense: gamma, beta may be absent; in a vjp so may the outputs that nobody wants
THAW_KERNEL(layer_norm, 8.0, View y, View mean, View rstd, ConstView x, ConstView gamma, ConstView beta, double eps)    // rows: x [R, C]
THAW_KERNEL(layer_norm_vjp, 12.0, View dx, View dgamma, View dbeta, ConstView dy, ConstView x, ConstView mean, ConstView rstd, ConstView gamma)
THAW_KERNEL(rms_norm, 5.0, View y, View rstd, ConstView x, ConstView gamma, double eps)
THAW_KERNEL(rms_norm_vjp, 9.0, View dx, View dgamma, ConstView dy, ConstView x, ConstView rstd, ConstView gamma)
THAW_KERNEL(group_norm, 8.0, View y, View mean, View rstd, ConstView x, ConstView gamma, ConstView beta, double eps)    // x [N, C, S]; mean, rstd [N, G]
THAW_KERNEL(group_norm_vjp, 12.0, View dx, View dgamma, View dbeta, ConstView dy, ConstView x, ConstView mean, ConstView rstd, ConstView gamma)
THAW_KERNEL(channel_stats, 3.0, View mean, View var, ConstView x)                 // x [N, C, S] -> [C], biased variance
THAW_KERNEL(channel_norm, 4.0, View y, ConstView x, ConstView mean, ConstView rstd, ConstView gamma, ConstView beta)    // batch norm given its statistics
THAW_KERNEL(channel_norm_vjp, 8.0, View dx, View dgamma, View dbeta, ConstView dy, ConstView x, ConstView mean, ConstView rstd, ConstView gamma, bool batch_statistics)
// -- index (index.cpp); indices are i64 and were checked by the caller
THAW_KERNEL(gather_rows, 0.0, View y, ConstView table, ConstView ids)             // y [n, C] = table[ids], dense
THAW_KERNEL(scatter_add_rows, 1.0, View table, ConstView y, ConstView ids)        // table[ids] += y, in a fixed order
THAW_KERNEL(gather, 0.0, View y, ConstView x, ConstView index, int dim)           // y[i] = x[.., index[i], ..], index's shape
THAW_KERNEL(scatter_add, 1.0, View x, ConstView y, ConstView index, int dim)      // the transpose of gather, in a fixed order
THAW_KERNEL(index_range, 0.0, View low_high, ConstView index)                     // i64 [2] = min, max of index (checks by the caller)
// -- random (random.cpp): Philox 4x32-10, number i of row r is a function of (key, row id, i) alone
THAW_KERNEL(uniform, 10.0, View y, double low, double high, RandomKey key)
THAW_KERNEL(normal, 30.0, View y, double mean, double deviation, RandomKey key)
THAW_KERNEL(dropout, 12.0, View y, ConstView x, ConstView row_ids, double p, RandomKey key)  // rows: first dimension; ids i64 or absent
// -- optim (optim.cpp): dense, in place
THAW_KERNEL(sgd_step, 6.0, View w, View momentum, ConstView g, SgdParams p)       // momentum absent: plain SGD
THAW_KERNEL(adamw_step, 14.0, View w, View m, View v, ConstView g, AdamWParams p)
// clang-format on
