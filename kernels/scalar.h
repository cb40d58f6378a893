// Elementwise formulas and their derivatives, each written once and expanded by every device.
//
// A unary formula F has f(x), its value, and df(s), its derivative as a function of what backward keeps: of
// the output y where `from_output` is set (the input need not be kept then), otherwise of the input x.
//
// T is float, double, an integer where the formula allows it, or a vector type with the same operators and
// functions. select(condition, a, b) is the ternary operator for all of them.
#pragma once

#include <cmath>

#if defined(__CUDACC__)
#define THAW_DEVICE_FUNCTION __host__ __device__
#else
#define THAW_DEVICE_FUNCTION
#endif

// X(name, formula, FLOPs per element) makes the kernels `name` and `name_vjp`:
//   y = f(x)
//   dx = dy * df(s)
#define THAW_UNARY_KERNELS(X)  \
  X(neg, Neg, 1)               \
  X(abs, Abs, 1)               \
  X(exp, Exp, 10)              \
  X(log, Log, 10)              \
  X(sqrt, Sqrt, 4)             \
  X(rsqrt, Rsqrt, 5)           \
  X(square, Square, 1)         \
  X(reciprocal, Reciprocal, 4) \
  X(sigmoid, Sigmoid, 13)      \
  X(tanh, Tanh, 13)            \
  X(relu, Relu, 1)             \
  X(gelu, Gelu, 20)            \
  X(gelu_tanh, GeluTanh, 20)   \
  X(silu, Silu, 14)            \
  X(softplus, Softplus, 22)

// The same for a formula with a number p, one for all elements:
//   y = f(x, p)
//   dx = dy * df(x, p)
#define THAW_NUMBER_KERNELS(X) X(leaky_relu, LeakyRelu, 2)

// X(name, formula, FLOPs per element) makes a kernel with broadcasting, z of the operands' dtype:
//   z = f(a, b)
#define THAW_BINARY_KERNELS(X) \
  X(add, Add, 1)               \
  X(sub, Sub, 1)               \
  X(mul, Mul, 1)               \
  X(div, Div, 4)               \
  X(maximum, Maximum, 1)       \
  X(minimum, Minimum, 1)       \
  X(pow, Pow, 25)              \
  X(bce_logits, BceLogits, 25)

// X(name, formula, FLOPs per element) makes a comparison: z is bool.
#define THAW_COMPARE_KERNELS(X) \
  X(eq, Eq, 1)                  \
  X(ne, Ne, 1)                  \
  X(lt, Lt, 1)                  \
  X(le, Le, 1)                  \
  X(gt, Gt, 1)                  \
  X(ge, Ge, 1)

