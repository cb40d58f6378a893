// Matrix products of every shape by one packed-panel algorithm.
//
// The loops are Goto's (Goto & van de Geijn, ACM TOMS 34(3), 2008):
//   - columns are cut into blocks whose packed b stays in the last-level cache;
//   - k is cut into blocks of kDepthBlock;
//   - rows are cut into blocks whose a stays in the second-level cache;
//   - the micro-kernel walks the tiles of a block with one panel of b in the first-level cache.
// Packing is left out where it would cost more than it saves. No choice made here changes an element's
// sequence of operations (see gemm_tile.h).
#include "kernels/cpu/gemm.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "kernels/cpu/gemm_pack.h"
#include "kernels/cpu/gemm_tile.h"
#include "kernels/cpu/parallel.h"
#include "kernels/kernels.h"

namespace thaw::cpu {
namespace {

constexpr std::int64_t kRowBlock = 192;
constexpr std::int64_t kColumnBlock = 2048;
// With so few rows each panel of b is read only a few times, which does not pay for packing it.
constexpr std::int64_t kUnpackedRows = 64;
constexpr std::int64_t kGatherColumns = 256;

struct Range {
  std::int64_t begin, end;
  std::int64_t size() const { return end - begin; }
};

// Part i of n elements, cut into `parts` as evenly as whole units allow.
Range part(std::int64_t i, std::int64_t parts, std::int64_t n, std::int64_t unit = 1) {
  const std::int64_t units = (n + unit - 1) / unit;
  return {std::min(n, units * i / parts * unit), std::min(n, units * (i + 1) / parts * unit)};
}

template <class T>
Product<T> transposed(const Product<T>& p) {
  auto flip = [](const Operand<T>& x) { return Operand<T>{x.data, x.column, x.row}; };
  return {p.n, p.m, p.k, flip(p.b), flip(p.a), p.c, p.c_column, p.c_row, flip(p.bias)};
}

// The part of a product that one depth block of one column block contributes.
template <class T>
class BlockProduct {
 public:
  BlockProduct(const Product<T>& p, Range columns, Range depth, std::int64_t workers)
      : p_(p),
        tiles_(tile_set<T>()),
        columns_(columns),
        depth_(depth),
        workers_(workers),
        panels_(ceil_div(columns.size(), tiles_.columns())),
        unpacked_b_(p.b.column == 1 && p.m <= kUnpackedRows ? columns.size() / tiles_.columns() : 0),
        packed_b_(kCpu, (panels_ - unpacked_b_) * panel_size() * static_cast<std::int64_t>(sizeof(T))) {
    linear_offsets(a_offset_, depth_.size(), a_along_k() ? 1 : tiles_.rows);
    linear_offsets(packed_offset_, depth_.size(), tiles_.columns());
    if (unpacked_b_ > 0) linear_offsets(unpacked_offset_, depth_.size(), p_.b.row);
  }

  void run() {
    const std::int64_t to_pack = panels_ - unpacked_b_;
    parallel_for(to_pack, ceil_div(to_pack, workers_), [this](std::int64_t begin, std::int64_t end) {
      for (std::int64_t panel = begin; panel < end; ++panel) pack_b(unpacked_b_ + panel);
    });
    const std::int64_t row_cuts =
        ceil_div(std::max(ceil_div(p_.m, kRowBlock), workers_), workers_) * workers_;
    const std::int64_t row_jobs = std::min(row_cuts, ceil_div(p_.m, tiles_.rows));
    const std::int64_t column_jobs = std::min(ceil_div(workers_, row_jobs), panels_);
    const std::int64_t jobs = row_jobs * column_jobs;
    parallel_for(jobs, ceil_div(jobs, workers_), [=, this](std::int64_t begin, std::int64_t end) {
      for (std::int64_t job = begin; job < end; ++job)
        multiply_rows(part(job / column_jobs, row_jobs, p_.m, tiles_.rows),
                      part(job % column_jobs, column_jobs, panels_));
    });
  }

 private:
  bool a_along_k() const { return p_.a.column == 1; }
  // Rows of a that are contiguous along k can be read in place. But rows far apart compete for the same few
  // cache sets, so they are packed where enough panels of b read them again.
  bool pack_a() const { return !a_along_k() || p_.n >= kGatherColumns; }
  std::int64_t strip_size() const { return tiles_.rows * depth_.size(); }
  std::int64_t panel_size() const { return tiles_.columns() * depth_.size(); }
  T* packed_panel(std::int64_t panel) const {
    return packed_b_.template as<T>() + (panel - unpacked_b_) * panel_size();
  }
  Range panel_columns(std::int64_t panel) const {
    const std::int64_t begin = columns_.begin + panel * tiles_.columns();
    return {begin, std::min(columns_.end, begin + tiles_.columns())};
  }

