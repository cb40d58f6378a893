// exp, log, erf, tanh and log1p on eight f32 lanes: range reduction and a polynomial, within about 2 ulp of
// the exact value, correct on zeros, infinities, NaN and denormals. A lane's bits depend on its own input
// alone.
//
// The polynomials were fitted for this library (Lawson's iteration towards the least maximum relative error
// on the reduced range). Each comment names the fitted function and its range.
//
// Float8 is the bare vector. Floats wraps it, so that formulas written for any T (kernels/scalar.h) find
// these functions by the type of their argument.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

namespace thaw::cpu {

typedef float Float8 __attribute__((vector_size(32)));
typedef std::int32_t Int8 __attribute__((vector_size(32)));

namespace vmath {

inline Float8 splat(float x) { return x - Float8{}; }
inline Int8 bits(Float8 x) { return reinterpret_cast<Int8>(x); }
inline Float8 from_bits(Int8 x) { return reinterpret_cast<Float8>(x); }
inline Float8 abs(Float8 x) { return from_bits(bits(x) & 0x7fffffff); }
inline Float8 copy_sign(Float8 magnitude, Float8 sign) {
  return from_bits((bits(magnitude) & 0x7fffffff) | (bits(sign) & INT32_MIN));
}

// 2^n for n in [-126, 127].
inline Float8 exp2_int(Int8 n) { return from_bits((n + 127) << 23); }

inline Float8 exp(Float8 x) {
  // Past these bounds every result is 0 or infinity anyway; NaN compares false and stays.
  Float8 t = x > 89.0f ? splat(89.0f) : x;
  t = t < -104.0f ? splat(-104.0f) : t;
  const float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer in the low mantissa bits
  const Float8 shifted = t * 1.44269504f + kRound;
  const Float8 n = shifted - kRound;
  Float8 r = t - n * 0.693359375f;  // ln 2 in two parts, the first with trailing zeros
  r = r + n * 2.12194440e-4f;
  // (e^r - 1 - r) / r^2 on |r| <= ln(2) / 2
  Float8 p = r * 1.381314243e-3f + 8.369418792e-3f;
  p = p * r + 4.166845605e-2f;
  p = p * r + 1.666651517e-1f;
  p = p * r + 4.999999404e-1f;
  const Float8 e = (p * r) * r + r + 1.0f;
  // Two factors, because 2^n leaves the range of normal numbers before the result does.
  const Int8 whole = bits(shifted) - 0x4b400000;
  const Int8 half = whole >> 1;
  return (e * exp2_int(half)) * exp2_int(whole - half);
}

inline Float8 log(Float8 x) {
  const float infinity = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Int8 denormal = x < std::numeric_limits<float>::min();
  const Float8 scaled = denormal ? x * 8388608.0f : x;
  // x = 2^e * m with m in [sqrt(1/2), sqrt(2)); 0x3f3504f3 are the bits of sqrt(1/2).
  const Int8 offset = bits(scaled) - 0x3f3504f3;
  const Float8 m = from_bits((offset & 0x007fffff) + 0x3f3504f3);
  const Int8 exponent = (offset >> 23) - (denormal & 23);
  const Float8 e = __builtin_convertvector(exponent, Float8);
  const Float8 r = m - 1.0f;
  // (ln(1 + r) - r + r^2 / 2) / r^3 on the range of m - 1
  Float8 p = r * 6.746432185e-2f - 1.169571579e-1f;
  p = p * r + 1.189902127e-1f;
  p = p * r - 1.240330711e-1f;
  p = p * r + 1.421789825e-1f;
  p = p * r - 1.666805148e-1f;
  p = p * r + 2.000219375e-1f;
  p = p * r - 2.500000894e-1f;
  p = p * r + 3.333331048e-1f;
  const Float8 r2 = r * r;
  Float8 y = p * r * r2 - e * 2.12194440e-4f;
  y = y - 0.5f * r2 + r + e * 0.693359375f;
  y = x == infinity ? splat(infinity) : y;
  y = x == 0.0f ? splat(-infinity) : y;
  return ((x < 0.0f) | (x != x)) ? splat(nan) : y;
}

// ln(1 + u) for u >= 0, with full relative accuracy for small u (Goldberg 1991, theorem 4). With w = 1 + u,
// rounded,
//   ln(1 + u) = ln(w) * u / (w - 1)
inline Float8 log1p(Float8 u) {
  const Float8 w = 1.0f + u;
  const Float8 d = w - 1.0f;
  return d == 0.0f ? u : log(w) * (u / d);
}

inline Float8 tanh(Float8 x) {
  const Float8 a = abs(x);
  const Float8 large = 1.0f - 2.0f / (exp(a + a) + 1.0f);
  const Float8 s = x * x;
  // (tanh(x) - x) / x^3 on |x| <= 0.63, in x^2
  Float8 p = s * -5.666980054e-3f + 2.060618065e-2f;
  p = p * s - 5.373000726e-2f;
  p = p * s + 1.333133131e-1f;
  p = p * s - 3.333327770e-1f;
  const Float8 small = (p * s) * x + x;
  return a < 0.625f ? small : copy_sign(large, x);
}

inline Float8 erf(Float8 x) {
  const Float8 a = abs(x);
  const Float8 t = a > 4.0f ? splat(4.0f) : a;  // erf(4) rounds to 1
  // -ln(erfc(t)) on [0.9, 4]
  Float8 q = t * -1.982207032e-4f + 3.065499943e-3f;
  q = q * t - 2.231524885e-2f;
  q = q * t + 1.041137427e-1f;
  q = q * t + 6.369760036e-1f;
  q = q * t + 1.127797246f;
  q = q * t + 1.664390729e-4f;
  const Float8 large = 1.0f - exp(-q);
  const Float8 s = x * x;
  // erf(x) / x on |x| <= 0.93, in x^2
  Float8 p = s * -5.953882355e-4f + 4.985974170e-3f;
  p = p * s - 2.676174976e-2f;
  p = p * s + 1.128168404e-1f;
  p = p * s - 3.761247993e-1f;
  p = p * s + 1.128379107f;
  return a < 0.92f ? p * x : copy_sign(large, x);
}

}  // namespace vmath

// Eight f32 lanes with the operators and functions that the formulas of kernels/scalar.h use.
struct Floats {
  Float8 v;
  struct Mask {
    Int8 v;
  };

