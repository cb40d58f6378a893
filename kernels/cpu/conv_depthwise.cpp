#include "kernels/cpu/conv_depthwise.h"

#include "kernels/cpu/gemm.h"
#include "kernels/cpu/lanes.h"
#include "kernels/cpu/parallel.h"
#include "kernels/memory.h"

namespace thaw::cpu {
namespace {

constexpr int kVectors = 4;  // of outputs that are summed at a time

// A channel's image as its taps read it: with the zeros of padding, rows and columns sorted by their remainders modulo the
// stride. What a tap reads for all outputs is one run of memory, if the outputs too lie in rows of `width`: their places
// behind the image's columns are never used.
template <class T>
class TapPlane {
 public:
  TapPlane(const Axis& h, const Axis& w)
      : h_(h),
        w_(w),
        row_phases_(std::min(h.step, h.span() + 1)),
        column_phases_(std::min(w.step, w.span() + 1)),
        rows_(h.out + h.span() / h.step),
        width_(w.out + w.span() / w.step),
        plane_(kCpu, bytes(row_phases_ * column_phases_ * rows_ * width_ + kBlock)),
        run_(kCpu, bytes(length() + kBlock)),
        offsets_(kCpu, h.taps * w.taps * static_cast<std::int64_t>(sizeof(std::int64_t))) {
    std::fill_n(plane_.as<T>(), row_phases_ * column_phases_ * rows_ * width_ + kBlock, T(0));
    std::fill_n(run_.as<T>(), length() + kBlock, T(0));
    auto* to = offsets_.template as<std::int64_t>();
    for (std::int64_t i = 0; i < h.taps; ++i)
      for (std::int64_t j = 0; j < w.taps; ++j) *to++ = offset(i, j);
  }

  static constexpr std::int64_t kBlock = kVectors * kLanes<T>;

  std::int64_t length() const { return h_.out > 0 ? (h_.out - 1) * width_ + w_.out : 0; }  // of a run
  std::int64_t width() const { return width_; }
  T* run() const { return run_.as<T>(); }  // one for outputs, zeros at first
  const T* plane() const { return plane_.as<T>(); }

  // Where the run of each tap begins in the plane.
  const std::int64_t* offsets() const { return offsets_.as<std::int64_t>(); }

  // Zeros that stand in the plane stay: every image has the same.
  void fill(const T* image) {
    T* to = plane_.as<T>();
    for (std::int64_t i = 0; i < row_phases_; ++i)
      for (std::int64_t j = 0; j < column_phases_; ++j)
        for (std::int64_t row = 0; row < rows_; ++row, to += width_) {
          const std::int64_t y = h_.lowest_shift() + i + row * h_.step;
          if (y >= 0 && y < h_.in) fill_row(to, image + y * w_.in, w_.lowest_shift() + j);
        }
  }

 private:
  static std::int64_t bytes(std::int64_t elements) { return elements * static_cast<std::int64_t>(sizeof(T)); }

  std::int64_t offset(std::int64_t i, std::int64_t j) const {
    const std::int64_t down = h_.shift + i * h_.shift_step - h_.lowest_shift();
    const std::int64_t right = w_.shift + j * w_.shift_step - w_.lowest_shift();
    return ((down % h_.step * column_phases_ + right % w_.step) * rows_ + down / h_.step) * width_ +
           right / w_.step;
  }

  // Column 0 of the row reads the image's column `left`.
  void fill_row(T* to, const T* row, std::int64_t left) const {
    const std::int64_t begin = std::clamp<std::int64_t>(ceil_div(-left, w_.step), 0, width_);
    const std::int64_t end = std::clamp<std::int64_t>(ceil_div(w_.in - left, w_.step), begin, width_);
    if (w_.step == 1) {
      std::copy(row + left + begin, row + left + end, to + begin);
    } else {
      for (std::int64_t c = begin; c < end; ++c) to[c] = row[left + c * w_.step];
    }
  }

