// Every op: one line with its shapes. Definitions are in core/ops/<family>.cpp: the shape rule, the forward
// pass and each gradient in one function. Ops on tensors of different dtypes or devices throw: there is no
// implicit promotion.
#pragma once

#include <optional>
#include <vector>

#include "core/tensor.h"
#include "kernels/kernels.h"

namespace thaw {

// -- elementwise (ops/elementwise.cpp, ops/unary.cpp); operands broadcast
Tensor add(const Tensor& a, const Tensor& b);
Tensor sub(const Tensor& a, const Tensor& b);
Tensor mul(const Tensor& a, const Tensor& b);
Tensor div(const Tensor& a, const Tensor& b);
Tensor maximum(const Tensor& a, const Tensor& b);  // on a tie each gets half of the gradient
Tensor minimum(const Tensor& a, const Tensor& b);
Tensor pow(const Tensor& a, const Tensor& b);
Tensor pow(const Tensor& x, double exponent);
Tensor affine(const Tensor& x, double scale, double shift);  // scale * x + shift
Tensor clamp(const Tensor& x, double low, double high);      // NaN stays; gradient 1 inside, bounds included
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);  // condition bool
Tensor neg(const Tensor& x);
Tensor abs(const Tensor& x);
Tensor exp(const Tensor& x);
Tensor log(const Tensor& x);
Tensor sqrt(const Tensor& x);
Tensor rsqrt(const Tensor& x);
Tensor square(const Tensor& x);
Tensor reciprocal(const Tensor& x);
Tensor sigmoid(const Tensor& x);
Tensor tanh(const Tensor& x);
Tensor relu(const Tensor& x);
Tensor leaky_relu(const Tensor& x, double slope = 0.01);  // slope * x below 0 (Maas et al. 2013)
Tensor gelu(const Tensor& x);                             // exact, by erf (Hendrycks & Gimpel 2016)
Tensor gelu_tanh(const Tensor& x);                        // its approximation by tanh
Tensor silu(const Tensor& x);
Tensor softplus(const Tensor& x);
// Comparisons give bool and have no gradient.
Tensor eq(const Tensor& a, const Tensor& b);
Tensor ne(const Tensor& a, const Tensor& b);
Tensor lt(const Tensor& a, const Tensor& b);
Tensor le(const Tensor& a, const Tensor& b);
Tensor gt(const Tensor& a, const Tensor& b);
Tensor ge(const Tensor& a, const Tensor& b);

inline Tensor operator+(const Tensor& a, const Tensor& b) { return add(a, b); }
inline Tensor operator-(const Tensor& a, const Tensor& b) { return sub(a, b); }
inline Tensor operator*(const Tensor& a, const Tensor& b) { return mul(a, b); }
inline Tensor operator/(const Tensor& a, const Tensor& b) { return div(a, b); }
inline Tensor operator-(const Tensor& x) { return neg(x); }
inline Tensor operator+(const Tensor& x, double c) { return affine(x, 1, c); }
inline Tensor operator-(const Tensor& x, double c) { return affine(x, 1, -c); }
inline Tensor operator-(double c, const Tensor& x) { return affine(x, -1, c); }
inline Tensor operator*(const Tensor& x, double c) { return affine(x, c, 0); }
inline Tensor operator*(double c, const Tensor& x) { return affine(x, c, 0); }
inline Tensor operator/(const Tensor& x, double c) { return affine(x, 1 / c, 0); }

// -- reductions (ops/reduce.cpp): dims empty means all; dims may be negative
Tensor sum(const Tensor& x, const std::vector<int>& dims = {}, bool keepdim = false);
Tensor mean(const Tensor& x, const std::vector<int>& dims = {}, bool keepdim = false);
Tensor var(const Tensor& x, const std::vector<int>& dims = {}, double correction = 1, bool keepdim = false);
Tensor logsumexp(const Tensor& x, const std::vector<int>& dims, bool keepdim = false);
// Ties share the gradient of amax and amin.
Tensor amax(const Tensor& x, const std::vector<int>& dims = {}, bool keepdim = false);
Tensor amin(const Tensor& x, const std::vector<int>& dims = {}, bool keepdim = false);
Tensor max(const Tensor& x, int dim, bool keepdim = false);     // gradient to the first maximum
Tensor argmax(const Tensor& x, int dim, bool keepdim = false);  // i64, no gradient
Tensor sum_to(const Tensor& x, const Shape& shape);             // undoes a broadcast from `shape`

// -- products (ops/matmul.cpp)
// [.., m, k] x [.., k, n] -> [.., m, n]. Batch dimensions broadcast; 1-D operands as in NumPy.
Tensor matmul(const Tensor& a, const Tensor& b);
// x [.., in], w [out, in], bias [out] or undefined -> [.., out]
Tensor linear(const Tensor& x, const Tensor& w, const Tensor& bias = {});

// -- views and copies (ops/view.cpp)
Tensor reshape(const Tensor& x, const Shape& shape);  // one size may be -1; a view where strides allow it
Tensor permute(const Tensor& x, const std::vector<int>& dims);
Tensor transpose(const Tensor& x, int a, int b);
// Python's rules, step > 0.
Tensor slice(const Tensor& x, int dim, std::int64_t begin, std::int64_t end, std::int64_t step = 1);
Tensor select(const Tensor& x, int dim, std::int64_t index);
Tensor squeeze(const Tensor& x, int dim);
Tensor unsqueeze(const Tensor& x, int dim);
Tensor flatten(const Tensor& x, int first = 0, int last = -1);
Tensor expand(const Tensor& x, const Shape& shape);  // -1 keeps a size
Tensor concatenate(const std::vector<Tensor>& xs, int dim);
Tensor stack(const std::vector<Tensor>& xs, int dim);
// A (before, after) pair per dimension in PyTorch's order: the last dimension first.
Tensor pad(const Tensor& x, const std::vector<std::int64_t>& before_after, double value = 0);
Tensor contiguous(const Tensor& x);
Tensor cast(const Tensor& x, DType dtype);

