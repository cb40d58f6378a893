// Elementwise ops of several operands, which broadcast by NumPy's rule (the engine sums their gradients back
// to the operands' shapes), and ops with plain numbers next to a tensor. The unary ones are in unary.cpp.
#include "core/autograd.h"
#include "core/ops.h"

namespace thaw {
namespace {

using BinaryKernel = Kernel<void(View, ConstView, ConstView)>;

// x seen with `shape`: broadcast dimensions have stride 0.
ConstView broadcast_view(const Tensor& x, const Shape& shape) {
  ConstView view = x;
  if (x.shape() == shape) return view;
  const int shift = shape.rank() - x.rank();
  for (int d = shape.rank() - 1; d >= 0; --d) {
    const bool spread = d < shift || x.shape()[d - shift] != shape[d];
    view.stride[d] = spread ? 0 : x.strides()[d - shift];
    view.size[d] = shape[d];
  }
  view.rank = static_cast<std::int8_t>(shape.rank());
  return view;
}

Tensor apply(const char* name, const BinaryKernel& kernel, const Tensor& a, const Tensor& b, DType dtype) {
  check_same_kind(name, {&a, &b});
  Tensor z = empty(a.shape() == b.shape() ? a.shape() : broadcast_shapes(name, a.shape(), b.shape()),
                   like(a, dtype));
  kernel(z, broadcast_view(a, z.shape()), broadcast_view(b, z.shape()));
  return z;
}

// For add, sub, mul and others that take integers as well as floating-point numbers.
Tensor arithmetic(const char* name, const BinaryKernel& kernel, const Tensor& a, const Tensor& b) {
  if (dtype_bytes(a.dtype()) < 4)
    fail('[', name, "] has no arithmetic on ", dtype_name(a.dtype()), "; cast first");
  return apply(name, kernel, a, b, a.dtype());
}

Tensor comparison(const char* name, const BinaryKernel& kernel, const Tensor& a, const Tensor& b) {
  if (a.dtype() == DType::bf16) fail('[', name, "] does not compare bf16; cast to f32 first");
  return apply(name, kernel, a, b, DType::boolean);
}

Tensor scalar_like(const Tensor& x, double value) { return full({}, value, like(x)); }

Tensor mask_like(const Tensor& condition, const Tensor& x) { return cast(condition, x.dtype()); }

// 1 where a wins, 1/2 where both are equal, 0 elsewhere.
Tensor share(const Tensor& wins, const Tensor& equal, const Tensor& like_this) {
  return mask_like(wins, like_this) + mask_like(equal, like_this) * 0.5;
}

}  // namespace

// -- arithmetic

// Addition:
//   y = a + b
//   da = dy
//   db = dy
Tensor add(const Tensor& a, const Tensor& b) {
  return record_broadcasting("add", arithmetic("add", kernels::add, a, b),
                             wrt(a, {}, [](const Tensor& dy, const Saved&) { return dy; }),
                             wrt(b, {}, [](const Tensor& dy, const Saved&) { return dy; }));
}

// Subtraction:
//   y = a - b
//   da = dy
//   db = -dy
Tensor sub(const Tensor& a, const Tensor& b) {
  return record_broadcasting("sub", arithmetic("sub", kernels::sub, a, b),
                             wrt(a, {}, [](const Tensor& dy, const Saved&) { return dy; }),
                             wrt(b, {}, [](const Tensor& dy, const Saved&) { return neg(dy); }));
}

// Multiplication:
//   y = a * b
//   da = dy * b
//   db = dy * a
Tensor mul(const Tensor& a, const Tensor& b) {
  return record_broadcasting("mul", arithmetic("mul", kernels::mul, a, b),
                             wrt(a, {b}, [](const Tensor& dy, const Saved& s) { return mul(dy, s[0]); }),
                             wrt(b, {a}, [](const Tensor& dy, const Saved& s) { return mul(dy, s[0]); }));
}

// Division:
//   y = a / b
//   da = dy / b
//   db = -dy * (a / b) / b
Tensor div(const Tensor& a, const Tensor& b) {
  check_floating("div", a);
  return record_broadcasting("div", arithmetic("div", kernels::div, a, b),
                             wrt(a, {b}, [](const Tensor& dy, const Saved& s) { return div(dy, s[0]); }),
                             wrt(b, {a, b}, [](const Tensor& dy, const Saved& s) {
                               return neg(mul(dy, div(div(s[0], s[1]), s[1])));
                             }));
}

// The larger of two numbers. On a tie each gets half of the gradient:
//   y = max(a, b)
//   da = dy * ([a > b] + [a = b] / 2)
//   db = dy * ([b > a] + [a = b] / 2)
Tensor maximum(const Tensor& a, const Tensor& b) {
  return record_broadcasting("maximum", arithmetic("maximum", kernels::maximum, a, b),
                             wrt(a, {a, b},
                                 [](const Tensor& dy, const Saved& s) {
                                   return mul(dy, share(gt(s[0], s[1]), eq(s[0], s[1]), dy));
                                 }),
                             wrt(b, {a, b}, [](const Tensor& dy, const Saved& s) {
                               return mul(dy, share(lt(s[0], s[1]), eq(s[0], s[1]), dy));
                             }));
}

// The smaller of two numbers. On a tie each gets half of the gradient:
//   y = min(a, b)
//   da = dy * ([a < b] + [a = b] / 2)
//   db = dy * ([b < a] + [a = b] / 2)
Tensor minimum(const Tensor& a, const Tensor& b) {
  return record_broadcasting("minimum", arithmetic("minimum", kernels::minimum, a, b),
                             wrt(a, {a, b},
                                 [](const Tensor& dy, const Saved& s) {
                                   return mul(dy, share(lt(s[0], s[1]), eq(s[0], s[1]), dy));
                                 }),
                             wrt(b, {a, b}, [](const Tensor& dy, const Saved& s) {
                               return mul(dy, share(gt(s[0], s[1]), eq(s[0], s[1]), dy));
                             }));
}

// Power:
//   y = a^b
//   da = dy * b * a^(b - 1)
//   db = dy * a^b * ln(a)
// As in PyTorch, da is 0 where b = 0 and db is 0 where a = 0 and b >= 0, where the formulas may have no
// finite value.
Tensor pow(const Tensor& a, const Tensor& b) {
  check_floating("pow", a);
  return record_broadcasting(
      "pow", arithmetic("pow", kernels::pow, a, b),
      wrt(a, {a, b},
          [](const Tensor& dy, const Saved& s) {
            const Tensor zero = scalar_like(dy, 0);
            return where(eq(s[1], zero), zero, mul(dy, mul(s[1], pow(s[0], s[1] - 1))));
          }),
      wrt(b, {a, b}, [](const Tensor& dy, const Saved& s) {
        const Tensor zero = scalar_like(dy, 0);
        const Tensor a_is_zero = mul(mask_like(eq(s[0], zero), dy), mask_like(ge(s[1], zero), dy));
        return where(gt(a_is_zero, zero), zero, mul(dy, mul(pow(s[0], s[1]), log(s[0]))));
      }));
}

// Power with a constant exponent e; dx is 0 for e = 0:
//   y = x^e
//   dx = dy * e * x^(e - 1)
Tensor pow(const Tensor& x, double exponent) {
  check_floating("pow", x);
  Tensor y = empty(x.shape(), like(x));
  kernels::pow_scalar(y, x, exponent);
  return record("pow", y, wrt(x, {x}, [exponent](const Tensor& dy, const Saved& s) {
                  if (exponent == 0) return affine(dy, 0, 0);
                  return mul(dy, affine(pow(s[0], exponent - 1), exponent, 0));
                }));
}

// Affine map:
//   y = scale * x + shift
//   dx = scale * dy
Tensor affine(const Tensor& x, double scale, double shift) {
  if (dtype_bytes(x.dtype()) < 4)
    fail("[affine] has no arithmetic on ", dtype_name(x.dtype()), "; cast first");
  Tensor y = empty(x.shape(), like(x));
  kernels::affine(y, x, scale, shift);
  return record("affine", y, wrt(x, {}, [scale](const Tensor& dy, const Saved&) {
                  return scale == 1 ? dy : affine(dy, scale, 0);
                }));
}

// -- selection

// Clamp to [low, high]:
//   y = min(max(x, low), high)
//   dx = dy * [y = x]
Tensor clamp(const Tensor& x, double low, double high) {
  check_floating("clamp", x);
  if (low > high) fail("[clamp] the lower bound ", low, " is above the upper one, ", high);
  Tensor y = empty(x.shape(), like(x));
  kernels::clamp(y, x, low, high);
  return record("clamp", y, wrt(x, {x}, [low, high](const Tensor& dy, const Saved& s) {
                  const Tensor x0 = s[0].detach();
                  return mul(dy, mask_like(eq(clamp(x0, low, high), x0), dy));
                }));
}

// Selection by a condition c:
//   y = c ? a : b
//   da = c ? dy : 0
//   db = c ? 0 : dy
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  if (condition.dtype() != DType::boolean)
    fail("[where] the condition must be bool, not ", dtype_name(condition.dtype()));
  check_same_kind("where", {&a, &b});
  if (!(condition.device() == a.device())) fail("[where] the tensors are on different devices");
  const Shape shape =
      broadcast_shapes("where", condition.shape(), broadcast_shapes("where", a.shape(), b.shape()));
  Tensor z = empty(shape, like(a));
  kernels::where(z, broadcast_view(condition, shape), broadcast_view(a, shape), broadcast_view(b, shape));
  return record_broadcasting(
      "where", z,
      wrt(a, {condition},
          [](const Tensor& dy, const Saved& s) { return where(s[0], dy, scalar_like(dy, 0)); }),
      wrt(b, {condition},
          [](const Tensor& dy, const Saved& s) { return where(s[0], scalar_like(dy, 0), dy); }));
}

Tensor eq(const Tensor& a, const Tensor& b) { return comparison("eq", kernels::eq, a, b); }
Tensor ne(const Tensor& a, const Tensor& b) { return comparison("ne", kernels::ne, a, b); }
Tensor lt(const Tensor& a, const Tensor& b) { return comparison("lt", kernels::lt, a, b); }
Tensor le(const Tensor& a, const Tensor& b) { return comparison("le", kernels::le, a, b); }
Tensor gt(const Tensor& a, const Tensor& b) { return comparison("gt", kernels::gt, a, b); }
Tensor ge(const Tensor& a, const Tensor& b) { return comparison("ge", kernels::ge, a, b); }

}  // namespace thaw
