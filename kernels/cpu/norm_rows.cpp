// Layer norm (Ba et al. 2016) and RMS norm (Zhang & Sennrich 2019): each row of [R, C] is normalised on its
// own. Layer norm is
//   rstd = 1 / sqrt(mean((x - mean(x))^2) + eps)
//   xhat = (x - mean(x)) * rstd
//   y = gamma * xhat + beta
// RMS norm is the same without mean(x) and beta, so both share their code.
#include <cmath>

#include "kernels/cpu/lanes.h"
#include "kernels/cpu/partial_sums.h"
#include "kernels/kernels.h"

namespace thaw::cpu {
namespace {

template <class T>
T mean_square(const T* x, std::int64_t n, T center) {
  const T total = sum_lanes<T>(n, [&](std::int64_t i, int count) {
    const Lanes<T> d = load(x + i, count, center) - center;
    return d * d;
  });
  return total / static_cast<T>(n);
}

template <class T>
void normalize_row(T* y, const T* x, std::int64_t n, T mean, T rstd, const T* gamma, const T* beta) {
  for_lanes<T>(n, [&](std::int64_t i, int count) {
    const Lanes<T> xhat = (load(x + i, count) - mean) * rstd;
    store(y + i, xhat * load_or<T>(gamma, i, count, 1) + load_or<T>(beta, i, count, 0), count);
  });
}

template <class T>
void normalize_rows(View y, View mean, View rstd, ConstView x, ConstView gamma, ConstView beta, double eps) {
  const std::int64_t width = x.size[1];
  const bool centered = present(mean);
  parallel_for(x.size[0], row_grain(width), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const T* row = x.as<T>() + r * width;
      const T center = centered ? sum_row(row, width) / static_cast<T>(width) : T{0};
      const T scale = 1 / std::sqrt(mean_square(row, width, center) + static_cast<T>(eps));
      if (centered) mean.as<T>()[r] = center;
      rstd.as<T>()[r] = scale;
      normalize_row(y.as<T>() + r * width, row, width, center, scale, data_or_null<T>(gamma),
                    data_or_null<T>(beta));
    }
  });
}

// One row of the backward pass. With g = gamma * dy,
//   dx = rstd * (g - mean(g) - xhat * mean(g * xhat))
//   dgamma += dy * xhat
//   dbeta += dy
// RMS norm has no mean(g).
template <class T>
struct RowVjp {
  std::int64_t width;
  bool centered;
  const T* gamma;

  void dx(T* out, const T* dy, const T* x, T mean, T rstd) const {
    const auto g = [&](std::int64_t i, int count) {
      return load(dy + i, count) * load_or<T>(gamma, i, count, 1);
    };
    const auto xhat = [&](std::int64_t i, int count) { return (load(x + i, count, mean) - mean) * rstd; };
    const T n = static_cast<T>(width);
    const T mean_g = centered ? sum_lanes<T>(width, g) / n : T{0};
    const T mean_gx =
        sum_lanes<T>(width, [&](std::int64_t i, int count) { return g(i, count) * xhat(i, count); }) / n;
    for_lanes<T>(width, [&](std::int64_t i, int count) {
      store(out + i, rstd * (g(i, count) - mean_g - xhat(i, count) * mean_gx), count);
    });
  }

  void affine(T* dgamma, T* dbeta, const T* dy, const T* x, T mean, T rstd) const {
    for_lanes<T>(width, [&](std::int64_t i, int count) {
      const Lanes<T> d = load(dy + i, count);
      if (dbeta) store(dbeta + i, load(dbeta + i, count) + d, count);
      if (!dgamma) return;
      const Lanes<T> xhat = (load(x + i, count) - mean) * rstd;
      store(dgamma + i, load(dgamma + i, count) + d * xhat, count);
    });
  }
};

template <class T>
void normalize_rows_vjp(View dx, View dgamma, View dbeta, ConstView dy, ConstView x, ConstView mean,
                        ConstView rstd, ConstView gamma) {
  const std::int64_t rows = dy.size[0], width = dy.size[1];
  const RowVjp<T> vjp{width, present(mean), data_or_null<T>(gamma)};
  const std::int64_t grain = PartialSums<T>::grain(rows, row_grain(width));
  PartialSums<T> gamma_sums(data_or_null<T>(dgamma), width, rows, grain, dy.device);
  PartialSums<T> beta_sums(data_or_null<T>(dbeta), width, rows, grain, dy.device);
  const auto chunk = [&](std::int64_t begin, std::int64_t end) {
    T* gamma_sum = gamma_sums.chunk(begin / grain);
    T* beta_sum = beta_sums.chunk(begin / grain);
    for (std::int64_t r = begin; r < end; ++r) {
      const T* d = dy.as<T>() + r * width;
      // beta's gradient alone needs neither x nor its statistics.
      const T* row = present(x) ? x.as<T>() + r * width : nullptr;
      const T center = present(mean) ? mean.as<T>()[r] : T{0};
      const T scale = present(rstd) ? rstd.as<T>()[r] : T{0};
      if (present(dx)) vjp.dx(dx.as<T>() + r * width, d, row, center, scale);
      if (gamma_sum || beta_sum) vjp.affine(gamma_sum, beta_sum, d, row, center, scale);
    }
  };
  parallel_for(rows, grain, chunk);
  gamma_sums.combine();
  beta_sums.combine();
}

}  // namespace

void layer_norm(View y, View mean, View rstd, ConstView x, ConstView gamma, ConstView beta, double eps) {
  with_floating(x.dtype,
                [&](auto zero) { normalize_rows<decltype(zero)>(y, mean, rstd, x, gamma, beta, eps); });
}

void layer_norm_vjp(View dx, View dgamma, View dbeta, ConstView dy, ConstView x, ConstView mean,
                    ConstView rstd, ConstView gamma) {
  with_floating(dy.dtype, [&](auto zero) {
    normalize_rows_vjp<decltype(zero)>(dx, dgamma, dbeta, dy, x, mean, rstd, gamma);
  });
}

void rms_norm(View y, View rstd, ConstView x, ConstView gamma, double eps) {
  with_floating(x.dtype, [&](auto zero) {
    normalize_rows<decltype(zero)>(y, View(), rstd, x, gamma, ConstView(), eps);
  });
}

void rms_norm_vjp(View dx, View dgamma, ConstView dy, ConstView x, ConstView rstd, ConstView gamma) {
  with_floating(dy.dtype, [&](auto zero) {
    normalize_rows_vjp<decltype(zero)>(dx, dgamma, View(), dy, x, ConstView(), rstd, gamma);
  });
}

}  // namespace thaw::cpu