namespace thaw {

// -- building blocks, for plain numbers

template <class T>
THAW_DEVICE_FUNCTION T select(bool condition, T a, T b) {
  return condition ? a : b;
}

namespace formula {

using std::erf, std::exp, std::fabs, std::log, std::log1p, std::pow, std::sqrt, std::tanh;

inline constexpr double kInvSqrt2 = 0.70710678118654752440;     // 1 / sqrt(2)
inline constexpr double kInvSqrt2Pi = 0.39894228040143267794;   // 1 / sqrt(2 pi)
inline constexpr double kSqrt2OverPi = 0.79788456080286535588;  // sqrt(2 / pi)

// What softplus and the logistic loss add to max(x, 0):
//   ln(1 + e^-|x|)
template <class T>
THAW_DEVICE_FUNCTION T log1p_exp_neg_abs(T x) {
  return log1p(exp(-fabs(x)));
}

// 1 / (1 + e^-x)
template <class T>
THAW_DEVICE_FUNCTION T logistic(T x) {
  return T(1) / (T(1) + exp(-x));
}

// -- unary

#define THAW_FORMULA(signature) \
  template <class T>            \
  THAW_DEVICE_FUNCTION static T signature

struct Neg {
  static constexpr bool from_output = true;
  THAW_FORMULA(f(T x)) { return -x; }
  THAW_FORMULA(df(T)) { return T(-1); }
};

struct Abs {  // |x|; slope 0 at 0
  static constexpr bool from_output = false;
  THAW_FORMULA(f(T x)) { return fabs(x); }
  THAW_FORMULA(df(T x)) { return select(x > T(0), T(1), select(x < T(0), T(-1), x)); }
};

struct Exp {
  static constexpr bool from_output = true;
  THAW_FORMULA(f(T x)) { return exp(x); }
  THAW_FORMULA(df(T y)) { return y; }
};

struct Log {
  static constexpr bool from_output = false;
  THAW_FORMULA(f(T x)) { return log(x); }
  THAW_FORMULA(df(T x)) { return T(1) / x; }
};

struct Sqrt {  // slope infinite at 0
  static constexpr bool from_output = true;
  THAW_FORMULA(f(T x)) { return sqrt(x); }
  THAW_FORMULA(df(T y)) { return T(0.5) / y; }
};

struct Rsqrt {  // 1 / sqrt(x)
  static constexpr bool from_output = true;
  THAW_FORMULA(f(T x)) { return T(1) / sqrt(x); }
  THAW_FORMULA(df(T y)) { return T(-0.5) * y * y * y; }
};

struct Square {
  static constexpr bool from_output = false;
  THAW_FORMULA(f(T x)) { return x * x; }
  THAW_FORMULA(df(T x)) { return x + x; }
};

struct Reciprocal {
  static constexpr bool from_output = true;
  THAW_FORMULA(f(T x)) { return T(1) / x; }
  THAW_FORMULA(df(T y)) { return -(y * y); }
};

struct Sigmoid {  // 1 / (1 + e^-x)
  static constexpr bool from_output = true;
  THAW_FORMULA(f(T x)) { return logistic(x); }
  THAW_FORMULA(df(T y)) { return y * (T(1) - y); }
};

struct Tanh {
  static constexpr bool from_output = true;
  THAW_FORMULA(f(T x)) { return tanh(x); }
  THAW_FORMULA(df(T y)) { return T(1) - y * y; }
};

struct Relu {  // max(x, 0); slope 0 at 0; NaN stays
  static constexpr bool from_output = true;
  THAW_FORMULA(f(T x)) { return select(x < T(0), T(0), x); }
  THAW_FORMULA(df(T y)) { return select(y > T(0), T(1), T(0)); }
};

// GELU (Hendrycks & Gimpel 2016), with phi and Phi the standard normal density and distribution function:
//   y = x * Phi(x)
//   dy/dx = Phi(x) + x * phi(x)
struct Gelu {
  static constexpr bool from_output = false;
  THAW_FORMULA(cdf(T x)) { return T(0.5) * (T(1) + erf(x * T(kInvSqrt2))); }
  THAW_FORMULA(f(T x)) { return x * cdf(x); }
  THAW_FORMULA(df(T x)) { return cdf(x) + x * (T(kInvSqrt2Pi) * exp(T(-0.5) * x * x)); }
};

// The tanh approximation of GELU (Hendrycks & Gimpel 2016):
//   u = sqrt(2 / pi) * (x + 0.044715 * x^3)
//   y = x * (1 + tanh(u)) / 2
//   dy/dx = (1 + tanh(u)) / 2 + x * (1 - tanh(u)^2) / 2 * du/dx
struct GeluTanh {
  static constexpr bool from_output = false;
  THAW_FORMULA(inner(T x)) { return tanh(T(kSqrt2OverPi) * (x + T(0.044715) * x * x * x)); }
  THAW_FORMULA(f(T x)) { return T(0.5) * x * (T(1) + inner(x)); }
  THAW_FORMULA(df(T x)) {
    const T t = inner(x);
    const T du = T(kSqrt2OverPi) * (T(1) + T(3 * 0.044715) * x * x);
    return T(0.5) * (T(1) + t) + T(0.5) * x * (T(1) - t * t) * du;
  }
};

// With s = sigmoid(x):
//   y = x * s
//   dy/dx = s * (1 + x * (1 - s))
struct Silu {
  static constexpr bool from_output = false;
  THAW_FORMULA(f(T x)) { return x / (T(1) + exp(-x)); }
  THAW_FORMULA(df(T x)) {
    const T s = logistic(x);
    return s * (T(1) + x * (T(1) - s));
  }
};

struct Softplus {  // ln(1 + e^x)
  static constexpr bool from_output = false;
  THAW_FORMULA(f(T x)) { return select(x < T(0), T(0), x) + log1p_exp_neg_abs(x); }
  THAW_FORMULA(df(T x)) { return logistic(x); }
};

// -- unary with a number

struct LeakyRelu {  // max(x, 0) + p * min(x, 0); slope p at 0; NaN stays
  THAW_FORMULA(f(T x, T p)) { return select(x < T(0), p * x, x); }
  THAW_FORMULA(df(T x, T p)) { return select(x > T(0), T(1), p); }
};

#undef THAW_FORMULA

// -- binary

#define THAW_BINARY_FORMULA(name, expression)   \
  struct name {                                 \
    template <class T>                          \
    THAW_DEVICE_FUNCTION static T f(T a, T b) { \
      return expression;                        \
    }                                           \
  };

THAW_BINARY_FORMULA(Add, a + b)
THAW_BINARY_FORMULA(Sub, a - b)
THAW_BINARY_FORMULA(Mul, a* b)
THAW_BINARY_FORMULA(Div, a / b)
THAW_BINARY_FORMULA(Maximum, select(a != a, a, select(a > b, a, b)))  // a NaN on either side stays
THAW_BINARY_FORMULA(Minimum, select(a != a, a, select(a < b, a, b)))
THAW_BINARY_FORMULA(Pow, pow(a, b))
// Binary cross-entropy of the logit a and the target b, with s = sigmoid(a):
//   z = -(b * ln(s) + (1 - b) * ln(1 - s))
//     = max(a, 0) - a * b + ln(1 + e^-|a|)
// The second form does not overflow.
THAW_BINARY_FORMULA(BceLogits, select(a < T(0), T(0), a) - a * b + log1p_exp_neg_abs(a))

#undef THAW_BINARY_FORMULA

// -- comparisons (plain numbers only)

#define THAW_COMPARISON(name, op)                  \
  struct name {                                    \
    template <class T>                             \
    THAW_DEVICE_FUNCTION static bool f(T a, T b) { \
      return a op b;                               \
    }                                              \
  };

THAW_COMPARISON(Eq, ==)
THAW_COMPARISON(Ne, !=)
THAW_COMPARISON(Lt, <)
THAW_COMPARISON(Le, <=)
THAW_COMPARISON(Gt, >)
THAW_COMPARISON(Ge, >=)

#undef THAW_COMPARISON

}  // namespace formula
}  // namespace thaw
