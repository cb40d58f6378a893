// 2-D convolution and its gradient with respect to the input, as matrix products whose right operand is read
// from slabs (conv_slab.h).
//
// Both are correlations over channels c and taps (i, j):
//   out[m, pixel] = sum_{c, i, j} weight[m, (c, i, j)] * source[c, pixel moved by tap (i, j)]
//
// The input gradient of a strided convolution splits into stride_h * stride_w correlations, one for each set
// of input pixels that the same taps reach. So nothing is multiplied by an inserted zero. Depthwise convolutions, products
// of one row, go their own way (conv_depthwise.h).
#include "kernels/cpu/conv_depthwise.h"
#include "kernels/cpu/conv_slab.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/gemm_tile.h"
#include "kernels/cpu/parallel.h"

namespace thaw::cpu {
namespace {

// Images with too few pixels for a tile share one.
template <class T>
std::int64_t stack_of(const Correlation<T>& p) {
  constexpr std::int64_t kSharedPixels = 16;
  const std::int64_t pixels = std::max<std::int64_t>(1, p.h.out * p.w.out);
  return std::clamp<std::int64_t>(kSharedPixels / pixels, 1, std::max<std::int64_t>(1, p.images));
}

template <class T>
class Correlator {
 public:
  explicit Correlator(const Correlation<T>& p)
      : p_(p),
        stack_(stack_of(p)),
        slab_(p.h, p.w, p.in_channels, stack_),
        tiles_(tile_set<T>()),
        offset_(kCpu, p.terms() * static_cast<std::int64_t>(sizeof(std::int64_t))) {
    std::int64_t* to = offset_.as<std::int64_t>();
    for (std::int64_t c = 0; c < p.in_channels; ++c)
      for (std::int64_t i = 0; i < p.h.taps; ++i)
        for (std::int64_t j = 0; j < p.w.taps; ++j) *to++ = slab_.offset(c, i, j);
  }

  void run() const {
    const std::int64_t workers = p_.flops() < kParallelFlops ? 1 : num_threads();
    const std::int64_t jobs = ceil_div(p_.images, stack_) * p_.groups * slab_.bands();
    parallel_for(jobs, ceil_div(jobs, workers), [this](std::int64_t begin, std::int64_t end) {
      const memory::Scratch slab(kCpu, bytes(slab_.elements() + kMaxTileColumns));
      const memory::Scratch band(kCpu,
                                 in_place() ? 0 : bytes(p_.out_channels * p_.h.out * p_.w.out * stack_));
      for (std::int64_t job = begin; job < end; ++job)
        correlate_band(job / slab_.bands() / p_.groups * stack_, job / slab_.bands() % p_.groups,
                       job % slab_.bands(), slab.as<T>(), band.as<T>());
    });
  }

 private:
  static std::int64_t bytes(std::int64_t elements) { return elements * static_cast<std::int64_t>(sizeof(T)); }

  // Whether tiles are written straight into the output, not to a buffer [channels, rows, images, columns].
  bool in_place() const { return p_.dense_out() && stack_ == 1; }

  // The plane of the group's first channel.
  const T* source(std::int64_t image, std::int64_t group) const {
    return p_.source + (image * p_.groups + group) * p_.in_channels * p_.h.in * p_.w.in;
  }
  T* out(std::int64_t image, std::int64_t group) const {
    return p_.out + (image * p_.groups + group) * p_.out_channels * p_.out_h * p_.out_w;
  }

  void correlate_band(std::int64_t image, std::int64_t group, std::int64_t band, T* slab, T* buffer) const {
    const std::int64_t top = slab_.band_begin(band), rows = slab_.band_begin(band + 1) - top;
    const std::int64_t pixels = rows * stack_ * p_.w.out, images = std::min(stack_, p_.images - image);
    T* c = in_place() ? out(image, group) + top * p_.out_w : buffer;
    const std::int64_t c_row = in_place() ? p_.out_h * p_.out_w : pixels;
    if (p_.terms() == 0) {
      for (std::int64_t m = 0; m < p_.out_channels; ++m) std::fill_n(c + m * c_row, pixels, T(0));
    } else {
      for (std::int64_t i = 0; i < images; ++i)
        slab_.fill(slab, source(image + i, group), band, p_.in_channels, i);
      multiply_band(p_.weight + group * p_.out_channels * p_.terms(), slab, c, c_row, pixels);
    }
    if (p_.bias != nullptr) {
      for (std::int64_t m = 0; m < p_.out_channels; ++m)
        for (std::int64_t q = 0; q < pixels; ++q) c[m * c_row + q] += p_.bias[group * p_.out_channels + m];
    }
    for (std::int64_t i = 0; !in_place() && i < images; ++i)
      scatter(c + i * p_.w.out, rows, top, out(image + i, group));
  }

