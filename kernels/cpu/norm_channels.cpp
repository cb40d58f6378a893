// Batch normalisation (Ioffe & Szegedy 2015) of [N, C, S]: statistics per channel over N and S, and the
// normalisation by given statistics.
//
// With S = 1, neighbours in memory are channels; otherwise they are positions of one channel. Each kernel is
// written once. The walkers below call it with vectors of `count` elements from `at` on, which belong to the
// channels c, c + 1, ... (Columns) or all to channel c (Planes). Channels::value loads the per-channel
// numbers to match.
#include <cmath>
#include <type_traits>

#include "kernels/cpu/lanes.h"
#include "kernels/kernels.h"

namespace thaw::cpu {
namespace {

struct Planes : std::false_type {};
struct Columns : std::true_type {};

template <class T, class Order>
struct Channels {
  std::int64_t batch, channels, inner;

  explicit Channels(const Layout& x) : batch(x.size[0]), channels(x.size[1]), inner(x.size[2]) {}

  std::int64_t count() const { return batch * inner; }

  static Lanes<T> value(const T* per_channel, std::int64_t c, int n) {
    if constexpr (Order::value) {
      return load(per_channel + c, n);
    } else {
      return splat(per_channel[c]);
    }
  }

  // Calls f(at, c, count) for all elements.
  template <class F>
  void for_each(const F& f) const {
    const std::int64_t width = Order::value ? channels : inner;
    parallel_for(
        Order::value ? batch : batch * channels, row_grain(width), [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t r = begin; r < end; ++r) {
            for_lanes<T>(
                width, [&](std::int64_t i, int n) { f(r * width + i, Order::value ? i : r % channels, n); });
          }
        });
  }

  // Calls out(c, total) with each channel's sum of the vectors f(at, c, count), which must be 0 in unused
  // lanes.
  template <class F, class Out>
  void sum(const F& f, const Out& out) const {
    if constexpr (Order::value) {
      constexpr int w = kLanes<T>;
      parallel_for((channels + w - 1) / w, row_grain(batch * w), [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t b = begin; b < end; ++b) sum_columns(b * w, f, out);
      });
    } else {
      parallel_for(channels, row_grain(count()), [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t c = begin; c < end; ++c) sum_planes(c, f, out);
      });
    }
  }

 private:
  template <class F, class Out>
  void sum_planes(std::int64_t c, const F& f, const Out& out) const {
    double total = 0;
    for (std::int64_t n = 0; n < batch; ++n) {
      const std::int64_t plane = (n * channels + c) * inner;
      total += sum_lanes<T>(inner, [&](std::int64_t i, int count) { return f(plane + i, c, count); });
    }
    out(c, total);
  }

  // A long f32 sum loses digits, so short f32 runs are added up in f64.
  template <class F, class Out>
  void sum_columns(std::int64_t c, const F& f, const Out& out) const {
    constexpr std::int64_t kRun = 32;
    const int width = static_cast<int>(std::min<std::int64_t>(kLanes<T>, channels - c));
    double total[kLanes<T>] = {};
    for (std::int64_t first = 0; first < batch; first += kRun) {
      Lanes<T> run{};
      const std::int64_t last = std::min(batch, first + kRun);
      for (std::int64_t n = first; n < last; ++n) run += f(n * channels + c, c, width);
      for (int l = 0; l < width; ++l) total[l] += static_cast<double>(run[l]);
    }
    for (int l = 0; l < width; ++l) out(c + l, total[l]);
  }
};

// Calls f with the walker for a view's dtype and shape.
template <class F>
void with_channels(const Layout& x, const F& f) {
  with_floating(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    if (x.size[2] == 1) {
      f(zero, Channels<T, Columns>(x));
    } else {
      f(zero, Channels<T, Planes>(x));
    }
  });
}

template <class T>
T value_or(const T* values, std::int64_t i, T otherwise) {
  return values ? values[i] : otherwise;
}

}  // namespace

void channel_stats(View mean, View var, ConstView x) {
  with_channels(x, [&](auto zero, const auto& channels) {
    using T = decltype(zero);
    const T* in = x.as<T>();
    T* means = mean.as<T>();
    const double count = static_cast<double>(channels.count());
    channels.sum([&](std::int64_t at, std::int64_t, int n) { return load(in + at, n); },
                 [&](std::int64_t c, double total) { means[c] = static_cast<T>(total / count); });
    channels.sum(
        [&](std::int64_t at, std::int64_t c, int n) {
          const Lanes<T> d = load(in + at, n, means[c]) - channels.value(means, c, n);
          return d * d;
        },
        [&](std::int64_t c, double total) { var.as<T>()[c] = static_cast<T>(total / count); });
  });
}

