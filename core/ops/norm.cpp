// Normalisation: over the last dimensions (layer, RMS), over groups of channels, over the batch.
//
// What freezing saves is written next to each op: beta's gradient needs no saved tensor, gamma's needs x and
// its statistics, and the input's needs gamma too. Batch norm by given statistics passes a gradient to its
// input without keeping the input.
#include <array>

#include "core/autograd.h"
#include "core/ops.h"

namespace thaw {
namespace {

constexpr std::uint32_t kInput = kGrad0, kGamma = kGrad1;

Tensor as_shape(const Tensor& dense, const Shape& shape) {
  return make_view(dense, shape, contiguous_strides(shape), dense.impl()->offset);
}

// The last `dims` dimensions as one: [.., a, b] -> [R, a * b].
Shape rows_shape(const Shape& shape, int dims) {
  std::int64_t rows = 1, width = 1;
  for (int d = 0; d < shape.rank(); ++d) (d < shape.rank() - dims ? rows : width) *= shape[d];
  return {rows, width};
}

// [N, C, ..] -> [N, C, S]
Shape planes_shape(const Shape& shape) {
  std::int64_t inner = 1;
  for (int d = 2; d < shape.rank(); ++d) inner *= shape[d];
  return {shape[0], shape[1], inner};
}

void check_affine(const char* op, const Tensor& x, const Shape& shape, const Tensor& gamma,
                  const Tensor& beta) {
  check_floating(op, x);
  check_same_kind(op, {&x, &gamma, &beta});
  for (const Tensor* t : {&gamma, &beta}) {
    if (t->defined() && !(t->shape() == shape))
      fail('[', op, "] ", t == &gamma ? "gamma" : "beta", " has shape ", t->shape(), ", input ", x.shape(),
           " needs ", shape);
  }
}

void check_channels(const char* op, const Tensor& x, const Tensor& gamma, const Tensor& beta) {
  if (x.rank() < 2) fail('[', op, "] the input is [N, C, ..], not ", x.shape());
  check_affine(op, x, {x.size(1)}, gamma, beta);
}

Tensor dense_or_none(const Tensor& t) { return t.defined() ? contiguous(t) : t; }

// Outputs of a vjp. Those that nobody needs stay undefined, which tells the kernel to skip them.
Tensor output_if(bool needed, const Shape& shape, Options options) {
  return needed ? empty(shape, options) : Tensor();
}
Tensor view_if(const Tensor& t, const Shape& shape) { return t.defined() ? as_shape(t, shape) : t; }

}  // namespace

// Layer norm over the last `normalized_dims` dimensions (Ba et al. 2016), with g = gamma * dy:
//   rstd = 1 / sqrt(mean((x - mean(x))^2) + eps)
//   xhat = (x - mean(x)) * rstd
//   y = gamma * xhat + beta
//   dx = rstd * (g - mean(g) - xhat * mean(g * xhat))
//   dgamma = sum(dy * xhat)
//   dbeta = sum(dy)
// The means are over a row, the sums over the rows.
Tensor layer_norm(const Tensor& x, int normalized_dims, const Tensor& gamma, const Tensor& beta, double eps) {
  if (normalized_dims < 1 || normalized_dims > x.rank())
    fail("[layer_norm] cannot normalise ", normalized_dims, " dimensions of ", x.shape());
  Shape affine_shape = x.shape();
  while (affine_shape.rank() > normalized_dims) affine_shape.erase(0);
  check_affine("layer_norm", x, affine_shape, gamma, beta);
  const Shape rows = rows_shape(x.shape(), normalized_dims);
  const Tensor in = contiguous(x), scale = dense_or_none(gamma), shift = dense_or_none(beta);
  Tensor y = empty(x.shape(), like(x)), mean = empty({rows[0]}, like(x)), rstd = empty({rows[0]}, like(x));
  kernels::layer_norm(as_shape(y, rows), mean, rstd, as_shape(in, rows), scale, shift, eps);
  return record(
      "layer_norm", y,
      wrt_all_fused(
          {in, scale, shift},
          {{in, kInput | kGamma}, {mean, kInput | kGamma}, {rstd, kInput | kGamma}, {scale, kInput}},
          [rows, affine_shape](const Tensor& dy, const Saved& s, Needs needs) {
            std::array<Tensor, 3> d = {output_if(needs[0], dy.shape(), like(dy)),
                                       output_if(needs[1], affine_shape, like(dy)),
                                       output_if(needs[2], affine_shape, like(dy))};
            kernels::layer_norm_vjp(view_if(d[0], rows), d[1], d[2], as_shape(contiguous(dy), rows),
                                    view_if(s[0], rows), s[1], s[2], s[3]);
            return d;
          }));
}

// RMS norm over the last dimension (Zhang & Sennrich 2019), with g = gamma * dy:
//   rstd = 1 / sqrt(mean(x^2) + eps)
//   xhat = x * rstd
//   y = gamma * xhat
//   dx = rstd * (g - xhat * mean(g * xhat))
//   dgamma = sum(dy * xhat)
// The means are over a row, the sum over the rows.
Tensor rms_norm(const Tensor& x, const Tensor& gamma, double eps) {
  if (x.rank() == 0) fail("[rms_norm] a scalar has no last dimension");
  check_affine("rms_norm", x, {x.size(-1)}, gamma, {});
  const Shape rows = rows_shape(x.shape(), 1);
  const Tensor in = contiguous(x), scale = dense_or_none(gamma);
  Tensor y = empty(x.shape(), like(x)), rstd = empty({rows[0]}, like(x));
  kernels::rms_norm(as_shape(y, rows), rstd, as_shape(in, rows), scale, eps);
  return record("rms_norm", y,
                wrt_all_fused({in, scale}, {in, rstd, {scale, kInput}},
                              [rows](const Tensor& dy, const Saved& s, Needs needs) {
                                std::array<Tensor, 2> d = {output_if(needs[0], dy.shape(), like(dy)),
                                                           output_if(needs[1], {rows[1]}, like(dy))};
                                kernels::rms_norm_vjp(view_if(d[0], rows), d[1],
                                                      as_shape(contiguous(dy), rows), as_shape(s[0], rows),
                                                      s[1], s[2]);
                                return d;
                              }));
}

// Group norm (Wu & He 2018): mean and rstd are those of each group of C / groups channels of a sample.
//   xhat = (x - mean) * rstd
//   y = gamma[c] * xhat + beta[c]
//   dgamma[c] = sum(dy * xhat)
//   dbeta[c] = sum(dy)
// The sums are over samples and positions. dx is layer_norm's, with means over the group.
Tensor group_norm(const Tensor& x, std::int64_t groups, const Tensor& gamma, const Tensor& beta, double eps) {
  check_channels("group_norm", x, gamma, beta);
  if (groups < 1 || x.size(1) % groups != 0)
    fail("[group_norm] ", x.size(1), " channels of ", x.shape(), " do not divide into ", groups, " groups");
  const Shape planes = planes_shape(x.shape());
  const Tensor in = contiguous(x), scale = dense_or_none(gamma), shift = dense_or_none(beta);
  Tensor y = empty(x.shape(), like(x));
  Tensor mean = empty({x.size(0), groups}, like(x)), rstd = empty({x.size(0), groups}, like(x));
  kernels::group_norm(as_shape(y, planes), mean, rstd, as_shape(in, planes), scale, shift, eps);
  return record(
      "group_norm", y,
      wrt_all_fused(
          {in, scale, shift},
          {{in, kInput | kGamma}, {mean, kInput | kGamma}, {rstd, kInput | kGamma}, {scale, kInput}},
          [planes](const Tensor& dy, const Saved& s, Needs needs) {
            std::array<Tensor, 3> d;
            if (!needs[0] && !needs[1]) {
              d[2] = sum(as_shape(contiguous(dy), planes), {0, 2});
              return d;
            }
            d = {output_if(needs[0], dy.shape(), like(dy)), output_if(needs[1], {planes[1]}, like(dy)),
                 output_if(needs[2], {planes[1]}, like(dy))};
            kernels::group_norm_vjp(view_if(d[0], planes), d[1], d[2], as_shape(contiguous(dy), planes),
                                    as_shape(s[0], planes), s[1], s[2], s[3]);
            return d;
          }));
}

namespace {

// Batch norm with statistics mean and rstd per channel (Ioffe & Szegedy 2015):
//   y = gamma * (x - mean) * rstd + beta
// The gradients stand at the kernel (norm_channels.cpp): through the statistics where they are the batch's
// own, not where they are given.
Tensor channel_norm(const char* op, const Tensor& x, const Tensor& mean, const Tensor& rstd,
                    const Tensor& gamma, const Tensor& beta, bool batch_statistics) {
  const Shape planes = planes_shape(x.shape());
  const Tensor scale = dense_or_none(gamma), shift = dense_or_none(beta);
  Tensor y = empty(x.shape(), like(x));
  kernels::channel_norm(as_shape(y, planes), as_shape(x, planes), mean, rstd, scale, shift);
  const std::uint32_t uses_x = batch_statistics ? kInput | kGamma : kGamma;
  return record(op, y,
                wrt_all_fused({x, scale, shift},
                              {{x, uses_x}, {mean, uses_x}, {rstd, kInput | kGamma}, {scale, kInput}},
                              [planes, batch_statistics](const Tensor& dy, const Saved& s, Needs needs) {
                                std::array<Tensor, 3> d = {output_if(needs[0], dy.shape(), like(dy)),
                                                           output_if(needs[1], {planes[1]}, like(dy)),
                                                           output_if(needs[2], {planes[1]}, like(dy))};
                                kernels::channel_norm_vjp(
                                    view_if(d[0], planes), d[1], d[2], as_shape(contiguous(dy), planes),
                                    view_if(s[0], planes), s[1], s[2], s[3], batch_statistics);
                                return d;
                              }));
}

Tensor rstd_of(const Tensor& var, double eps) {
  const NoGrad no_grad;
  return rsqrt(var + eps);
}

}  // namespace

BatchNormResult batch_norm_train(const Tensor& x, const Tensor& gamma, const Tensor& beta, double eps) {
  check_channels("batch_norm", x, gamma, beta);
  const Tensor in = contiguous(x);
  Tensor mean = empty({x.size(1)}, like(x)), var = empty({x.size(1)}, like(x));
  if (x.numel() == 0) fail("[batch_norm] an empty batch ", x.shape(), " has no statistics");
  kernels::channel_stats(mean, var, as_shape(in, planes_shape(x.shape())));
  const Tensor y = channel_norm("batch_norm", in, mean, rstd_of(var, eps), gamma, beta, true);
  return {y, mean, var};
}

Tensor batch_norm_eval(const Tensor& x, const Tensor& mean, const Tensor& var, const Tensor& gamma,
                       const Tensor& beta, double eps) {
  check_channels("batch_norm", x, gamma, beta);
  check_same_kind("batch_norm", {&x, &mean, &var});
  for (const Tensor* t : {&mean, &var}) {
    if (!(t->shape() == Shape{x.size(1)}))
      fail("[batch_norm] ", t == &mean ? "mean" : "variance", " has shape ", t->shape(), ", input ",
           x.shape(), " needs [", x.size(1), ']');
  }
  return channel_norm("batch_norm", contiguous(x), contiguous(mean.detach()), rstd_of(var, eps), gamma, beta,
                      false);
}

}  // namespace thaw
