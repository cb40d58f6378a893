// Pooling of NCHW planes: maximum, average and adaptive average, with their gradients. A thread takes whole
// planes, so windows that overlap add into dx in one fixed order.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/cpu/parallel.h"
#include "kernels/kernels.h"

namespace thaw::cpu {
namespace {

// The part of an axis that an output position sees, and the length by which an average divides.
struct Window {
  std::int64_t begin, end;
  std::int64_t length;
};

// Windows of one size. As in PyTorch, a window that reaches past the padding is cut there, and its length
// too.
struct FixedWindows {
  std::int64_t in, size, stride, padding;
  bool count_padding;

  FixedWindows(std::int64_t in_size, const PoolParams& p, int dim)
      : in(in_size),
        size(p.size[dim]),
        stride(p.stride[dim]),
        padding(p.padding[dim]),
        count_padding(p.count_include_pad) {}

  Window operator()(std::int64_t t) const {
    const std::int64_t begin = t * stride - padding, end = std::min(begin + size, in + padding);
    const std::int64_t inside_begin = std::max<std::int64_t>(begin, 0), inside_end = std::min(end, in);
    return {inside_begin, inside_end, count_padding ? end - begin : inside_end - inside_begin};
  }
};

// Windows that cover the axis as evenly as `out` of them can. That of output t is
//   [floor(t * in / out), ceil((t + 1) * in / out))
struct AdaptiveWindows {
  std::int64_t in, out;

  Window operator()(std::int64_t t) const {
    const std::int64_t begin = t * in / out, end = ((t + 1) * in + out - 1) / out;
    return {begin, end, end - begin};
  }
};

// Calls f(plane) for each of the N * C planes.
template <class F>
void for_each_plane(const Layout& image, std::int64_t work, const F& f) {
  const std::int64_t planes = image.size[0] * image.size[1];
  parallel_for(planes, kElementGrain / std::max<std::int64_t>(1, work),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t plane = begin; plane < end; ++plane) f(plane);
               });
}

std::int64_t plane_size(const Layout& image) { return image.size[2] * image.size[3]; }

template <class T>
void max_pool_of(const View& y, const View& index, const ConstView& x, const PoolParams& p) {
  const FixedWindows rows(x.size[2], p, 0), columns(x.size[3], p, 1);
  const std::int64_t width = x.size[3];
  for_each_plane(y, plane_size(y) * p.size[0] * p.size[1], [&](std::int64_t plane) {
    const T* in = x.as<T>() + plane * plane_size(x);
    T* out = y.as<T>() + plane * plane_size(y);
    std::int32_t* at = index.as<std::int32_t>() + plane * plane_size(y);
    for (std::int64_t i = 0; i < y.size[2]; ++i) {
      const Window h = rows(i);
      for (std::int64_t j = 0; j < y.size[3]; ++j) {
        const Window w = columns(j);
        T best = -std::numeric_limits<T>::infinity();
        std::int64_t where = h.begin * width + w.begin;
        for (std::int64_t r = h.begin; r < h.end; ++r) {
          for (std::int64_t c = w.begin; c < w.end; ++c) {
            const T value = in[r * width + c];
            if (value > best || std::isnan(value)) {
              best = value;
              where = r * width + c;
            }
          }
        }
        *out++ = best;
        *at++ = static_cast<std::int32_t>(where);
      }
    }
  });
}

template <class T>
void max_pool_vjp_of(const View& dx, const ConstView& dy, const ConstView& index) {
  for_each_plane(dx, plane_size(dx) + plane_size(dy), [&](std::int64_t plane) {
    T* to = dx.as<T>() + plane * plane_size(dx);
    const T* from = dy.as<T>() + plane * plane_size(dy);
    const std::int32_t* at = index.as<std::int32_t>() + plane * plane_size(dy);
    std::fill_n(to, plane_size(dx), T(0));
    for (std::int64_t i = 0; i < plane_size(dy); ++i) to[at[i]] += from[i];
  });
}

template <class T, class Windows>
void average(const View& y, const ConstView& x, const Windows& rows, const Windows& columns) {
  const std::int64_t width = x.size[3];
  for_each_plane(y, plane_size(x) + plane_size(y), [&](std::int64_t plane) {
    const T* in = x.as<T>() + plane * plane_size(x);
    T* out = y.as<T>() + plane * plane_size(y);
    for (std::int64_t i = 0; i < y.size[2]; ++i) {
      const Window h = rows(i);
      for (std::int64_t j = 0; j < y.size[3]; ++j) {
        const Window w = columns(j);
        T sum = 0;
        for (std::int64_t r = h.begin; r < h.end; ++r)
          for (std::int64_t c = w.begin; c < w.end; ++c) sum += in[r * width + c];
        *out++ = sum / static_cast<T>(h.length * w.length);
      }
    }
  });
}

template <class T, class Windows>
void average_vjp(const View& dx, const ConstView& dy, const Windows& rows, const Windows& columns) {
  const std::int64_t width = dx.size[3];
  for_each_plane(dx, plane_size(dx) + plane_size(dy), [&](std::int64_t plane) {
    T* to = dx.as<T>() + plane * plane_size(dx);
    const T* from = dy.as<T>() + plane * plane_size(dy);
    std::fill_n(to, plane_size(dx), T(0));
    for (std::int64_t i = 0; i < dy.size[2]; ++i) {
      const Window h = rows(i);
      for (std::int64_t j = 0; j < dy.size[3]; ++j) {
        const Window w = columns(j);
        const T share = *from++ / static_cast<T>(h.length * w.length);
        for (std::int64_t r = h.begin; r < h.end; ++r)
          for (std::int64_t c = w.begin; c < w.end; ++c) to[r * width + c] += share;
      }
    }
  });
}

template <class Windows>
void average_any(const View& y, const ConstView& x, const Windows& rows, const Windows& columns) {
  y.dtype == DType::f32 ? average<float>(y, x, rows, columns) : average<double>(y, x, rows, columns);
}

template <class Windows>
void average_vjp_any(const View& dx, const ConstView& dy, const Windows& rows, const Windows& columns) {
  dx.dtype == DType::f32 ? average_vjp<float>(dx, dy, rows, columns)
                         : average_vjp<double>(dx, dy, rows, columns);
}

}  // namespace

void max_pool2d(View y, View index, ConstView x, PoolParams p) {
  y.dtype == DType::f32 ? max_pool_of<float>(y, index, x, p) : max_pool_of<double>(y, index, x, p);
}

void max_pool2d_vjp(View dx, ConstView dy, ConstView index) {
  dx.dtype == DType::f32 ? max_pool_vjp_of<float>(dx, dy, index) : max_pool_vjp_of<double>(dx, dy, index);
}

void avg_pool2d(View y, ConstView x, PoolParams p) {
  average_any(y, x, FixedWindows(x.size[2], p, 0), FixedWindows(x.size[3], p, 1));
}

void avg_pool2d_vjp(View dx, ConstView dy, PoolParams p) {
  average_vjp_any(dx, dy, FixedWindows(dx.size[2], p, 0), FixedWindows(dx.size[3], p, 1));
}

void adaptive_avg_pool2d(View y, ConstView x) {
  average_any(y, x, AdaptiveWindows{x.size[2], y.size[2]}, AdaptiveWindows{x.size[3], y.size[3]});
}

void adaptive_avg_pool2d_vjp(View dx, ConstView dy) {
  average_vjp_any(dx, dy, AdaptiveWindows{dx.size[2], dy.size[2]}, AdaptiveWindows{dx.size[3], dy.size[3]});
}

}  // namespace thaw::cpu