  void pack_b(std::int64_t panel) {
    const Range columns = panel_columns(panel);
    pack_panel(packed_panel(panel), tiles_.columns(),
               p_.b.data + depth_.begin * p_.b.row + columns.begin * p_.b.column, p_.b.row, p_.b.column,
               depth_.size(), columns.size());
  }

  void multiply_rows(Range rows, Range panels) const {
    if (rows.size() <= 0) return;
    const std::int64_t strips = ceil_div(rows.size(), tiles_.rows);
    const memory::Scratch packed_a(
        kCpu, pack_a() ? strips * strip_size() * static_cast<std::int64_t>(sizeof(T)) : 0);
    const T* a = p_.a.data + depth_.begin * p_.a.column;
    for (std::int64_t s = 0; pack_a() && s < strips; ++s) {
      const Range strip = part(s, strips, rows.size());
      pack_strip(packed_a.template as<T>() + s * strip_size(), a + (rows.begin + strip.begin) * p_.a.row,
                 strip.size());
    }
    for (std::int64_t panel = panels.begin; panel < panels.end; ++panel) {
      for (std::int64_t s = 0; s < strips; ++s) {
        const Range strip = part(s, strips, rows.size());
        const Range in_c{rows.begin + strip.begin, rows.begin + strip.end};
        if (pack_a()) {
          multiply_tile(packed_a.template as<T>() + s * strip_size(), a_along_k() ? depth_.size() : 1, in_c,
                        panel);
        } else {
          multiply_tile(a + in_c.begin * p_.a.row, p_.a.row, in_c, panel);
        }
      }
    }
    if (depth_.end == p_.k && p_.bias.data != nullptr) add_bias(rows, panels);
  }

  void pack_strip(T* strip, const T* a, std::int64_t rows) const {
    if (!a_along_k()) {
      return pack_panel(strip, tiles_.rows, a, p_.a.column, p_.a.row, depth_.size(), rows);
    }
    for (std::int64_t i = 0; i < rows; ++i)
      std::copy_n(a + i * p_.a.row, depth_.size(), strip + i * depth_.size());
  }

  void multiply_tile(const T* a, std::int64_t a_row, Range rows, std::int64_t panel) const {
    const Range columns = panel_columns(panel);
    TileArgs<T> args;
    args.depth = depth_.size();
    for (std::int64_t i = 0; i < rows.size(); ++i) args.a[i] = a + i * a_row;
    args.a_offset = a_offset_;
    if (panel < unpacked_b_) {
      args.b = p_.b.data + depth_.begin * p_.b.row + columns.begin;
      args.b_offset = unpacked_offset_;
    } else {
      args.b = packed_panel(panel);
      args.b_offset = packed_offset_;
    }
    args.columns = columns.size();
    T* c = p_.c + rows.begin * p_.c_row + columns.begin * p_.c_column;
    const bool add = depth_.begin > 0;
    if (p_.c_column == 1) {
      args.c = c;
      args.c_row = p_.c_row;
      args.add = add;
      tiles_(static_cast<int>(rows.size()), args);
      return;
    }
    T tile[kMaxTileRows * kMaxTileColumns];
    args.c = tile;
    args.c_row = kMaxTileColumns;
    args.add = false;
    tiles_(static_cast<int>(rows.size()), args);
    for (std::int64_t i = 0; i < rows.size(); ++i) {
      for (std::int64_t j = 0; j < columns.size(); ++j) {
        T& to = c[i * p_.c_row + j * p_.c_column];
        const T sum = tile[i * kMaxTileColumns + j];
        to = add ? to + sum : sum;
      }
    }
  }

  void add_bias(Range rows, Range panels) const {
    const Range columns{panel_columns(panels.begin).begin, panel_columns(panels.end - 1).end};
    for (std::int64_t i = rows.begin; i < rows.end; ++i) {
      T* c = p_.c + i * p_.c_row;
      const T* bias = p_.bias.data + i * p_.bias.row;
      if (p_.c_column == 1 && p_.bias.column == 1) {
        for (std::int64_t j = columns.begin; j < columns.end; ++j) c[j] += bias[j];
      } else {
        for (std::int64_t j = columns.begin; j < columns.end; ++j)
          c[j * p_.c_column] += bias[j * p_.bias.column];
      }
    }
  }