  explicit Floats(Float8 lanes) : v(lanes) {}
  explicit Floats(double x) : v(vmath::splat(static_cast<float>(x))) {}

  friend Floats operator+(Floats a, Floats b) { return Floats(a.v + b.v); }
  friend Floats operator-(Floats a, Floats b) { return Floats(a.v - b.v); }
  friend Floats operator*(Floats a, Floats b) { return Floats(a.v * b.v); }
  friend Floats operator/(Floats a, Floats b) { return Floats(a.v / b.v); }
  friend Floats operator-(Floats a) { return Floats(-a.v); }
  friend Mask operator<(Floats a, Floats b) { return {a.v < b.v}; }
  friend Mask operator>(Floats a, Floats b) { return {a.v > b.v}; }
  friend Mask operator==(Floats a, Floats b) { return {a.v == b.v}; }
  friend Mask operator!=(Floats a, Floats b) { return {a.v != b.v}; }
  friend Floats select(Mask m, Floats a, Floats b) { return Floats(m.v ? a.v : b.v); }

  friend Floats fabs(Floats x) { return Floats(vmath::abs(x.v)); }
  friend Floats exp(Floats x) { return Floats(vmath::exp(x.v)); }
  friend Floats log(Floats x) { return Floats(vmath::log(x.v)); }
  friend Floats log1p(Floats x) { return Floats(vmath::log1p(x.v)); }
  friend Floats tanh(Floats x) { return Floats(vmath::tanh(x.v)); }
  friend Floats erf(Floats x) { return Floats(vmath::erf(x.v)); }
  friend Floats sqrt(Floats x) {
    for (int i = 0; i < 8; ++i) x.v[i] = std::sqrt(x.v[i]);
    return x;
  }
  friend Floats pow(Floats x, Floats y) {
    for (int i = 0; i < 8; ++i) x.v[i] = std::pow(x.v[i], y.v[i]);
    return x;
  }
};

}  // namespace thaw::cpu
