// The geometry that convolution and its gradients share.
//
// A slab holds what a band of output rows needs of an image, unfolded along the columns only. For every
// channel and column tap it has the source rows of the band, each as wide as the output and already shifted,
// strided and zero-padded for that tap. The pixels that one tap (c, i, j) multiplies over the whole band are
// contiguous in it, so the micro-kernel reads them in place. A slab is smaller than a full unfolding (im2col)
// by a factor of the kernel's height, and the band bounds its size. Several images too small to fill a vector
// may lie side by side in one slab.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "kernels/cpu/gemm_tile.h"
#include "kernels/kernels.h"

namespace thaw::cpu {

// One spatial dimension of a correlation, for 0 <= t < out:
//   destination[t * out_step + out_begin] =
//       sum_{0 <= j < taps} filter[j * tap_step + tap_begin] * source[t * step + shift + j * shift_step]
// The source is 0 outside [0, in).
struct Axis {
  std::int64_t in, out;
  std::int64_t step = 1, shift = 0, shift_step = 1;
  std::int64_t taps = 1, tap_begin = 0, tap_step = 1;
  std::int64_t out_begin = 0, out_step = 1;

  std::int64_t span() const { return std::max<std::int64_t>(0, taps - 1) * std::abs(shift_step); }
  std::int64_t lowest_shift() const { return shift_step < 0 ? shift - span() : shift; }
};

// The forward convolution. For tap j, output t reads the source at
//   t * stride - padding + j * dilation
inline Axis forward_axis(std::int64_t in, std::int64_t out, std::int64_t kernel, const ConvParams& p,
                         int dim) {
  Axis axis{in, out};
  axis.step = p.stride[dim];
  axis.shift = -p.padding[dim];
  axis.shift_step = p.dilation[dim];
  axis.taps = kernel;
  return axis;
}

// The gradient dx from dy, at the positions phase, phase + stride, ... of dx: those that the same taps reach.
// Through tap j, position h of dx meets dy at position t, where the division has no remainder:
//   t = (h + padding - j * dilation) / stride
inline Axis gradient_axis(std::int64_t dx, std::int64_t dy, std::int64_t kernel, const ConvParams& p, int dim,
                          std::int64_t phase) {
  const std::int64_t stride = p.stride[dim], dilation = p.dilation[dim], first = phase + p.padding[dim];
  Axis axis{dy, ceil_div(dx - phase, stride)};
  axis.out_begin = phase;
  axis.out_step = stride;
  axis.tap_step = 1;
  while (axis.tap_step * dilation % stride != 0) ++axis.tap_step;
  while (axis.tap_begin < axis.tap_step && (first - axis.tap_begin * dilation) % stride != 0)
    ++axis.tap_begin;
  const bool reached = axis.tap_begin < axis.tap_step;
  axis.taps = reached ? std::max<std::int64_t>(0, ceil_div(kernel - axis.tap_begin, axis.tap_step)) : 0;
  axis.shift = (first - axis.tap_begin * dilation) / stride;
  axis.shift_step = -(axis.tap_step * dilation / stride);
  return axis;
}

// A convolution, or the gradient of its input at one set of pixels (conv.cpp).
template <class T>
struct Correlation {
  Axis h, w;
  std::int64_t images, groups;
  std::int64_t in_channels, out_channels;  // per group
  const T* source;                         // [images, groups * in_channels, h.in, w.in]
  const T* weight;                         // [groups, out_channels, in_channels * h.taps * w.taps]
  const T* bias;                           // [groups * out_channels] or null
  T* out;                                  // [images, groups * out_channels, out_h, out_w]
  std::int64_t out_h, out_w;

  std::int64_t terms() const { return in_channels * h.taps * w.taps; }
  bool dense_out() const { return h.out_step == 1 && w.out_step == 1; }
  double flops() const {
    return 2.0 * static_cast<double>(images * groups * out_channels * terms()) *
           static_cast<double>(h.out * w.out);
  }
  // Each channel by itself, its sums short enough for one chain.
  bool is_depthwise() const {
    return groups > 1 && in_channels == 1 && out_channels == 1 && terms() <= kDepthBlock;
  }
};

class SlabShape {
 public:
  // `stack`: how many images lie side by side. A band has as many rows as keep the slab in the second-level
  // cache.
  SlabShape(const Axis& h, const Axis& w, std::int64_t channels, std::int64_t stack = 1)
      : h_(h), w_(w), channels_(channels), stack_(stack), width_(stack * w.out) {
    phases_ = std::min(h.step, h.span() + 1);
    const std::int64_t row = std::max<std::int64_t>(1, channels * w.taps * phases_ * width_);
    const std::int64_t fitting = kSlabElements / row - h.span() / h.step;
    const std::int64_t least = ceil_div(kLeastPixels, std::max<std::int64_t>(1, width_));
    const std::int64_t highest = std::clamp(fitting, std::min(least, h.out), h.out);
    bands_ = std::max<std::int64_t>(1, ceil_div(h.out, std::max<std::int64_t>(1, highest)));
    rows_ = ceil_div(h.out, bands_) + h.span() / h.step;
  }