  const Product<T>& p_;
  const TileSet<T>& tiles_;
  Range columns_, depth_;
  std::int64_t workers_;
  std::int64_t panels_;
  std::int64_t unpacked_b_;  // how many of the first panels are read in place
  memory::Scratch packed_b_;
  std::int64_t a_offset_[kDepthBlock];
  std::int64_t packed_offset_[kDepthBlock];
  std::int64_t unpacked_offset_[kDepthBlock];
};

// k = 0: the product is the bias alone.
template <class T>
void store_bias(const Product<T>& p) {
  for (std::int64_t i = 0; i < p.m; ++i)
    for (std::int64_t j = 0; j < p.n; ++j)
      p.c[i * p.c_row + j * p.c_column] =
          p.bias.data == nullptr ? T(0) : p.bias.data[i * p.bias.row + j * p.bias.column];
}

}  // namespace

template <class T>
void multiply(const Product<T>& product) {
  if (product.m == 0 || product.n == 0) return;
  if (product.k == 0) return store_bias(product);
  // A few rows times a matrix that is contiguous along k: transposed, the matrix is an a that needs no
  // packing.
  const bool thin = product.m < tile_set<T>().lanes && product.b.row == 1 && product.b.column != 1;
  const Product<T> p = thin ? transposed(product) : product;
  const double flops = 2.0 * static_cast<double>(p.m) * static_cast<double>(p.n) * static_cast<double>(p.k);
  const std::int64_t workers = flops < kParallelFlops ? 1 : num_threads();
  for (std::int64_t column = 0; column < p.n; column += kColumnBlock) {
    const Range columns{column, std::min(p.n, column + kColumnBlock)};
    for (std::int64_t k = 0; k < p.k; k += kDepthBlock)
      BlockProduct<T>(p, columns, {k, std::min(p.k, k + kDepthBlock)}, workers).run();
  }
}
template void multiply(const Product<float>&);
template void multiply(const Product<double>&);

namespace {

// The dimensions before the last two, walked as one batch.
struct Batch {
  std::int64_t count = 1;
  int rank;
  const std::int64_t* size;

  explicit Batch(const Layout& y) : rank(y.rank - 2), size(y.size) {
    for (int d = 0; d < rank; ++d) count *= size[d];
  }
  std::int64_t offset(std::int64_t index, const Layout& view) const {
    std::int64_t at = 0;
    for (int d = rank - 1; d >= 0; --d) {
      at += index % size[d] * view.stride[d];
      index /= size[d];
    }
    return at;
  }
  // Whether batch and rows are one long dimension, where row i of batch b is row b * m + i.
  bool extends_rows(const Layout& view, std::int64_t m) const {
    std::int64_t expected = m * view.stride[rank];
    for (int d = rank - 1; d >= 0; --d) {
      if (size[d] != 1 && view.stride[d] != expected) return false;
      expected *= size[d];
    }
    return true;
  }
  bool repeats(const Layout& view) const {
    for (int d = 0; d < rank; ++d)
      if (size[d] != 1 && view.stride[d] != 0) return false;
    return true;
  }
};

template <class T>
void gemm_of(const View& y, const ConstView& a, const ConstView& b) {
  const Batch batch(y);
  const int r = batch.rank;
  Product<T> p;
  p.m = y.size[r];
  p.n = y.size[r + 1];
  p.k = a.size[r + 1];
  p.a = {a.as<T>(), a.stride[r], a.stride[r + 1]};
  p.b = {b.as<T>(), b.stride[r], b.stride[r + 1]};
  p.c = y.as<T>();
  p.c_row = p.n;
  if (batch.repeats(b) && batch.extends_rows(a, p.m)) {
    p.m *= batch.count;
    return multiply(p);
  }
  auto multiply_one = [&](std::int64_t i) {
    Product<T> one = p;
    one.a.data += batch.offset(i, a);
    one.b.data += batch.offset(i, b);
    one.c += i * p.m * p.n;
    multiply(one);
  };
  // Each thread takes whole products as long as there are enough of them.
  const double flops = cost::gemm(y, a, b);
  if (batch.count < num_threads() || flops < kParallelFlops) {
    for (std::int64_t i = 0; i < batch.count; ++i) multiply_one(i);
    return;
  }
  parallel_for(batch.count, ceil_div(batch.count, num_threads()), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) multiply_one(i);
  });
}

template <class T>
void linear_of(const View& y, const ConstView& x, const ConstView& w, const ConstView& bias) {
  Product<T> p;
  p.m = y.size[0];
  p.n = y.size[1];
  p.k = x.size[1];
  p.a = {x.as<T>(), x.stride[0], x.stride[1]};
  p.b = {w.as<T>(), w.stride[1], w.stride[0]};
  p.c = y.as<T>();
  p.c_row = p.n;
  if (present(bias)) p.bias = {bias.as<T>(), 0, bias.stride[0]};
  multiply(p);
}

}  // namespace

void gemm(View y, ConstView a, ConstView b) {
  assert(y.contiguous());
  y.dtype == DType::f32 ? gemm_of<float>(y, a, b) : gemm_of<double>(y, a, b);
}

void linear(View y, ConstView x, ConstView w, ConstView bias) {
  assert(y.contiguous());
  y.dtype == DType::f32 ? linear_of<float>(y, x, w, bias) : linear_of<double>(y, x, w, bias);
}

}  // namespace thaw::cpu
