// Unary elementwise ops. The formulas and their derivatives are in kernels/scalar.h. A gradient is the kernel
// <op>_vjp(dy, saved):
//   dx = dy * f'(x)
// `saved` is the output where f' is a function of it, otherwise the input.
//
// Where f'' is simple, that kernel is itself an op with gradients (<op>_grad), so that the op can be
// differentiated any number of times. There g is the gradient of dx.
#include "core/autograd.h"
#include "core/ops.h"

namespace thaw {
namespace {

using UnaryKernel = Kernel<void(View, ConstView)>;
using VjpKernel = Kernel<void(View, ConstView, ConstView)>;

Tensor apply(const char* name, const UnaryKernel& kernel, const Tensor& x) {
  check_floating(name, x);
  Tensor y = empty(x.shape(), like(x));
  kernel(y, x);
  return y;
}

Tensor apply_vjp(const VjpKernel& kernel, const Tensor& dy, const Tensor& saved) {
  Tensor dx = empty(dy.shape(), like(dy));
  kernel(dx, dy, saved);
  return dx;
}

// The gradient of abs, an op whose own gradient with respect to x is 0:
//   dx = dy * sign(x)
//   d(dy) = g * sign(x)
Tensor abs_grad(const Tensor& dy, const Tensor& x) {
  return record("abs_grad", apply_vjp(kernels::abs_vjp, dy, x),
                wrt(dy, {x}, [](const Tensor& g, const Saved& s) { return abs_grad(g, s[0]); }));
}

// The gradient of relu, an op whose own gradient with respect to y is 0:
//   dx = dy * [y > 0]
//   d(dy) = g * [y > 0]
Tensor relu_grad(const Tensor& dy, const Tensor& y) {
  return record("relu_grad", apply_vjp(kernels::relu_vjp, dy, y),
                wrt(dy, {y}, [](const Tensor& g, const Saved& s) { return relu_grad(g, s[0]); }));
}

// The gradient of leaky_relu, an op whose own gradient with respect to x is 0:
//   dx = dy * ([x > 0] + slope * [x <= 0])
//   d(dy) = g * ([x > 0] + slope * [x <= 0])
Tensor leaky_relu_grad(const Tensor& dy, const Tensor& x, double slope) {
  Tensor dx = empty(dy.shape(), like(dy));
  kernels::leaky_relu_vjp(dx, dy, x, slope);
  return record("leaky_relu_grad", dx, wrt(dy, {x}, [slope](const Tensor& g, const Saved& s) {
                  return leaky_relu_grad(g, s[0], slope);
                }));
}

// The gradient of sigmoid, and its own gradients:
//   dx = dy * y * (1 - y)
//   d(dy) = g * y * (1 - y)
//   d(y) = g * dy * (1 - 2 * y)
Tensor sigmoid_grad(const Tensor& dy, const Tensor& y) {
  return record(
      "sigmoid_grad", apply_vjp(kernels::sigmoid_vjp, dy, y),
      wrt(dy, {y}, [](const Tensor& g, const Saved& s) { return sigmoid_grad(g, s[0]); }),
      wrt(y, {dy, y}, [](const Tensor& g, const Saved& s) { return g * s[0] * affine(s[1], -2, 1); }));
}

// The gradient of tanh, and its own gradients:
//   dx = dy * (1 - y^2)
//   d(dy) = g * (1 - y^2)
//   d(y) = -2 * g * dy * y
Tensor tanh_grad(const Tensor& dy, const Tensor& y) {
  return record("tanh_grad", apply_vjp(kernels::tanh_vjp, dy, y),
                wrt(dy, {y}, [](const Tensor& g, const Saved& s) { return tanh_grad(g, s[0]); }),
                wrt(y, {dy, y}, [](const Tensor& g, const Saved& s) { return g * s[0] * s[1] * -2.0; }));
}

}  // namespace

// Negation:
//   y = -x
//   dx = -dy
Tensor neg(const Tensor& x) {
  return record("neg", apply("neg", kernels::neg, x),
                wrt(x, {}, [](const Tensor& dy, const Saved&) { return neg(dy); }));
}

// Absolute value, with slope 0 at 0:
//   y = |x|
//   dx = dy * sign(x)
Tensor abs(const Tensor& x) {
  return record("abs", apply("abs", kernels::abs, x),
                wrt(x, {x}, [](const Tensor& dy, const Saved& s) { return abs_grad(dy, s[0]); }));
}

// Exponential:
//   y = e^x
//   dx = dy * y
Tensor exp(const Tensor& x) {
  const Tensor y = apply("exp", kernels::exp, x);
  return record("exp", y, wrt(x, {y}, [](const Tensor& dy, const Saved& s) { return mul(dy, s[0]); }));
}

// Natural logarithm:
//   y = ln(x)
//   dx = dy / x
Tensor log(const Tensor& x) {
  return record("log", apply("log", kernels::log, x),
                wrt(x, {x}, [](const Tensor& dy, const Saved& s) { return div(dy, s[0]); }));
}

// Square root, with infinite slope at 0:
//   y = sqrt(x)
//   dx = dy / (2 * y)
Tensor sqrt(const Tensor& x) {
  const Tensor y = apply("sqrt", kernels::sqrt, x);
  return record("sqrt", y, wrt(x, {y}, [](const Tensor& dy, const Saved& s) { return div(dy, s[0] * 2.0); }));
}

// Reciprocal square root:
//   y = 1 / sqrt(x)
//   dx = -dy * y^3 / 2
Tensor rsqrt(const Tensor& x) {
  const Tensor y = apply("rsqrt", kernels::rsqrt, x);
  return record("rsqrt", y,
                wrt(x, {y}, [](const Tensor& dy, const Saved& s) { return dy * (pow(s[0], 3) * -0.5); }));
}

// Square:
//   y = x^2
//   dx = 2 * x * dy
Tensor square(const Tensor& x) {
  return record("square", apply("square", kernels::square, x),
                wrt(x, {x}, [](const Tensor& dy, const Saved& s) { return dy * (s[0] * 2.0); }));
}

// Reciprocal:
//   y = 1 / x
//   dx = -dy * y^2
Tensor reciprocal(const Tensor& x) {
  const Tensor y = apply("reciprocal", kernels::reciprocal, x);
  return record("reciprocal", y,
                wrt(x, {y}, [](const Tensor& dy, const Saved& s) { return neg(dy * square(s[0])); }));
}

// Logistic function:
//   y = 1 / (1 + e^-x)
//   dx = dy * y * (1 - y)
Tensor sigmoid(const Tensor& x) {
  const Tensor y = apply("sigmoid", kernels::sigmoid, x);
  return record("sigmoid", y,
                wrt(x, {y}, [](const Tensor& dy, const Saved& s) { return sigmoid_grad(dy, s[0]); }));
}

// Hyperbolic tangent:
//   y = tanh(x)
//   dx = dy * (1 - y^2)
Tensor tanh(const Tensor& x) {
  const Tensor y = apply("tanh", kernels::tanh, x);
  return record("tanh", y, wrt(x, {y}, [](const Tensor& dy, const Saved& s) { return tanh_grad(dy, s[0]); }));
}

// Rectified linear unit:
//   y = max(x, 0)
//   dx = dy * [y > 0]
Tensor relu(const Tensor& x) {
  const Tensor y = apply("relu", kernels::relu, x);
  return record("relu", y, wrt(x, {y}, [](const Tensor& dy, const Saved& s) { return relu_grad(dy, s[0]); }));
}

// Leaky rectified linear unit (Maas et al. 2013):
//   y = max(x, 0) + slope * min(x, 0)
//   dx = dy * ([x > 0] + slope * [x <= 0])
Tensor leaky_relu(const Tensor& x, double slope) {
  check_floating("leaky_relu", x);
  Tensor y = empty(x.shape(), like(x));
  kernels::leaky_relu(y, x, slope);
  return record("leaky_relu", y, wrt(x, {x}, [slope](const Tensor& dy, const Saved& s) {
                  return leaky_relu_grad(dy, s[0], slope);
                }));
}

// GELU (Hendrycks & Gimpel 2016), with phi and Phi the standard normal density and distribution function:
//   y = x * Phi(x)
//   dx = dy * (Phi(x) + x * phi(x))
Tensor gelu(const Tensor& x) {
  return record("gelu", apply("gelu", kernels::gelu, x),
                wrt_fused(x, {x}, [](const Tensor& dy, const Saved& s) {
                  return apply_vjp(kernels::gelu_vjp, dy, s[0]);
                }));
}

// GELU's approximation by tanh (Hendrycks & Gimpel 2016), with t = tanh(u):
//   u = sqrt(2 / pi) * (x + 0.044715 * x^3)
//   u' = sqrt(2 / pi) * (1 + 3 * 0.044715 * x^2)
//   y = x * (1 + t) / 2
//   dx = dy * ((1 + t) / 2 + x * (1 - t^2) * u' / 2)
Tensor gelu_tanh(const Tensor& x) {
  return record("gelu_tanh", apply("gelu_tanh", kernels::gelu_tanh, x),
                wrt_fused(x, {x}, [](const Tensor& dy, const Saved& s) {
                  return apply_vjp(kernels::gelu_tanh_vjp, dy, s[0]);
                }));
}

// SiLU (Elfwing et al. 2018), with s = sigmoid(x):
//   y = x * s
//   dx = dy * s * (1 + x * (1 - s))
Tensor silu(const Tensor& x) {
  return record("silu", apply("silu", kernels::silu, x),
                wrt_fused(x, {x}, [](const Tensor& dy, const Saved& s) {
                  return apply_vjp(kernels::silu_vjp, dy, s[0]);
                }));
}

// Softplus:
//   y = ln(1 + e^x)
//   dx = dy * sigmoid(x)
Tensor softplus(const Tensor& x) {
  return record("softplus", apply("softplus", kernels::softplus, x),
                wrt(x, {x}, [](const Tensor& dy, const Saved& s) { return mul(dy, sigmoid(s[0])); }));
}

}  // namespace thaw