  void multiply_band(const T* weight, const T* slab, T* c, std::int64_t c_row, std::int64_t pixels) const {
    const std::int64_t strips = ceil_div(p_.out_channels, tiles_.rows);
    std::int64_t weight_offset[kDepthBlock];
    linear_offsets(weight_offset, std::min(kDepthBlock, p_.terms()), 1);
    TileArgs<T> args;
    args.a_offset = weight_offset;
    args.c_row = c_row;
    for (std::int64_t k = 0; k < p_.terms(); k += kDepthBlock) {
      args.depth = std::min(kDepthBlock, p_.terms() - k);
      args.add = k > 0;
      args.b_offset = offset_.as<std::int64_t>() + k;
      for (std::int64_t q = 0; q < pixels; q += tiles_.columns()) {
        args.b = slab + q;
        args.columns = std::min<std::int64_t>(tiles_.columns(), pixels - q);
        for (std::int64_t s = 0; s < strips; ++s) {
          const std::int64_t begin = p_.out_channels * s / strips, end = p_.out_channels * (s + 1) / strips;
          for (std::int64_t m = begin; m < end; ++m) args.a[m - begin] = weight + m * p_.terms() + k;
          args.c = c + begin * c_row + q;
          tiles_(static_cast<int>(end - begin), args);
        }
      }
    }
  }

  void scatter(const T* from, std::int64_t rows, std::int64_t top, T* image) const {
    for (std::int64_t m = 0; m < p_.out_channels; ++m, image += p_.out_h * p_.out_w) {
      for (std::int64_t t = top; t < top + rows; ++t, from += stack_ * p_.w.out) {
        T* to = image + (t * p_.h.out_step + p_.h.out_begin) * p_.out_w + p_.w.out_begin;
        for (std::int64_t x = 0; x < p_.w.out; ++x) to[x * p_.w.out_step] = from[x];
      }
    }
  }

  const Correlation<T>& p_;
  std::int64_t stack_;
  SlabShape slab_;
  const TileSet<T>& tiles_;
  memory::Scratch offset_;  // where each term's pixels begin in the slab
};

template <class T>
void correlate(const Correlation<T>& p) {
  p.is_depthwise() ? correlate_depthwise(p) : Correlator<T>(p).run();
}

template <class T>
void conv2d_of(const View& y, const ConstView& x, const ConstView& w, const ConstView& bias,
               const ConvParams& params) {
  Correlation<T> p;
  p.h = forward_axis(x.size[2], y.size[2], w.size[2], params, 0);
  p.w = forward_axis(x.size[3], y.size[3], w.size[3], params, 1);
  p.images = x.size[0];
  p.groups = params.groups;
  p.in_channels = w.size[1];
  p.out_channels = w.size[0] / params.groups;
  p.source = x.as<T>();
  p.weight = w.as<T>();
  p.bias = present(bias) ? bias.as<T>() : nullptr;
  p.out = y.as<T>();
  p.out_h = y.size[2];
  p.out_w = y.size[3];
  correlate(p);
}

// Transposes the filters, keeping the taps that one phase uses:
//   w [groups * out, in, kernel_h, kernel_w] -> to [groups, in, out * taps]
template <class T>
void transpose_filter(T* to, const ConstView& w, std::int64_t groups, const Axis& h, const Axis& v) {
  const std::int64_t out = w.size[0] / groups, in = w.size[1], kernel = w.size[2] * w.size[3];
  for (std::int64_t g = 0; g < groups; ++g) {
    for (std::int64_t c = 0; c < in; ++c) {
      for (std::int64_t o = 0; o < out; ++o) {
        const T* filter = w.as<T>() + ((g * out + o) * in + c) * kernel;
        for (std::int64_t i = 0; i < h.taps; ++i)
          for (std::int64_t j = 0; j < v.taps; ++j)
            *to++ = filter[(h.tap_begin + i * h.tap_step) * w.size[3] + v.tap_begin + j * v.tap_step];
      }
    }
  }
}

template <class T>
void conv2d_vjp_x_of(const View& dx, const ConstView& dy, const ConstView& w, const ConvParams& params) {
  Correlation<T> p;
  p.images = dx.size[0];
  p.groups = params.groups;
  p.in_channels = w.size[0] / params.groups;
  p.out_channels = w.size[1];
  p.source = dy.as<T>();
  p.bias = nullptr;
  p.out = dx.as<T>();
  p.out_h = dx.size[2];
  p.out_w = dx.size[3];
  const memory::Scratch weight(kCpu, w.numel() * static_cast<std::int64_t>(sizeof(T)));
  p.weight = weight.as<T>();
  for (std::int64_t i = 0; i < std::min(params.stride[0], dx.size[2]); ++i) {
    for (std::int64_t j = 0; j < std::min(params.stride[1], dx.size[3]); ++j) {
      p.h = gradient_axis(dx.size[2], dy.size[2], w.size[2], params, 0, i);
      p.w = gradient_axis(dx.size[3], dy.size[3], w.size[3], params, 1, j);
      transpose_filter(weight.as<T>(), w, params.groups, p.h, p.w);
      correlate(p);
    }
  }
}

}  // namespace

void conv2d(View y, ConstView x, ConstView w, ConstView bias, ConvParams p) {
  y.dtype == DType::f32 ? conv2d_of<float>(y, x, w, bias, p) : conv2d_of<double>(y, x, w, bias, p);
}

void conv2d_vjp_x(View dx, ConstView dy, ConstView w, ConvParams p) {
  dx.dtype == DType::f32 ? conv2d_vjp_x_of<float>(dx, dy, w, p) : conv2d_vjp_x_of<double>(dx, dy, w, p);
}

}  // namespace thaw::cpu
