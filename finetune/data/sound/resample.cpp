#include "finetune/data/sound/resample.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>
#include <numeric>

namespace thaw {
namespace {

// 64 MiB of taps. With more, or if none would be used twice, they are computed as they are needed.
constexpr std::int64_t kMostTaps = std::int64_t{1} << 23;

// The modified Bessel function of order 0, the sum over k of ((x/2)^k / k!)^2, as 1 + q (1 + q/4 (1 + q/9 (..))) with
// q = (x/2)^2. For x up to kBeta the terms behind the 24th are too small for a double.
double bessel_i0(double x) {
  const double q = x * x / 4;
  double sum = 1;
  for (double k = 24; k > 0; --k) sum = 1 + sum * (q / (k * k));
  return sum;
}

// h of the header.
class Filter {
 public:
  explicit Filter(double cutoff) : cutoff_(cutoff), width_(kZeroCrossings / cutoff) {}

  double width() const { return width_; }

  double operator()(double t) const {
    const double u = t / width_;
    if (u <= -1 || u >= 1) return 0;
    const double angle = std::numbers::pi * cutoff_ * t;
    const double sinc = angle == 0 ? 1 : std::sin(angle) / angle;
    return cutoff_ * sinc * bessel_i0(kBeta * std::sqrt(1 - u * u)) / at_zero_;
  }

 private:
  double cutoff_, width_;
  double at_zero_ = bessel_i0(kBeta);
};

// With the rates reduced to `down` and `up`, output m lies at m down / up of the input: behind the sample `before`, at
// the integer part, by one of `up` fractions, its phase. Outputs of one phase have the same taps, for the samples
//   before - reach + 1 .. before + reach
class Resampler {
 public:
  Resampler(std::int64_t down, std::int64_t up, std::int64_t outputs)
      : down_(down),
        up_(up),
        filter_(kCutoff * std::min(1.0, static_cast<double>(up) / static_cast<double>(down))),
        reach_(static_cast<std::int64_t>(std::ceil(filter_.width()))) {
    if (up > outputs || up > kMostTaps / (2 * reach_)) return;
    table_.reserve(static_cast<std::size_t>(up * 2 * reach_));
    for (std::int64_t phase = 0; phase < up; ++phase)
      for (std::int64_t i = 0; i < 2 * reach_; ++i) table_.push_back(tap(phase, i));
  }

  float operator()(std::span<const float> x, std::int64_t m) const {
    const std::int64_t first = m * down_ / up_ - reach_ + 1, phase = m * down_ % up_;
    const std::int64_t begin = std::max<std::int64_t>(0, -first);
    const std::int64_t end = std::min(static_cast<std::int64_t>(x.size()) - first, 2 * reach_);
    if (!table_.empty())
      return static_cast<float>(
          dot(x.data() + first + begin, table_.data() + phase * 2 * reach_ + begin, end - begin));
    double sum = 0;
    for (std::int64_t i = begin; i < end; ++i) sum += x[static_cast<std::size_t>(first + i)] * tap(phase, i);
    return static_cast<float>(sum);
  }

 private:
  double tap(std::int64_t phase, std::int64_t i) const {
    return filter_(static_cast<double>(phase) / static_cast<double>(up_) -
                   static_cast<double>(i - reach_ + 1));
  }

  // Four sums, so that an addition need not wait for the one before.
  static double dot(const float* x, const double* taps, std::int64_t n) {
    double a = 0, b = 0, c = 0, d = 0;
    std::int64_t i = 0;
    for (; i + 4 <= n; i += 4) {
      a += x[i] * taps[i];
      b += x[i + 1] * taps[i + 1];
      c += x[i + 2] * taps[i + 2];
      d += x[i + 3] * taps[i + 3];
    }
    for (; i < n; ++i) a += x[i] * taps[i];
    return (a + b) + (c + d);
  }

  std::int64_t down_, up_;
  Filter filter_;
  std::int64_t reach_;
  std::vector<double> table_;  // [phase, 2 reach]
};

}  // namespace

std::vector<float> resample(std::span<const float> samples, std::int64_t from, std::int64_t to) {
  assert(from > 0 && to > 0);
  if (from == to) return {samples.begin(), samples.end()};
  const std::int64_t common = std::gcd(from, to), down = from / common, up = to / common;
  const std::int64_t outputs = (static_cast<std::int64_t>(samples.size()) * up + down - 1) / down;
  const Resampler resampler(down, up, outputs);
  std::vector<float> out(static_cast<std::size_t>(outputs));
  for (std::int64_t m = 0; m < outputs; ++m) out[static_cast<std::size_t>(m)] = resampler(samples, m);
  return out;
}

}  // namespace thaw
