// The gradient of a 2-D convolution with respect to its filters. A term is (channel, tap row, tap column):
//   dw[o, term] = sum_{image, pixel} dy[image, o, pixel] * x[image, what term reads for pixel]
//
// It is a product over pixels: the left operand is read from slabs (conv_slab.h), the right one is dy,
// transposed.
//
// Images are cut into chunks by shape alone. A chunk adds up its images in order, and the chunks' sums are
// added in order, so the bits do not depend on the number of threads.
#include "kernels/cpu/conv_depthwise.h"
#include "kernels/cpu/conv_slab.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/gemm_pack.h"
#include "kernels/cpu/gemm_tile.h"
#include "kernels/cpu/parallel.h"

namespace thaw::cpu {
namespace {

constexpr std::int64_t kMaxChunks = 16;
constexpr std::int64_t kChunkPixels = 512;                        // the fewest worth a partial sum
constexpr std::int64_t kPartialElements = std::int64_t{1} << 21;  // of all chunks' sums
constexpr std::int64_t kJobTerms = 144;                           // terms that share one transposed dy

std::int64_t at_least_one(std::int64_t n) { return std::max<std::int64_t>(1, n); }

template <class T>
class FilterGradient {
 public:
  FilterGradient(const View& dw, const ConstView& dy, const ConstView& x, const ConvParams& params)
      : h_(forward_axis(x.size[2], dy.size[2], dw.size[2], params, 0)),
        w_(forward_axis(x.size[3], dy.size[3], dw.size[3], params, 1)),
        images_(x.size[0]),
        groups_(params.groups),
        in_(dw.size[1]),
        out_(dw.size[0] / params.groups),
        taps_(dw.size[2] * dw.size[3]),
        pixels_(h_.out * w_.out),
        job_channels_(std::clamp<std::int64_t>(kJobTerms / taps_, 1, at_least_one(in_))),
        blocks_(ceil_div(in_, job_channels_)),
        chunks_(std::min({kMaxChunks, at_least_one(images_), at_least_one(images_ * pixels_ / kChunkPixels),
                          at_least_one(kPartialElements / at_least_one(dw.numel()))})),
        slab_(h_, w_, job_channels_),
        // Small images share a depth block.
        stack_(slab_.bands() == 1 ? at_least_one(kDepthBlock / pixels_) : 1),
        tiles_(tile_set<T>()),
        x_(x.as<T>()),
        dy_(dy.as<T>()),
        dw_(dw.as<T>()),
        partial_(kCpu, bytes(chunks_ * dw.numel())) {}

  void run() {
    const double flops = 2.0 * static_cast<double>(images_ * groups_ * in_ * taps_ * out_ * pixels_);
    const std::int64_t workers = flops < kParallelFlops ? 1 : num_threads();
    const std::int64_t jobs = chunks_ * groups_ * blocks_;
    parallel_for(jobs, ceil_div(jobs, workers), [this](std::int64_t begin, std::int64_t end) {
      const memory::Scratch slabs(kCpu, bytes(stack_ * slab_.elements()));
      const memory::Scratch packed(kCpu, bytes(ceil_div(out_, tiles_.columns()) * panel_size()));
      for (std::int64_t job = begin; job < end; ++job)
        add_chunk(job / blocks_ / groups_, job / blocks_ % groups_, job % blocks_, slabs.as<T>(),
                  packed.as<T>());
    });
    const std::int64_t rows = groups_ * terms();
    parallel_for(rows, ceil_div(rows, workers),
                 [this](std::int64_t begin, std::int64_t end) { add_partials(begin * out_, end * out_); });
    for (std::int64_t g = 0; g < groups_; ++g)
      pack_panel(dw_ + g * out_ * terms(), terms(), partial(0, g), 1, out_, out_, terms());
  }

 private:
  static std::int64_t bytes(std::int64_t elements) { return elements * static_cast<std::int64_t>(sizeof(T)); }
  std::int64_t terms() const { return in_ * taps_; }
  std::int64_t panel_size() const { return tiles_.columns() * kDepthBlock; }
  T* partial(std::int64_t chunk, std::int64_t group) const {
    return partial_.as<T>() + (chunk * groups_ + group) * terms() * out_;
  }