  std::int64_t bands() const { return bands_; }
  std::int64_t band_begin(std::int64_t band) const { return h_.out * band / bands_; }
  std::int64_t elements() const { return channels_ * w_.taps * phases_ * rows_ * width_; }

  // Where the pixels of tap (channel, i, j) begin.
  std::int64_t offset(std::int64_t channel, std::int64_t i, std::int64_t j) const {
    const std::int64_t down = h_.shift + i * h_.shift_step - h_.lowest_shift();
    return (((channel * w_.taps + j) * phases_ + down % h_.step) * rows_ + down / h_.step) * width_;
  }

  // Fills `channels` channels of the slab at place `slot` of the stack; slot 0 comes first. `image` is the
  // first channel's plane [in_h, in_w]; the others follow it.
  template <class T>
  void fill(T* slab, const T* image, std::int64_t band, std::int64_t channels, std::int64_t slot = 0) const {
    const std::int64_t top = band_begin(band) * h_.step + h_.lowest_shift();
    // Rows that have the same width in image and slab and are contiguous in both are copied as one run.
    const bool same_rows = stack_ == 1 && h_.step == 1 && w_.step == 1 && w_.in == w_.out;
    if (!same_rows && slot == 0) std::fill_n(slab, channels * w_.taps * phases_ * rows_ * width_, T(0));
    slab += slot * w_.out;
    for (std::int64_t c = 0; c < channels; ++c, image += h_.in * w_.in) {
      for (std::int64_t j = 0; j < w_.taps; ++j) {
        for (std::int64_t phase = 0; phase < phases_; ++phase, slab += rows_ * width_) {
          if (same_rows) {
            fill_run(slab, image, top, j);
          } else {
            fill_rows(slab, image, top + phase, j);
          }
        }
      }
    }
  }

 private:
  static constexpr std::int64_t kSlabElements = 49152;
  static constexpr std::int64_t kLeastPixels = 32;

  // The source column of output column 0 at tap j, and the output columns whose source lies in the image.
  struct Columns {
    std::int64_t left, begin, end;
  };
  Columns columns(std::int64_t j) const {
    const std::int64_t left = w_.shift + j * w_.shift_step;
    const std::int64_t begin = std::clamp<std::int64_t>(ceil_div(-left, w_.step), 0, w_.out);
    return {left, begin, std::clamp<std::int64_t>(ceil_div(w_.in - left, w_.step), begin, w_.out)};
  }

  // Expects zeros in the slab.
  template <class T>
  void fill_rows(T* to, const T* image, std::int64_t top, std::int64_t j) const {
    const Columns seen = columns(j);
    for (std::int64_t row = 0; row < rows_; ++row, to += width_) {
      const std::int64_t y = top + row * h_.step;
      if (y < 0 || y >= h_.in) continue;
      const T* from = image + y * w_.in + seen.left;
      for (std::int64_t t = seen.begin; t < seen.end; ++t) to[t] = from[t * w_.step];
    }
  }

  // Copies whole rows, shifted, and then zeroes the columns that wrapped around from a neighbouring row.
  template <class T>
  void fill_run(T* to, const T* image, std::int64_t top, std::int64_t j) const {
    const Columns seen = columns(j);
    const std::int64_t width = w_.out, pixels = h_.in * width;
    const std::int64_t first = std::clamp<std::int64_t>(-top, 0, rows_);
    const std::int64_t last = std::clamp<std::int64_t>(h_.in - top, first, rows_);
    const std::int64_t shift = top * width + seen.left;
    const std::int64_t begin = std::clamp(-shift, first * width, last * width);
    const std::int64_t end = std::clamp(pixels - shift, begin, last * width);
    std::fill(to, to + begin, T(0));
    std::copy(image + shift + begin, image + shift + end, to + begin);
    std::fill(to + end, to + rows_ * width, T(0));
    if (seen.begin == 0 && seen.end == width) return;
    for (T* row = to + first * width; row < to + last * width; row += width) {
      for (std::int64_t t = 0; t < seen.begin; ++t) row[t] = T(0);
      for (std::int64_t t = seen.end; t < width; ++t) row[t] = T(0);
    }
  }

  Axis h_, w_;
  std::int64_t channels_;
  std::int64_t stack_;
  std::int64_t width_;   // of a row, over the whole stack
  std::int64_t phases_;  // source rows are grouped by their remainder modulo the step
  std::int64_t rows_;    // per phase
  std::int64_t bands_;
};

}  // namespace thaw::cpu
