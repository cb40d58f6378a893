// Other sampling rates, by band-limited interpolation: Julius O. Smith, "Digital Audio Resampling Home Page"
// (https://ccrma.stanford.edu/~jos/resample/). The samples stand for the one signal without frequencies above half
// their rate, which is a sum of sincs; it is filtered, so that nothing is left above half the new rate either, and
// taken at the new times:
//
//   y[m] = sum over n of x[n] h(m from / to - n)
//   h(t) = c sinc(c t) kaiser(t / T)           for |t| < T = kZeroCrossings / c
//   sinc(t) = sin(pi t) / (pi t)
//   kaiser(u) = I0(kBeta sqrt(1 - u^2)) / I0(kBeta)
//   c = kCutoff min(1, to / from)              the frequency where h has fallen to a half, in halves of `from`
//
// By Kaiser's formulas (A = 8.7 + kBeta / 0.1102 dB; transition (A - 8) / (2.285 * 2 kZeroCrossings) radians) 90 % of
// the lower of both bands pass unchanged, and what lies beyond half of a rate is 99 dB lower.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace thaw {

inline constexpr double kZeroCrossings = 64;
inline constexpr double kBeta = 10;
inline constexpr double kCutoff = 0.95;

// ceil(n to / from) samples, of which the first stands where the first of `samples` stands; around these it is silent.
// Equal rates: a copy. Rates are at least 1.
std::vector<float> resample(std::span<const float> samples, std::int64_t from, std::int64_t to);

}  // namespace thaw