  Axis h_, w_;
  std::int64_t row_phases_, column_phases_;
  std::int64_t rows_, width_;  // of a phase
  memory::Scratch plane_, run_, offsets_;
};

// to[q] = sum_k weight[k] * plane[offset[k] + q]; whole blocks are read and written.
template <class T>
void sum_taps(T* to, std::int64_t length, const T* plane, const std::int64_t* offset, const T* weight,
              std::int64_t taps) {
  constexpr int w = kLanes<T>;
  for (std::int64_t q = 0; q < length; q += TapPlane<T>::kBlock) {
    Lanes<T> s0{}, s1{}, s2{}, s3{};
    for (std::int64_t k = 0; k < taps; ++k) {
      const T* from = plane + offset[k] + q;
      const Lanes<T> factor = splat(weight[k]);
      s0 += factor * load(from);
      s1 += factor * load(from + w);
      s2 += factor * load(from + 2 * w);
      s3 += factor * load(from + 3 * w);
    }
    store(to + q, s0, w);
    store(to + q + w, s1, w);
    store(to + q + 2 * w, s2, w);
    store(to + q + 3 * w, s3, w);
  }
}

// dw[k] += sum_q dy[q] * plane[offset[k] + q], for kTaps taps at a time, which share the loads of dy.
template <class T, int kTaps = 5>
void add_dots(T* dw, std::int64_t taps, const T* dy, std::int64_t length, const T* plane,
              const std::int64_t* offset) {
  for (; taps >= kTaps; taps -= kTaps, dw += kTaps, offset += kTaps) {
    Lanes<T> sum[kTaps] = {};
    for (std::int64_t q = 0; q < length; q += kLanes<T>) {
      const Lanes<T> gradient = load(dy + q);
      for (int k = 0; k < kTaps; ++k) sum[k] += gradient * load(plane + offset[k] + q);
    }
    for (int k = 0; k < kTaps; ++k) {
      T total = 0;
      for (int l = 0; l < kLanes<T>; ++l) total += sum[k][l];
      dw[k] += total;
    }
  }
  if constexpr (kTaps > 1) add_dots<T, kTaps - 1>(dw, taps, dy, length, plane, offset);
}

template <class T>
void correlate(const Correlation<T>& p) {
  const std::int64_t planes = p.images * p.groups, taps = p.terms();
  const std::int64_t workers = p.flops() < kParallelFlops ? 1 : num_threads();
  parallel_for(planes, ceil_div(planes, workers), [&](std::int64_t begin, std::int64_t end) {
    TapPlane<T> plane(p.h, p.w);
    for (std::int64_t n = begin; n < end; ++n) {
      plane.fill(p.source + n * p.h.in * p.w.in);
      sum_taps(plane.run(), plane.length(), plane.plane(), plane.offsets(), p.weight + n % p.groups * taps,
               taps);
      const T bias = p.bias == nullptr ? T(0) : p.bias[n % p.groups];
      for (std::int64_t t = 0; t < p.h.out; ++t) {
        const T* from = plane.run() + t * plane.width();
        T* to = p.out + (n * p.out_h + t * p.h.out_step + p.h.out_begin) * p.out_w + p.w.out_begin;
        for (std::int64_t x = 0; x < p.w.out; ++x) to[x * p.w.out_step] = from[x] + bias;
      }
    }
  });
}

template <class T>
void vjp_w(const View& dw, const ConstView& dy, const ConstView& x, const ConvParams& params) {
  const Axis h = forward_axis(x.size[2], dy.size[2], dw.size[2], params, 0);
  const Axis w = forward_axis(x.size[3], dy.size[3], dw.size[3], params, 1);
  const std::int64_t images = x.size[0], channels = x.size[1], taps = h.taps * w.taps;
  const double flops = 2.0 * static_cast<double>(images * channels * taps * h.out * w.out);
  const std::int64_t workers = flops < kParallelFlops ? 1 : num_threads();
  parallel_for(channels, ceil_div(channels, workers), [&](std::int64_t begin, std::int64_t end) {
    TapPlane<T> plane(h, w);
    for (std::int64_t c = begin; c < end; ++c) {
      T* sum = dw.as<T>() + c * taps;
      std::fill_n(sum, taps, T(0));
      for (std::int64_t n = 0; n < images; ++n) {
        plane.fill(x.as<T>() + (n * channels + c) * h.in * w.in);
        const T* from = dy.as<T>() + (n * channels + c) * h.out * w.out;
        for (std::int64_t t = 0; t < h.out; ++t, from += w.out)
          std::copy(from, from + w.out, plane.run() + t * plane.width());
        add_dots(sum, taps, plane.run(), plane.length(), plane.plane(), plane.offsets());
      }
    }
  });
}

}  // namespace

void correlate_depthwise(const Correlation<float>& p) { correlate(p); }
void correlate_depthwise(const Correlation<double>& p) { correlate(p); }

void depthwise_vjp_w(const View& dw, const ConstView& dy, const ConstView& x, const ConvParams& params) {
  dw.dtype == DType::f32 ? vjp_w<float>(dw, dy, x, params) : vjp_w<double>(dw, dy, x, params);
}

}  // namespace thaw::cpu
