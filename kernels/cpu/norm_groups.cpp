// Group norm (Wu & He 2018) of [N, C, S]. The channels of each sample are cut into G groups, and mean and
// rstd [N, G] are taken over a group's channels and positions; gamma and beta are per channel:
//   xhat = (x - mean) * rstd
//   y = gamma * xhat + beta
#include <cmath>

#include "kernels/cpu/lanes.h"
#include "kernels/kernels.h"

namespace thaw::cpu {
namespace {

struct Groups {
  std::int64_t batch, channels, inner, groups, per_group;

  Groups(const Layout& x, const Layout& stats)
      : batch(x.size[0]),
        channels(x.size[1]),
        inner(x.size[2]),
        groups(stats.size[1]),
        per_group(channels / groups) {}

  std::int64_t elements() const { return per_group * inner; }

  // Calls f(group, first channel, first plane), where the group is one of all N * G and the plane one of all
  // N * C.
  template <class F>
  void for_each(const F& f) const {
    parallel_for(batch * groups, row_grain(elements()), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t g = begin; g < end; ++g) f(g, g % groups * per_group, g * per_group);
    });
  }
};

template <class T>
T channel_value(ConstView values, std::int64_t c, T otherwise) {
  return present(values) ? values.as<T>()[c] : otherwise;
}

// Sums of dy and of dy * xhat over one plane.
template <class T>
struct PlaneSums {
  T dy, dy_xhat;
};

template <class T>
PlaneSums<T> plane_sums(const T* dy, const T* x, std::int64_t n, T mean, T rstd) {
  const T product = sum_lanes<T>(
      n, [&](std::int64_t i, int count) { return load(dy + i, count) * (load(x + i, count) - mean); });
  return {sum_row(dy, n), product * rstd};
}

}  // namespace

void group_norm(View y, View mean, View rstd, ConstView x, ConstView gamma, ConstView beta, double eps) {
  const Groups shape(x, mean);
  with_floating(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    shape.for_each([&](std::int64_t g, std::int64_t first_channel, std::int64_t first_plane) {
      const T* in = x.as<T>() + first_plane * shape.inner;
      T* out = y.as<T>() + first_plane * shape.inner;
      const T n = static_cast<T>(shape.elements());
      const T center = sum_row(in, shape.elements()) / n;
      const T variance = sum_lanes<T>(shape.elements(),
                                      [&](std::int64_t i, int count) {
                                        const Lanes<T> d = load(in + i, count, center) - center;
                                        return d * d;
                                      }) /
                         n;
      const T inverse = 1 / std::sqrt(variance + static_cast<T>(eps));
      mean.as<T>()[g] = center;
      rstd.as<T>()[g] = inverse;
      for (std::int64_t c = 0; c < shape.per_group; ++c) {
        const T scale = inverse * channel_value<T>(gamma, first_channel + c, 1);
        const T shift = channel_value<T>(beta, first_channel + c, 0);
        for_lanes<T>(shape.inner, [&](std::int64_t i, int count) {
          const std::int64_t at = c * shape.inner + i;
          store(out + at, (load(in + at, count) - center) * scale + shift, count);
        });
      }
    });
  });
}

// The gradients, with g = gamma * dy and means over the elements of a group:
//   dx = rstd * (g - mean(g) - xhat * mean(g * xhat))
//   dgamma = sum(dy * xhat)
//   dbeta = sum(dy)
// Both means follow from the sums of dy and dy * xhat over each plane, which dgamma and dbeta need too.
void group_norm_vjp(View dx, View dgamma, View dbeta, ConstView dy, ConstView x, ConstView mean,
                    ConstView rstd, ConstView gamma) {
  const Groups shape(dy, mean);
  with_floating(dy.dtype, [&](auto zero) {
    using T = decltype(zero);
    const memory::Scratch scratch(
        dy.device, shape.batch * shape.channels * static_cast<std::int64_t>(sizeof(PlaneSums<T>)));
    auto* sums = scratch.as<PlaneSums<T>>();
    shape.for_each([&](std::int64_t g, std::int64_t first_channel, std::int64_t first_plane) {
      const T center = mean.as<T>()[g], scale = rstd.as<T>()[g];
      const T* d = dy.as<T>() + first_plane * shape.inner;
      const T* in = x.as<T>() + first_plane * shape.inner;
      T total_g = 0, total_g_xhat = 0;
      for (std::int64_t c = 0; c < shape.per_group; ++c) {
        const PlaneSums<T> plane =
            plane_sums(d + c * shape.inner, in + c * shape.inner, shape.inner, center, scale);
        sums[first_plane + c] = plane;
        const T weight = channel_value<T>(gamma, first_channel + c, 1);
        total_g += weight * plane.dy;
        total_g_xhat += weight * plane.dy_xhat;
      }
      if (!present(dx)) return;
      const T n = static_cast<T>(shape.elements());
      const T slope = scale * scale * total_g_xhat / n;
      const T shift = scale * total_g / n;
      T* out = dx.as<T>() + first_plane * shape.inner;
      for (std::int64_t c = 0; c < shape.per_group; ++c) {
        const T weight = scale * channel_value<T>(gamma, first_channel + c, 1);
        for_lanes<T>(shape.inner, [&](std::int64_t i, int count) {
          const std::int64_t at = c * shape.inner + i;
          store(out + at, load(d + at, count) * weight - (load(in + at, count) - center) * slope - shift,
                count);
        });
      }
    });
    for (std::int64_t c = 0; c < shape.channels; ++c) {
      PlaneSums<T> total{};
      for (std::int64_t n = 0; n < shape.batch; ++n) {
        total.dy += sums[n * shape.channels + c].dy;
        total.dy_xhat += sums[n * shape.channels + c].dy_xhat;
      }
      if (present(dbeta)) dbeta.as<T>()[c] = total.dy;
      if (present(dgamma)) dgamma.as<T>()[c] = total.dy_xhat;
    }
  });
}

}  // namespace thaw::cpu
