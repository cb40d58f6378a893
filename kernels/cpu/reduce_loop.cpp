// The reduction driver: see reduce.h.
#include <algorithm>
#include <cstddef>

#include "kernels/cpu/parallel.h"
#include "kernels/cpu/reduce.h"
#include "kernels/memory.h"

namespace thaw::cpu {
namespace {

constexpr std::int64_t kColumns = 64;  // neighbouring outputs that are accumulated together

std::int64_t ceil_divide(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// How the work is divided: `items` groups of up to `group` outputs. Each group accumulates `units` units of
// elements, in chunks of `together` units; a chunk has about `work` elements.
struct Work {
  std::int64_t items, group, units, together, work;
};

class Reducer {
 public:
  Reducer(const ReducedDims& dims, const ConstView& x, const Accumulator& accumulator)
      : kept_(dims.kept),
        reduced_(dims.reduced),
        x_(x.as<std::byte>()),
        item_(dtype_bytes(x.dtype)),
        accumulator_(accumulator) {}

  void run() const {
    if (kept_.numel() == 0) return;
    const bool side_by_side = kept_.width() > 1 && kept_.x[kept_.rank - 1] == 1;
    if (side_by_side && reduced_.x[reduced_.rank - 1] != 1) {
      run_columns();
    } else {
      run_rows();
    }
  }

 private:
  // Each output on its own, along the innermost reduced dimension. A unit is one such row, or a piece of a
  // long one.
  void run_rows() const {
    const std::int64_t width = reduced_.width();
    const std::int64_t rows = width == 0 ? 0 : reduced_.numel() / width;
    const std::int64_t pieces = std::max<std::int64_t>(1, ceil_divide(width, kReduceChunk));
    const std::int64_t together = std::max<std::int64_t>(1, kReduceChunk / std::max<std::int64_t>(1, width));
    const std::int64_t stride = reduced_.x[reduced_.rank - 1];
    const Work work{kept_.numel(), 1, rows * pieces, together, together * std::min(width, kReduceChunk)};
    in_chunks(work, [&](std::int64_t i, Carried* state, std::int64_t begin, std::int64_t end) {
      const std::int64_t base = kept_.x_offset(i);
      for (std::int64_t unit = begin; unit < end; ++unit) {
        const std::int64_t start = unit % pieces * kReduceChunk;
        const std::int64_t at = base + reduced_.x_offset(unit / pieces * width) + start * stride;
        accumulator_.run(i, *state, x_ + at * item_, stride, std::min(kReduceChunk, width - start));
      }
    });
  }

  // Outputs that are neighbours in x: a block of columns at a time, row after row. A unit is a row.
  void run_columns() const {
    const std::int64_t blocks = ceil_divide(kept_.width(), kColumns);
    const std::int64_t together = kReduceChunk / kColumns;
    const Work work{kept_.numel() / kept_.width() * blocks, kColumns, reduced_.numel(), together,
                    together * std::min(kept_.width(), kColumns)};
    in_chunks(work, [&](std::int64_t item, Carried* states, std::int64_t begin, std::int64_t end) {
      const Block block = block_at(item);
      const std::int64_t base = kept_.x_offset(block.first);
      const std::int64_t width = reduced_.width();
      for (std::int64_t row = begin; row < end;) {
        const std::int64_t rows = std::min(end - row, width - row % width);
        const std::byte* from = x_ + (base + reduced_.x_offset(row)) * item_;
        accumulator_.columns(block.first, states, from, block.count, rows, reduced_.x[reduced_.rank - 1]);
        row += rows;
      }
    });
  }

  struct Block {
    std::int64_t first, count;
  };

  // The outputs of a block of columns, which does not cross the end of the innermost kept dimension.
  Block block_at(std::int64_t item) const {
    const std::int64_t width = kept_.width();
    const std::int64_t blocks = ceil_divide(width, kColumns);
    const std::int64_t first = item % blocks * kColumns;
    return {item / blocks * width + first, std::min(kColumns, width - first)};
  }

  void finish(std::int64_t item, std::int64_t group, const Carried* states) const {
    const Block block = group == 1 ? Block{item, 1} : block_at(item);
    for (std::int64_t i = 0; i < block.count; ++i)
      accumulator_.finish(block.first + i, kept_.y_offset(block.first + i), states[i]);
  }

  // take(item, states, begin, end) accumulates units [begin, end) of an item.
  template <class Take>
  void in_chunks(const Work& w, const Take& take) const {
    const std::int64_t chunks = ceil_divide(w.units, w.together);
    if (chunks <= 1) {
      const std::int64_t each = std::max<std::int64_t>(1, w.units * (w.work / w.together));
      parallel_for(w.items, kReduceChunk / each, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t item = begin; item < end; ++item) {
          Carried states[kColumns];
          std::fill_n(states, w.group, accumulator_.start);
          take(item, states, 0, w.units);
          finish(item, w.group, states);
        }
      });
      return;
    }
    const std::int64_t bytes = w.items * chunks * w.group * static_cast<std::int64_t>(sizeof(Carried));
    const memory::Scratch scratch(kCpu, bytes);
    Carried* all = scratch.as<Carried>();
    parallel_for(w.items * chunks, kReduceChunk / w.work, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t t = begin; t < end; ++t) {
        const std::int64_t from = t % chunks * w.together;
        std::fill_n(all + t * w.group, w.group, accumulator_.start);
        take(t / chunks, all + t * w.group, from, std::min(w.units, from + w.together));
      }
    });
    for (std::int64_t item = 0; item < w.items; ++item) {
      Carried* states = all + item * chunks * w.group;
      for (std::int64_t c = 1; c < chunks; ++c)
        for (std::int64_t g = 0; g < w.group; ++g) accumulator_.merge(states[g], states[c * w.group + g]);
      finish(item, w.group, states);
    }
  }

  const ReducedDims::Group& kept_;
  const ReducedDims::Group& reduced_;
  const std::byte* x_;
  std::int64_t item_;
  const Accumulator& accumulator_;
};

}  // namespace

std::int64_t ReducedDims::Group::numel() const {
  std::int64_t n = 1;
  for (int d = 0; d < rank; ++d) n *= size[d];
  return n;
}

std::int64_t ReducedDims::Group::offset(const std::int64_t (&stride)[kMaxRank], std::int64_t i) const {
  std::int64_t total = 0;
  for (int d = rank - 1; d > 0; --d) {
    total += i % size[d] * stride[d];
    i /= size[d];
  }
  return total + i * stride[0];
}

void ReducedDims::Group::append(std::int64_t n, std::int64_t x_stride, std::int64_t y_stride) {
  const int last = rank - 1;
  const bool merge = rank > 0 && x[last] == n * x_stride && y[last] == n * y_stride;
  const int to = merge ? last : rank++;
  size[to] = merge ? size[to] * n : n;
  x[to] = x_stride;
  y[to] = y_stride;
}

ReducedDims::ReducedDims(const Layout& y, const Layout& x) {
  for (int d = 0; d < x.rank; ++d) {
    if (x.size[d] == 1) continue;
    if (y.rank == 0 || y.size[d] == 1) {
      reduced.append(x.size[d], x.stride[d], 0);
    } else {
      kept.append(x.size[d], x.stride[d], y.stride[d]);
    }
  }
  if (kept.rank == 0) kept.append(1, 0, 0);
  if (reduced.rank == 0) reduced.append(1, 1, 0);
}

void reduce(const Layout& y, const ConstView& x, const Accumulator& accumulator) {
  Reducer(ReducedDims(y, x), x, accumulator).run();
}

}  // namespace thaw::cpu
