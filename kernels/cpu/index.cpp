// Gather by index, its transpose (scatter-add), and the range of an index tensor. The caller has checked the
// indices.
//
// Where several indices name the same place, the terms are added in the order of the indices: threads divide
// the columns, or the lines, which share no place, never the indices of a line.
#include <limits>

#include "kernels/cpu/lanes.h"
#include "kernels/cpu/loops.h"
#include "kernels/kernels.h"

namespace thaw::cpu {
namespace {

constexpr std::int64_t kScatterColumns = 64;  // 256 bytes of f32: whole cache lines for one thread

template <class T>
void scatter_add_rows_of(View table, ConstView y, const std::int64_t* ids, std::int64_t n) {
  const std::int64_t width = table.size[1];
  const std::int64_t grain = n * width <= kElementGrain ? width : kScatterColumns;
  parallel_for(width, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = 0; r < n; ++r) {
      T* to = table.as<T>() + ids[r] * width;
      const T* from = y.as<T>() + r * width;
      for (std::int64_t c = begin; c < end; ++c) to[c] += from[c];
    }
  });
}

// The lines along `dim` of `small` and of its index, with the lines of `large` that the index points into.
class Lines {
 public:
  Lines(const Layout& small, const Layout& large, const Layout& index, int dim) : n_(index.size[dim]) {
    for (int d = 0; d < index.rank; ++d) {
      if (d == dim) continue;
      size_[rank_] = index.size[d];
      stride_[0][rank_] = small.stride[d];
      stride_[1][rank_] = large.stride[d];
      stride_[2][rank_] = index.stride[d];
      ++rank_;
    }
    step_[0] = small.stride[dim];
    step_[1] = large.stride[dim];
    step_[2] = index.stride[dim];
  }

  // Calls f(at_small, at_large) with the offsets, in elements, of each element of `small` and of the one in
  // `large` that its index names.
  template <class F>
  void for_each(const std::int64_t* index, const F& f) const {
    std::int64_t lines = 1;
    for (int d = 0; d < rank_; ++d) lines *= size_[d];
    parallel_for(lines, kElementGrain / std::max<std::int64_t>(1, n_),
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t line = begin; line < end; ++line) {
                     std::int64_t at[3] = {};
                     std::int64_t rest = line;
                     for (int d = rank_ - 1; d >= 0; --d) {
                       for (int k = 0; k < 3; ++k) at[k] += rest % size_[d] * stride_[k][d];
                       rest /= size_[d];
                     }
                     for (std::int64_t i = 0; i < n_; ++i)
                       f(at[0] + i * step_[0], at[1] + index[at[2] + i * step_[2]] * step_[1]);
                   }
                 });
  }

 private:
  std::int64_t n_;
  int rank_ = 0;
  std::int64_t size_[kMaxRank];
  std::int64_t stride_[3][kMaxRank];
  std::int64_t step_[3];
};

}  // namespace

void gather_rows(View y, ConstView table, ConstView ids) {
  const std::int64_t width = table.size[1] * dtype_bytes(table.dtype);
  const auto* id = ids.as<std::int64_t>();
  const std::int64_t grain = 4 * kElementGrain / std::max<std::int64_t>(1, width);
  parallel_for(ids.numel(), grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const auto bytes = static_cast<std::size_t>(width);
      if (bytes > 0) std::memcpy(y.as<std::byte>() + r * width, table.as<std::byte>() + id[r] * width, bytes);
    }
  });
}

void scatter_add_rows(View table, ConstView y, ConstView ids) {
  with_floating(table.dtype, [&](auto t) {
    scatter_add_rows_of<decltype(t)>(table, y, ids.as<std::int64_t>(), ids.numel());
  });
}

void gather(View y, ConstView x, ConstView index, int dim) {
  const std::int64_t item = dtype_bytes(y.dtype);
  Lines(y, x, index, dim).for_each(index.as<std::int64_t>(), [&](std::int64_t to, std::int64_t from) {
    copy_items(item, y.as<std::byte>() + to * item, item, x.as<std::byte>() + from * item, item, 1);
  });
}

void scatter_add(View x, ConstView y, ConstView index, int dim) {
  with_floating(x.dtype, [&](auto t) {
    using T = decltype(t);
    Lines(y, x, index, dim).for_each(index.as<std::int64_t>(), [&](std::int64_t from, std::int64_t to) {
      x.as<T>()[to] += y.as<T>()[from];
    });
  });
}

// An empty index gives the empty range 0, -1, which lies inside any bounds.
void index_range(View low_high, ConstView index) {
  const auto* id = index.as<std::int64_t>();
  const std::int64_t n = index.numel();
  std::int64_t low = n == 0 ? 0 : id[0];
  std::int64_t high = n == 0 ? -1 : id[0];
  for (std::int64_t i = 1; i < n; ++i) {
    low = std::min(low, id[i]);
    high = std::max(high, id[i]);
  }
  low_high.as<std::int64_t>()[0] = low;
  low_high.as<std::int64_t>()[1] = high;
}

}  // namespace thaw::cpu