// The normalisation and its affine map in one multiply-add per element:
//   scale = gamma * rstd
//   shift = beta - mean * scale
//   y = x * scale + shift
void channel_norm(View y, ConstView x, ConstView mean, ConstView rstd, ConstView gamma, ConstView beta) {
  with_channels(x, [&](auto zero, const auto& channels) {
    using T = decltype(zero);
    const memory::Scratch scratch(x.device, 2 * channels.channels * static_cast<std::int64_t>(sizeof(T)));
    T* scale = scratch.as<T>();
    T* shift = scale + channels.channels;
    for (std::int64_t c = 0; c < channels.channels; ++c) {
      scale[c] = rstd.as<T>()[c] * value_or<T>(data_or_null<T>(gamma), c, 1);
      shift[c] = value_or<T>(data_or_null<T>(beta), c, 0) - mean.as<T>()[c] * scale[c];
    }
    channels.for_each([&](std::int64_t at, std::int64_t c, int n) {
      store(y.as<T>() + at,
            load(x.as<T>() + at, n) * channels.value(scale, c, n) + channels.value(shift, c, n), n);
    });
  });
}

// The gradients, with xhat = (x - mean) * rstd and sums over the M elements of a channel:
//   dbeta = sum(dy)
//   dgamma = sum(dy * xhat)
//   dx = gamma * rstd * (dy - dbeta / M - xhat * dgamma / M)
// This dx includes the path through the batch's statistics (Ioffe & Szegedy 2015, section 3). With given ones
// it is
//   dx = gamma * rstd * dy
void channel_norm_vjp(View dx, View dgamma, View dbeta, ConstView dy, ConstView x, ConstView mean,
                      ConstView rstd, ConstView gamma, bool batch_statistics) {
  with_channels(dy, [&](auto zero, const auto& channels) {
    using T = decltype(zero);
    const std::int64_t C = channels.channels;
    const bool through_statistics = present(dx) && batch_statistics;
    const T* d = dy.as<T>();
    const T* in = data_or_null<T>(x);
    const T* means = data_or_null<T>(mean);
    const T* rstds = data_or_null<T>(rstd);
    const memory::Scratch scratch(dy.device, 5 * C * static_cast<std::int64_t>(sizeof(T)));
    T* sum_dy = scratch.as<T>();
    T* sum_dy_xhat = sum_dy + C;

    if (present(dbeta) || through_statistics) {
      channels.sum([&](std::int64_t at, std::int64_t, int n) { return load(d + at, n); },
                   [&](std::int64_t c, double total) { sum_dy[c] = static_cast<T>(total); });
    }
    if (present(dgamma) || through_statistics) {
      channels.sum([&](std::int64_t at, std::int64_t c,
                       int n) { return load(d + at, n) * (load(in + at, n) - channels.value(means, c, n)); },
                   [&](std::int64_t c, double total) { sum_dy_xhat[c] = static_cast<T>(total) * rstds[c]; });
    }
    if (present(dbeta)) std::copy_n(sum_dy, C, dbeta.as<T>());
    if (present(dgamma)) std::copy_n(sum_dy_xhat, C, dgamma.as<T>());
    if (!present(dx)) return;

    // The dx through the statistics, with its factors per channel:
    //   dx = scale * dy - slope * (x - mean) - shift
    T* scale = sum_dy_xhat + C;
    T* slope = scale + C;
    T* shift = slope + C;
    const T count = static_cast<T>(channels.count());
    for (std::int64_t c = 0; c < C; ++c) {
      scale[c] = rstds[c] * value_or<T>(data_or_null<T>(gamma), c, 1);
      if (!through_statistics) continue;
      slope[c] = scale[c] * rstds[c] * sum_dy_xhat[c] / count;
      shift[c] = scale[c] * sum_dy[c] / count;
    }
    T* out = dx.as<T>();
    if (through_statistics) {
      channels.for_each([&](std::int64_t at, std::int64_t c, int n) {
        const Lanes<T> centered = load(in + at, n) - channels.value(means, c, n);
        store(out + at,
              load(d + at, n) * channels.value(scale, c, n) - centered * channels.value(slope, c, n) -
                  channels.value(shift, c, n),
              n);
      });
    } else {
      channels.for_each([&](std::int64_t at, std::int64_t c, int n) {
        store(out + at, load(d + at, n) * channels.value(scale, c, n), n);
      });
    }
  });
}

}  // namespace thaw::cpu
