// Convolution. Its two gradients are ops of the same family, bilinear like convolution itself, so the family
// is closed under differentiation: each of the three can be differentiated any number of times.
#include "core/autograd.h"
#include "core/ops.h"

namespace thaw {
namespace {

void check_params(const char* op, const ConvParams& p) {
  for (int d = 0; d < 2; ++d) {
    if (p.stride[d] < 1 || p.dilation[d] < 1 || p.padding[d] < 0)
      fail('[', op, "] stride ", p.stride[d], ", padding ", p.padding[d], ", dilation ", p.dilation[d],
           ": stride and dilation start at 1, padding at 0");
  }
  if (p.groups < 1) fail('[', op, "] groups is ", p.groups, "; it starts at 1");
}

// The shape of conv(x, w). Spatial dimension d of `spatial` uses element 2 - spatial + d of the parameters:
//   size = floor((x + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1
Shape conv_shape(const char* op, const Tensor& x, const Tensor& w, const Tensor& bias, const ConvParams& p,
                 int spatial) {
  check_same_kind(op, {&x, &w, &bias});
  check_floating(op, x);
  check_params(op, p);
  const char* layout =
      spatial == 1 ? "x [N, C, L] and w [O, C / groups, k]" : "x [N, C, H, W] and w [O, C / groups, kh, kw]";
  if (x.rank() != spatial + 2 || w.rank() != spatial + 2)
    fail('[', op, "] needs ", layout, ", got x ", x.shape(), " x w ", w.shape());
  const std::string groups = p.groups == 1 ? "" : concat(", groups ", p.groups);
  if (x.size(1) != w.size(1) * p.groups)
    fail('[', op, "] input channels differ: x ", x.shape(), " x w ", w.shape(), groups);
  if (w.size(0) % p.groups != 0)
    fail('[', op, "] output channels do not divide into groups: w ", w.shape(), groups);
  if (bias.defined() && !(bias.shape() == Shape{w.size(0)}))
    fail('[', op, "] the bias has shape ", bias.shape(), ", the weight ", w.shape(), " needs [", w.size(0),
         ']');
  Shape shape{x.size(0), w.size(0)};
  for (int d = 0; d < spatial; ++d) {
    const int i = 2 - spatial + d;
    const std::int64_t kernel = w.size(2 + d), padded = x.size(2 + d) + 2 * p.padding[i];
    const std::int64_t reach = p.dilation[i] * (kernel - 1) + 1;
    if (kernel < 1 || reach > padded)
      fail('[', op, "] the filter does not fit the padded input: x ", x.shape(), " x w ", w.shape(),
           ", padding ", p.padding[i], ", dilation ", p.dilation[i]);
    shape.push_back((padded - reach) / p.stride[i] + 1);
  }
  return shape;
}

Tensor dense(const Tensor& x) { return contiguous(x.detach()); }

Tensor conv2d_vjp_w(const Tensor& dy, const Tensor& x, const Shape& w_shape, const ConvParams& p);

// The gradient of convolution with respect to its input:
//   dx[n, c, pixel] = sum_{o, tap} w[o, c, tap] * dy[n, o, the output that reads pixel through tap]
Tensor conv2d_vjp_x(const Tensor& dy, const Tensor& w, const Shape& x_shape, const ConvParams& p) {
  Tensor dx = empty(x_shape, like(dy));
  const Tensor dense_dy = dense(dy), dense_w = dense(w);
  kernels::conv2d_vjp_x(dx, dense_dy, dense_w, p);
  return record("conv2d_vjp_x", dx,
                wrt(dy, {w}, [p](const Tensor& g, const Saved& s) { return conv2d(g, s[0], {}, p); }),
                wrt(w, {dy}, [p, shape = w.shape()](const Tensor& g, const Saved& s) {
                  return conv2d_vjp_w(s[0], g, shape, p);
                }));
}

// The gradient of convolution with respect to its filters:
//   dw[o, c, tap] = sum_{n, pixel} dy[n, o, pixel] * x[n, c, what tap reads for pixel]
Tensor conv2d_vjp_w(const Tensor& dy, const Tensor& x, const Shape& w_shape, const ConvParams& p) {
  Tensor dw = empty(w_shape, like(dy));
  const Tensor dense_dy = dense(dy), dense_x = dense(x);
  kernels::conv2d_vjp_w(dw, dense_dy, dense_x, p);
  return record("conv2d_vjp_w", dw,
                wrt(dy, {x}, [p](const Tensor& g, const Saved& s) { return conv2d(s[0], g, {}, p); }),
                wrt(x, {dy}, [p, shape = x.shape()](const Tensor& g, const Saved& s) {
                  return conv2d_vjp_x(s[0], g, shape, p);
                }));
}

}  // namespace

// Convolution. c runs over the input channels of the group that o belongs to:
//   y[n, o, i, j] = bias[o] + sum_{c, a, b} w[o, c, a, b] * x[n, c, h, v]
//   h = i * stride_h - padding_h + a * dilation_h
//   v = j * stride_w - padding_w + b * dilation_w
// dx and dw are above, and
//   dbias[o] = sum_{n, i, j} dy[n, o, i, j]
Tensor conv2d(const Tensor& x, const Tensor& w, const Tensor& bias, const ConvParams& p) {
  Tensor y = empty(conv_shape("conv2d", x, w, bias, p, 2), like(x));
  const Tensor dense_x = dense(x), dense_w = dense(w);
  const Tensor dense_bias = bias.defined() ? dense(bias) : bias;
  kernels::conv2d(y, dense_x, dense_w, dense_bias, p);
  return record("conv2d", y,
                wrt(x, {w},
                    [p, shape = x.shape()](const Tensor& dy, const Saved& s) {
                      return conv2d_vjp_x(dy, s[0], shape, p);
                    }),
                wrt(w, {x},
                    [p, shape = w.shape()](const Tensor& dy, const Saved& s) {
                      return conv2d_vjp_w(dy, s[0], shape, p);
                    }),
                wrt(bias, {}, [](const Tensor& dy, const Saved&) {
                  return sum(dy, {0, 2, 3});
                }));
}

// A convolution over images of height 1.
Tensor conv1d(const Tensor& x, const Tensor& w, const Tensor& bias, std::int64_t stride, std::int64_t padding,
              std::int64_t dilation, std::int64_t groups) {
  ConvParams p;
  p.stride[1] = stride;
  p.padding[1] = padding;
  p.dilation[1] = dilation;
  p.groups = groups;
  conv_shape("conv1d", x, w, bias, p, 1);
  return squeeze(conv2d(unsqueeze(x, 2), unsqueeze(w, 2), bias, p), 2);
}

}  // namespace thaw
