// Random numbers from Philox: every number is a function of (key, row, index in the row) alone. Numbers are
// made from 24 random bits, the same for f32 and f64, so that both dtypes draw the same values up to
// rounding.
#ifdef __AVX2__
#include <immintrin.h>
#endif

#include <algorithm>
#include <cmath>
#include <numbers>

#include "kernels/cpu/lanes.h"
#include "kernels/cpu/vmath.h"
#include "kernels/kernels.h"
#include "kernels/philox.h"

namespace thaw::cpu {
namespace {

constexpr int kBlocks = 64;          // Philox counters computed at a time
constexpr int kWords = 4 * kBlocks;  // the random numbers that they give
constexpr int kWide = 4;             // counters computed side by side in vector registers
constexpr float kUnit = 0x1p-24f;

struct Words {
  alignas(32) std::uint32_t word[kWords];
  // Number i, uniform in [0, 1).
  template <class T>
  T uniform(int i) const {
    return static_cast<T>(static_cast<std::int32_t>(word[i] >> 8)) * static_cast<T>(kUnit);
  }
};

// One word of each counter, in the low halves of 64-bit lanes; the high halves may hold anything.
typedef std::uint64_t WideWord __attribute__((vector_size(8 * kWide)));

WideWord multiply_low_halves(WideWord a, std::uint32_t b) {
#ifdef __AVX2__
  return reinterpret_cast<WideWord>(_mm256_mul_epu32(reinterpret_cast<__m256i>(a), _mm256_set1_epi64x(b)));
#else
  return (a & 0xffffffff) * std::uint64_t{b};
#endif
}

// philox4x32 on kWide consecutive counters.
void philox_wide(std::uint32_t* out, std::uint64_t row, std::uint64_t block, philox::Key key) {
  WideWord c[4];
  for (int l = 0; l < kWide; ++l) {
    const philox::Words counter = philox::counter_of(row, block + static_cast<std::uint64_t>(l));
    for (int w = 0; w < 4; ++w) c[w][l] = counter[static_cast<std::size_t>(w)];
  }
  for (int round = 0; round < philox::kRounds; ++round) {
    const WideWord p0 = multiply_low_halves(c[0], philox::kMultiplier0);
    const WideWord p1 = multiply_low_halves(c[2], philox::kMultiplier1);
    c[0] = (p1 >> 32) ^ c[1] ^ std::uint64_t{key[0]};
    c[1] = p1;
    c[2] = (p0 >> 32) ^ c[3] ^ std::uint64_t{key[1]};
    c[3] = p0;
    key = {key[0] + philox::kWeyl0, key[1] + philox::kWeyl1};
  }
  for (int l = 0; l < kWide; ++l) {
    for (int w = 0; w < 4; ++w) out[4 * l + w] = philox::low_word(c[w][l]);
  }
}

// The words of numbers first .. first + count - 1 of a row; `first` is a multiple of 4.
void random_words(Words& out, int count, std::uint64_t row, std::int64_t first, philox::Key key) {
  const std::uint64_t block = static_cast<std::uint64_t>(first) / 4;
  for (int b = 0; 4 * b < count; b += kWide) {
    philox_wide(out.word + 4 * b, row, block + static_cast<std::uint64_t>(b), key);
  }
}

// Calls f(words, first, count) for successive pieces of the numbers [begin, end) of a row.
template <class F>
void for_words(std::uint64_t row, std::int64_t begin, std::int64_t end, philox::Key key, const F& f) {
  Words words;
  for (std::int64_t i = begin; i < end; i += kWords) {
    const int count = static_cast<int>(std::min<std::int64_t>(kWords, end - i));
    random_words(words, count, row, i, key);
    f(words, i, count);
  }
}

// The same for a tensor of n numbers, which is one row.
template <class F>
void for_tensor(std::int64_t n, philox::Key key, const F& f) {
  parallel_for(n, kElementGrain / 4,
               [&](std::int64_t begin, std::int64_t end) { for_words(0, begin, end, key, f); });
}

struct SinCos {
  Lanes<float> sin, cos;
};

// Sine and cosine of 2 pi u for u in [0, 1). The nearest quarter turn is subtracted exactly; Cephes'
// polynomials (sinf and cosf) cover the remaining eighth of a turn.
SinCos sincos_turns(Lanes<float> u) {
  typedef std::int32_t Ints __attribute__((vector_size(32)));
  const Lanes<float> turns = 4 * u;
  const Ints quarter = __builtin_convertvector(turns + 0.5f, Ints);
  const Lanes<float> x =
      (turns - __builtin_convertvector(quarter, Lanes<float>)) * (std::numbers::pi_v<float> / 2);
  const Lanes<float> x2 = x * x;
  const Lanes<float> s = x + x * x2 * (-1.6666654611e-1f + x2 * (8.3321608736e-3f - x2 * 1.9515295891e-4f));
  const Lanes<float> c =
      1 - 0.5f * x2 +
      x2 * x2 * (4.166664568298827e-2f + x2 * (-1.388731625493765e-3f + x2 * 2.443315711809948e-5f));
  const Ints swap = (quarter & 1) != 0;
  const Lanes<float> sine = swap ? c : s;
  const Lanes<float> cosine = swap ? s : c;
  return {(quarter & 2) != 0 ? -sine : sine, ((quarter + 1) & 2) != 0 ? -cosine : cosine};
}

// Two standard normal numbers from two uniform numbers u and v (Box & Muller 1958):
//   r = sqrt(-2 * ln(1 - u))
//   z0 = r * cos(2 * pi * v)
//   z1 = r * sin(2 * pi * v)
void box_muller(float* out, const Words& words) {
  constexpr int w = kLanes<float>;
  for (int i = 0; i < kWords; i += 2 * w) {
    Lanes<float> u, v;
    for (int l = 0; l < w; ++l) {
      u[l] = words.uniform<float>(i + 2 * l);
      v[l] = words.uniform<float>(i + 2 * l + 1);
    }
    const Lanes<float> squared = -2 * vmath::log(1 - u);
    const SinCos angle = sincos_turns(v);
    for (int l = 0; l < w; ++l) {
      const float radius = std::sqrt(squared[l]);
      out[i + 2 * l] = radius * angle.cos[l];
      out[i + 2 * l + 1] = radius * angle.sin[l];
    }
  }
}

void box_muller(double* out, const Words& words) {
  for (int i = 0; i < kWords; i += 2) {
    const double radius = std::sqrt(-2 * std::log(1 - words.uniform<double>(i)));
    const double angle = 2 * std::numbers::pi * words.uniform<double>(i + 1);
    out[i] = radius * std::cos(angle);
    out[i + 1] = radius * std::sin(angle);
  }
}

// Dropout with probability p by 24 random bits: a number below `threshold` drops its element; the others are
// scaled.
//   threshold = ceil(p * 2^24)
//   scale = 1 / (1 - p)
struct DropoutRule {
  std::uint32_t threshold;
  double scale;
  explicit DropoutRule(double p)
      : threshold(static_cast<std::uint32_t>(std::ceil(p * 0x1p24))), scale(p < 1 ? 1 / (1 - p) : 0) {}
};

template <class T>
void dropout_stretch(T* y, const T* x, const Words& words, int count, const DropoutRule& rule) {
  const T scale = static_cast<T>(rule.scale);
  for (int i = 0; i < count; ++i) y[i] = x[i] * ((words.word[i] >> 8) < rule.threshold ? T{0} : scale);
}

}  // namespace

void uniform(View y, double low, double high, RandomKey key) {
  with_floating(y.dtype, [&](auto zero) {
    using T = decltype(zero);
    const T start = static_cast<T>(low), span = static_cast<T>(high - low);
    for_tensor(y.numel(), philox::fold_key(key.seed, key.stream),
               [&](const Words& words, std::int64_t first, int count) {
                 T* out = y.as<T>() + first;
                 for (int i = 0; i < count; ++i) out[i] = start + span * words.uniform<T>(i);
               });
  });
}

void normal(View y, double mean, double deviation, RandomKey key) {
  with_floating(y.dtype, [&](auto zero) {
    using T = decltype(zero);
    const T m = static_cast<T>(mean), d = static_cast<T>(deviation);
    for_tensor(y.numel(), philox::fold_key(key.seed, key.stream),
               [&](Words& words, std::int64_t first, int count) {
                 T standard[kWords];
                 box_muller(standard, words);
                 T* out = y.as<T>() + first;
                 for (int i = 0; i < count; ++i) out[i] = m + d * standard[i];
               });
  });
}

void dropout(View y, ConstView x, ConstView row_ids, double p, RandomKey key) {
  const std::int64_t rows = x.rank == 0 ? 1 : x.size[0];
  if (x.numel() == 0) return;
  const std::int64_t width = x.numel() / rows;
  // Long rows are cut into pieces; short ones share a chunk.
  const std::int64_t piece = std::min(width, kElementGrain / 4);
  const std::int64_t pieces = (width + piece - 1) / piece;
  const DropoutRule rule(p);
  const philox::Key folded = philox::fold_key(key.seed, key.stream);
  with_floating(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    const auto one_piece = [&](std::int64_t r, std::int64_t begin) {
      const std::int64_t id = present(row_ids) ? row_ids.as<std::int64_t>()[r] : r;
      const T* in = x.as<T>() + r * width;
      T* out = y.as<T>() + r * width;
      for_words(static_cast<std::uint64_t>(id), begin, std::min(width, begin + piece), folded,
                [&](const Words& words, std::int64_t first, int count) {
                  dropout_stretch(out + first, in + first, words, count, rule);
                });
    };
    parallel_for(rows * pieces, row_grain(piece, 4), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) one_piece(i / pieces, i % pieces * piece);
    });
  });
}

}  // namespace thaw::cpu