// -- index (ops/index.cpp); indices are i64 and checked, negative ones are errors
Tensor embedding(const Tensor& table, const Tensor& ids);            // [V, C], [..] -> [.., C]
Tensor index_select(const Tensor& x, int dim, const Tensor& index);  // index [n]
Tensor gather(const Tensor& x, int dim, const Tensor& index);
Tensor scatter_add(const Tensor& x, int dim, const Tensor& index, const Tensor& src);
Tensor one_hot(const Tensor& ids, std::int64_t classes, DType dtype = DType::f32);  // [..] -> [.., classes]

// -- softmax and losses (ops/softmax.cpp, ops/loss.cpp)
Tensor softmax(const Tensor& x, int dim = -1);
Tensor log_softmax(const Tensor& x, int dim = -1);

enum class Reduction : unsigned char { mean, sum, none };
struct CrossEntropyOptions {
  Tensor weight = {};  // [C]; undefined: 1
  double label_smoothing = 0;
  std::int64_t ignore_index = -100;

  // mean: divided by the weights of the rows that are not ignored, as in PyTorch.
  Reduction reduction = Reduction::mean;
};
// logits [N, C, ..] or [C], target i64 [N, ..] or []
Tensor cross_entropy(const Tensor& logits, const Tensor& target, const CrossEntropyOptions& options = {});
Tensor mse_loss(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::mean);
Tensor bce_with_logits(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::mean);

struct CtcOptions {
  std::int64_t blank = 0;
  // A sequence that its frames cannot spell (one of each class, and one between two that are equal) has loss and gradient
  // 0; else it is an error.
  bool zero_infinity = false;
  // mean: of the losses divided by the lengths of their sequences, as in PyTorch.
  Reduction reduction = Reduction::mean;
};
// Connectionist temporal classification (Graves et al. 2006): of samples one after another, frames i64 [B] and lengths
// i64 [B] of them, logits [sum of frames, C] and targets i64 [sum of lengths], classes other than the blank.
Tensor ctc_loss(const Tensor& logits, const Tensor& frames, const Tensor& targets, const Tensor& lengths,
                const CtcOptions& options = {});

// -- normalisation (ops/norm.cpp); gamma and beta may be undefined
Tensor layer_norm(const Tensor& x, int normalized_dims, const Tensor& gamma, const Tensor& beta,
                  double eps = 1e-5);
Tensor rms_norm(const Tensor& x, const Tensor& gamma, double eps = 1e-6);  // over the last dimension
// x [N, C, ..]
Tensor group_norm(const Tensor& x, std::int64_t groups, const Tensor& gamma, const Tensor& beta,
                  double eps = 1e-5);
// Normalises [N, C, ..] per channel by the batch's statistics (biased variance), which are also returned.
struct BatchNormResult {
  Tensor y, mean, var;
};
BatchNormResult batch_norm_train(const Tensor& x, const Tensor& gamma, const Tensor& beta, double eps = 1e-5);
// The same by given statistics.
Tensor batch_norm_eval(const Tensor& x, const Tensor& mean, const Tensor& var, const Tensor& gamma,
                       const Tensor& beta, double eps = 1e-5);

// -- convolution and pooling (ops/conv.cpp, ops/pool.cpp)
// x [N, C, H, W], w [O, C / groups, kh, kw], bias [O] or undefined
Tensor conv2d(const Tensor& x, const Tensor& w, const Tensor& bias = {}, const ConvParams& p = {});
// x [N, C, L], w [O, C / groups, k], bias [O] or undefined
Tensor conv1d(const Tensor& x, const Tensor& w, const Tensor& bias = {}, std::int64_t stride = 1,
              std::int64_t padding = 0, std::int64_t dilation = 1, std::int64_t groups = 1);
Tensor max_pool2d(const Tensor& x, const PoolParams& p);
Tensor avg_pool2d(const Tensor& x, const PoolParams& p);
Tensor adaptive_avg_pool2d(const Tensor& x, std::int64_t height, std::int64_t width);
Tensor max_pool1d(const Tensor& x, std::int64_t size, std::int64_t stride, std::int64_t padding = 0);
Tensor avg_pool1d(const Tensor& x, std::int64_t size, std::int64_t stride, std::int64_t padding = 0);
Tensor adaptive_avg_pool1d(const Tensor& x, std::int64_t length);

// -- random (ops/random.cpp); see core/random.h for keys
// row_ids i64 [size(0)]; undefined: the rows' positions
Tensor dropout(const Tensor& x, double p, RandomKey key, const Tensor& row_ids = {});
Tensor rand(const Shape& shape, RandomKey key, double low = 0, double high = 1, Options options = {});
// `deviation`: the standard deviation
Tensor randn(const Shape& shape, RandomKey key, double mean = 0, double deviation = 1, Options options = {});

// Throws unless all defined tensors have one dtype and one device: "[add] dtypes differ: f32 and i64".
void check_same_kind(const char* op, std::initializer_list<const Tensor*> tensors);
void check_floating(const char* op, const Tensor& x);

}  // namespace thaw