  void add_chunk(std::int64_t chunk, std::int64_t group, std::int64_t block, T* slabs, T* packed) const {
    const std::int64_t channel = block * job_channels_, channels = std::min(job_channels_, in_ - channel);
    T* sum = partial(chunk, group) + channel * taps_ * out_;
    std::fill_n(sum, channels * taps_ * out_, T(0));
    const std::int64_t last = images_ * (chunk + 1) / chunks_;
    for (std::int64_t n = images_ * chunk / chunks_; n < last; n += stack_) {
      const std::int64_t images = std::min(stack_, last - n);
      for (std::int64_t band = 0; band < slab_.bands(); ++band) {
        for (std::int64_t i = 0; i < images; ++i)
          slab_.fill(slabs + i * slab_.elements(),
                     x_ + (((n + i) * groups_ + group) * in_ + channel) * h_.in * w_.in, band, channels);
        add_band(sum, channels, slabs, dy_ + (n * groups_ + group) * out_ * pixels_, images, band, packed);
      }
    }
  }

  // The images of dy are groups_ * out_ planes apart; their slabs are contiguous.
  void add_band(T* sum, std::int64_t channels, const T* slabs, const T* dy, std::int64_t images,
                std::int64_t band, T* packed) const {
    const std::int64_t begin = slab_.band_begin(band) * w_.out;
    const std::int64_t pixels = slab_.band_begin(band + 1) * w_.out - begin;
    for (std::int64_t q = 0; q < images * pixels; q += kDepthBlock) {
      const std::int64_t depth = std::min(kDepthBlock, images * pixels - q);
      std::int64_t slab_offset[kDepthBlock];
      for (std::int64_t k = 0, run = 0; k < depth; k += run) {
        const std::int64_t image = (q + k) / pixels, pixel = (q + k) % pixels;
        run = std::min(pixels - pixel, depth - k);
        for (std::int64_t i = 0; i < run; ++i) slab_offset[k + i] = image * slab_.elements() + pixel + i;
        pack_dy(packed + k * tiles_.columns(), dy + image * groups_ * out_ * pixels_ + begin + pixel, run);
      }
      add_product(sum, channels, slabs, slab_offset, packed, depth);
    }
  }

  void pack_dy(T* packed, const T* dy, std::int64_t pixels) const {
    for (std::int64_t o = 0; o < out_; o += tiles_.columns(), packed += panel_size())
      pack_panel(packed, tiles_.columns(), dy + o * pixels_, 1, pixels_, pixels,
                 std::min<std::int64_t>(tiles_.columns(), out_ - o));
  }

  void add_product(T* sum, std::int64_t channels, const T* slabs, const std::int64_t* slab_offset,
                   const T* packed, std::int64_t depth) const {
    std::int64_t packed_offset[kDepthBlock];
    linear_offsets(packed_offset, depth, tiles_.columns());
    const std::int64_t rows = channels * taps_, strips = ceil_div(rows, tiles_.rows);
    TileArgs<T> args;
    args.depth = depth;
    args.a_offset = slab_offset;
    args.b_offset = packed_offset;
    args.c_row = out_;
    args.add = true;
    for (std::int64_t s = 0; s < strips; ++s) {
      const std::int64_t begin = rows * s / strips, end = rows * (s + 1) / strips;
      for (std::int64_t row = begin; row < end; ++row)
        args.a[row - begin] = slabs + slab_.offset(row / taps_, row % taps_ / w_.taps, row % w_.taps);
      args.b = packed;
      for (std::int64_t o = 0; o < out_; o += tiles_.columns(), args.b += panel_size()) {
        args.columns = std::min<std::int64_t>(tiles_.columns(), out_ - o);
        args.c = sum + begin * out_ + o;
        tiles_(static_cast<int>(end - begin), args);
      }
    }
  }

  // Adds the other chunks' sums to the first chunk's: elements [begin, end) of all groups.
  void add_partials(std::int64_t begin, std::int64_t end) const {
    T* total = partial(0, 0);
    for (std::int64_t chunk = 1; chunk < chunks_; ++chunk) {
      const T* part = partial(chunk, 0);
      for (std::int64_t i = begin; i < end; ++i) total[i] += part[i];
    }
  }

  Axis h_, w_;
  std::int64_t images_, groups_, in_, out_, taps_;  // in_ and out_: channels per group
  std::int64_t pixels_;
  std::int64_t job_channels_, blocks_;
  std::int64_t chunks_;
  SlabShape slab_;
  std::int64_t stack_;  // images whose slabs are filled together
  const TileSet<T>& tiles_;
  const T* x_;
  const T* dy_;
  T* dw_;
  memory::Scratch partial_;  // [chunks, groups, terms, out]
};

}  // namespace

void conv2d_vjp_w(View dw, ConstView dy, ConstView x, ConvParams p) {
  if (p.groups > 1 && dw.size[0] == p.groups && dw.size[1] == 1) {
    depthwise_vjp_w(dw, dy, x, p);
    return;
  }
  if (dw.dtype == DType::f32) {
    FilterGradient<float>(dw, dy, x, p).run();
  } else {
    FilterGradient<double>(dw, dy, x, p).run();
  }
}

}  // namespace thaw::cpu
