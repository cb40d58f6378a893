#include "finetune/data/sound/log_mel.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>
#include <utility>

namespace thaw {
namespace {

constexpr double kLeastPower = 1e-10, kRange = 8;

// So many frames are transformed together: each number of the tables is read once for all of them, and the frames'
// numbers stand side by side, where the processor takes four at once.
constexpr std::int64_t kTogether = 8;
typedef double Lanes __attribute__((vector_size(32)));
typedef double LanesAt
    __attribute__((vector_size(32), aligned(alignof(double)), may_alias));  // anywhere in an array

const LanesAt* lanes_at(const double* values) { return reinterpret_cast<const LanesAt*>(values); }
LanesAt* lanes_at(double* values) { return reinterpret_cast<LanesAt*>(values); }

// A sum for each of the frames that are transformed together.
struct Sums {
  Lanes low{}, high{};

  void add(double factor, const double* values) {
    low += factor * lanes_at(values)[0];
    high += factor * lanes_at(values)[1];
  }
};

// re^2 + im^2, where these are the sums (sign 1) or differences (sign -1) of two terms each.
void store_power(double* to, double sign, const Sums& re, const Sums& re_odd, const Sums& im,
                 const Sums& im_odd) {
  const Lanes re_low = re.low + sign * re_odd.low, re_high = re.high + sign * re_odd.high;
  const Lanes im_low = im.low + sign * im_odd.low, im_high = im.high + sign * im_odd.high;
  lanes_at(to)[0] = re_low * re_low + im_low * im_low;
  lanes_at(to)[1] = re_high * re_high + im_high * im_high;
}

double mels_of(double hertz) {
  return hertz < 1000 ? hertz * 3 / 200 : 15 + 27 * std::log(hertz / 1000) / std::log(6.4);
}

double hertz_of(double mels) {
  return mels < 15 ? mels * 200 / 3 : 1000 * std::exp(std::log(6.4) * (mels - 15) / 27);
}

}  // namespace

LogMel::LogMel(const LogMelOptions& options) : options_(options), row_(options.window / 2 + 1) {
  assert(options.rate > 0 && options.window > 0 && options.window % 2 == 0 && options.hop > 0 &&
         options.mels > 0);
  assert(options.chunk > options.window / 2 && options.chunk / options.hop >= 2);
  row_ += row_ % 2;
  make_tables();
  make_filters();
}

std::int64_t LogMel::frames(std::int64_t samples) const {
  const std::int64_t pair = 2 * options_.hop;
  return std::min(whole(), std::max<std::int64_t>(2, 2 * ((samples + pair - 1) / pair)));
}

// Row k has cos(2 pi k n / N), or the sines, for n = 0 .. N/2. The angle is reduced first, so that it is exact.
void LogMel::make_tables() {
  const std::int64_t N = options_.window;
  const double step = 2 * std::numbers::pi / static_cast<double>(N);
  for (std::int64_t n = 0; n < N; ++n) hann_.push_back((1 - std::cos(step * static_cast<double>(n))) / 2);
  cos_.assign(static_cast<std::size_t>((N / 4 + 1) * row_), 0);
  sin_ = cos_;
  for (std::int64_t k = 0; k <= N / 4; ++k)
    for (std::int64_t n = 0; n <= N / 2; ++n) {
      const double angle = step * static_cast<double>(k * n % N);
      cos_[static_cast<std::size_t>(k * row_ + n)] = std::cos(angle);
      sin_[static_cast<std::size_t>(k * row_ + n)] = std::sin(angle);
    }
}

void LogMel::make_filters() {
  const double top = mels_of(kHighest), gap = static_cast<double>(options_.mels + 1);
  const auto edge = [&](std::int64_t j) { return hertz_of(top * static_cast<double>(j) / gap); };
  for (std::int64_t j = 0; j < options_.mels; ++j) {
    const double left = edge(j), middle = edge(j + 1), right = edge(j + 2);
    Filter filter;
    for (std::int64_t k = 0; k <= options_.window / 2; ++k) {
      const double f =
          static_cast<double>(k) * static_cast<double>(options_.rate) / static_cast<double>(options_.window);
      const double height = std::min((f - left) / (middle - left), (right - f) / (right - middle));
      if (height <= 0) continue;
      if (filter.weights.empty()) filter.first = k;
      filter.weights.push_back(height * 2 / (right - left));
    }
    filters_.push_back(std::move(filter));
  }
}

// What the transform needs of the frames from `first` on: their even and odd parts,
//   e[n] = v[n] + v[N-n]    o[n] = v[n] - v[N-n]        for 0 < n < N/2
// with e[n] = v[n] at 0 and N/2, where o is 0. [n][e of each frame, o of each frame].
void LogMel::fold(std::span<const float> samples, std::int64_t first, std::vector<double>& folded) const {
  const std::int64_t N = options_.window, chunk = options_.chunk;
  const auto size = static_cast<std::int64_t>(samples.size());
  for (std::int64_t i = 0; i < kTogether; ++i) {
    const std::int64_t begin = (first + i) * options_.hop - N / 2;
    const auto value = [&](std::int64_t n) {
      std::int64_t at = begin + n;
      if (at < 0) at = -at;
      if (at >= chunk) at = 2 * (chunk - 1) - at;
      return at >= 0 && at < size ? samples[static_cast<std::size_t>(at)] * hann_[static_cast<std::size_t>(n)]
                                  : 0.0;
    };
    double* to = folded.data() + i;
    for (std::int64_t n = 0; n <= N / 2; ++n, to += 2 * kTogether) {
      const bool alone = n == 0 || n == N / 2;
      const double v = value(n), mirrored = alone ? 0 : value(N - n);
      to[0] = v + mirrored;
      to[kTogether] = alone ? 0 : v - mirrored;
    }
  }
}

// The discrete Fourier transform of real v has the parts
//   re[k] = sum over n = 0 .. N/2 of e[n] cos(2 pi k n / N)        im[k] = -sum of o[n] sin(2 pi k n / N)
// and since cos(pi n - a) = +-cos(a), sin(pi n - a) = -+sin(a), with the upper sign for even n, the terms of even n and
// those of odd n give two frequencies, k and N/2 - k:
//   re: even + odd, even - odd        im: even + odd, odd - even
// So a frequency costs N/4 products of each kind, where the definition has N.
void LogMel::transform(const std::vector<double>& folded, std::vector<double>& power) const {
  const std::int64_t half = options_.window / 2;
  for (std::int64_t k = 0; k <= half / 2; ++k) {
    const double *cosines = &cos_[static_cast<std::size_t>(k * row_)],
                 *sines = &sin_[static_cast<std::size_t>(k * row_)];
    const double* at = folded.data();
    Sums re_even, re_odd, im_even, im_odd;
    for (std::int64_t n = 0; n < row_; n += 2, at += 4 * kTogether) {
      re_even.add(cosines[n], at);
      im_even.add(sines[n], at + kTogether);
      re_odd.add(cosines[n + 1], at + 2 * kTogether);
      im_odd.add(sines[n + 1], at + 3 * kTogether);
    }
    store_power(&power[static_cast<std::size_t>(k * kTogether)], 1, re_even, re_odd, im_even, im_odd);
    store_power(&power[static_cast<std::size_t>((half - k) * kTogether)], -1, re_even, re_odd, im_even,
                im_odd);
  }
}

// L of the first `count` of the frames that were transformed together.
void LogMel::add_mels(const std::vector<double>& power, std::int64_t count, double* logs) const {
  for (std::int64_t j = 0; j < options_.mels; ++j) {
    const Filter& filter = filters_[static_cast<std::size_t>(j)];
    const double* at = power.data() + filter.first * kTogether;
    Sums sums;
    for (const double weight : filter.weights) {
      sums.add(weight, at);
      at += kTogether;
    }
    double mel[kTogether];
    lanes_at(mel)[0] = sums.low;
    lanes_at(mel)[1] = sums.high;
    for (std::int64_t i = 0; i < count; ++i)
      logs[i * options_.mels + j] = std::log10(std::max(mel[i], kLeastPower));
  }
}

std::vector<float> LogMel::operator()(std::span<const float> samples, bool all) const {
  const auto size = static_cast<std::int64_t>(samples.size());
  assert(size <= options_.chunk);
  const std::int64_t N = options_.window, hop = options_.hop, mels = options_.mels;
  // The frames that overlap the clip, some more than are asked for: the loudest may be among them. Others are silent.
  const std::int64_t heard = std::min(whole(), (size + N / 2 + hop - 1) / hop);
  std::vector<double> logs(static_cast<std::size_t>(heard * mels));
  std::vector<double> folded(static_cast<std::size_t>(row_ * 2 * kTogether));
  std::vector<double> power(static_cast<std::size_t>((N / 2 + 1) * kTogether));
  for (std::int64_t first = 0; first < heard; first += kTogether) {
    fold(samples, first, folded);
    transform(folded, power);
    add_mels(power, std::min(kTogether, heard - first), logs.data() + first * mels);
  }
  double largest = std::log10(kLeastPower);
  for (const double value : logs) largest = std::max(largest, value);
  const auto scaled = [&](double value) {
    return static_cast<float>((std::max(value, largest - kRange) + 4) / 4);
  };
  std::vector<float> out(static_cast<std::size_t>((all ? whole() : frames(size)) * mels),
                         scaled(std::log10(kLeastPower)));
  std::transform(logs.begin(), logs.begin() + static_cast<std::ptrdiff_t>(std::min(logs.size(), out.size())),
                 out.begin(), scaled);
  return out;
}

}  // namespace thaw
