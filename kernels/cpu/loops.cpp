// The elementwise driver: see loops.h.
#include "kernels/cpu/loops.h"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstring>

namespace thaw::cpu {
namespace {

constexpr std::int64_t kPiece = 512;    // elements packed at a time
constexpr std::int64_t kShortRow = 32;  // rows below this are packed several at a time
constexpr std::int64_t kMaxItemBytes = 8;

template <class T>
void copy_strided(std::byte* to, std::int64_t to_stride, const std::byte* from, std::int64_t from_stride,
                  std::int64_t n) {
  constexpr std::int64_t kItem = sizeof(T);
  if (to_stride == kItem && from_stride == 0) {
    T value;
    std::memcpy(&value, from, kItem);
    for (std::int64_t i = 0; i < n; ++i) std::memcpy(to + i * kItem, &value, kItem);
  } else if (to_stride == kItem && from_stride == kItem) {
    std::memcpy(to, from, static_cast<std::size_t>(n * kItem));
  } else {
    for (std::int64_t i = 0; i < n; ++i) std::memcpy(to + i * to_stride, from + i * from_stride, kItem);
  }
}

class Driver {
 public:
  explicit Driver(const ElementwiseCall& call)
      : call_(call),
        walk_(make_walk(call.operand, call.operands)),
        rows_(walk_.rows()),
        width_(walk_.width()) {
    for (int k = 0; k < call.operands; ++k) {
      item_[k] = dtype_bytes(call.operand[k].layout->dtype);
      // Operand data is written through operand 0 only.
      data_[k] = static_cast<std::byte*>(const_cast<void*>(call.operand[k].data));
    }
  }

  void run() const {
    if (rows_ == 0 || width_ == 0) return;
    if (width_ < kShortRow && rows_ > 1) {
      const std::int64_t grain = std::max<std::int64_t>(1, call_.grain / width_);
      parallel_for(rows_, grain, [this](std::int64_t begin, std::int64_t end) { short_rows(begin, end); });
      return;
    }
    // Chunks have about `grain` elements: long rows are cut, short ones put together.
    const std::int64_t cuts = (width_ + call_.grain - 1) / call_.grain;
    const std::int64_t cut = (width_ + cuts - 1) / cuts;
    const std::int64_t grain = std::max<std::int64_t>(1, call_.grain / width_);
    parallel_for(rows_ * cuts, grain, [this, cuts, cut](std::int64_t begin, std::int64_t end) {
      for (std::int64_t c = begin; c < end; ++c) {
        const std::int64_t from = c % cuts * cut;
        long_row(c / cuts, from, std::min(width_, from + cut));
      }
    });
  }

 private:
  struct Buffers {
    alignas(64) std::byte bytes[kMaxOperands][kPiece * kMaxItemBytes];
  };

  // Elements [from, to) of one row.
  void long_row(std::int64_t row, std::int64_t from, std::int64_t to) const {
    Buffers buffers;
    std::byte* at[kMaxOperands];
    bool dense = true;
    for (int k = 0; k < walk_.operands; ++k) {
      const std::int64_t stride = inner(k);
      at[k] = data_[k] + walk_.row_offset(k, row) + from * stride;
      dense = dense && stride == item_[k];
      // One value for the whole row is repeated once.
      if (k > 0 && stride == 0)
        copy_items(item_[k], buffers.bytes[k], item_[k], at[k], 0, std::min(kPiece, to - from));
    }
    const std::int64_t piece = dense ? to - from : kPiece;
    for (std::int64_t i = 0; i < to - from; i += piece) {
      const std::int64_t n = std::min(piece, to - from - i);
      const void* in[kMaxOperands];
      for (int k = 1; k < walk_.operands; ++k) {
        const std::int64_t stride = inner(k);
        const bool direct = stride == item_[k];
        in[k] = direct ? at[k] + i * stride : buffers.bytes[k];
        if (!direct && stride != 0)
          copy_items(item_[k], buffers.bytes[k], item_[k], at[k] + i * stride, stride, n);
      }
      const bool direct = inner(0) == item_[0];
      std::byte* out = at[0] + i * inner(0);
      call_.function(direct ? out : buffers.bytes[0], in + 1, n, call_.params);
      if (!direct) copy_items(item_[0], out, inner(0), buffers.bytes[0], item_[0], n);
    }
  }

  // Rows [begin, end), as many at a time as fit into a piece.
  void short_rows(std::int64_t begin, std::int64_t end) const {
    Buffers buffers;
    const std::int64_t together = std::min(kPiece / width_, end - begin);
    bool dense[kMaxOperands];
    for (int k = 0; k < walk_.operands; ++k) {
      dense[k] = is_dense(k);
      if (k > 0 && repeats(k)) pack_rows(k, begin, together, buffers.bytes[k]);
    }
    for (std::int64_t row = begin; row < end; row += together) {
      const std::int64_t count = std::min(together, end - row);
      const void* in[kMaxOperands];
      for (int k = 1; k < walk_.operands; ++k) {
        in[k] = dense[k] ? data_[k] + row * width_ * item_[k] : buffers.bytes[k];
        if (!dense[k] && !repeats(k)) pack_rows(k, row, count, buffers.bytes[k]);
      }
      std::byte* out = dense[0] ? data_[0] + row * width_ * item_[0] : buffers.bytes[0];
      call_.function(out, in + 1, count * width_, call_.params);
      if (!dense[0]) unpack_rows(row, count, out);
    }
  }

  void pack_rows(int k, std::int64_t row, std::int64_t count, std::byte* to) const {
    for (std::int64_t r = 0; r < count; ++r)
      copy_items(item_[k], to + r * width_ * item_[k], item_[k], data_[k] + walk_.row_offset(k, row + r),
                 inner(k), width_);
  }

  void unpack_rows(std::int64_t row, std::int64_t count, const std::byte* from) const {
    for (std::int64_t r = 0; r < count; ++r)
      copy_items(item_[0], data_[0] + walk_.row_offset(0, row + r), inner(0), from + r * width_ * item_[0],
                 item_[0], width_);
  }

  // Whether the rows of operand k are contiguous.
  bool is_dense(int k) const {
    std::int64_t expected = item_[k];
    for (int d = walk_.rank - 1; d >= 0; --d) {
      if (walk_.stride[k][d] != expected) return false;
      expected *= walk_.size[d];
    }
    return true;
  }

  // Whether all rows of operand k are the same row.
  bool repeats(int k) const {
    return std::all_of(walk_.stride[k], walk_.stride[k] + walk_.rank - 1,
                       [](std::int64_t s) { return s == 0; });
  }

  std::int64_t inner(int k) const { return walk_.stride[k][walk_.rank - 1]; }

  const ElementwiseCall& call_;
  Walk walk_;
  std::int64_t rows_;
  std::int64_t width_;
  std::int64_t item_[kMaxOperands];
  std::byte* data_[kMaxOperands];
};

}  // namespace

Walk make_walk(const Operand* operands, int count) {
  assert(count <= kMaxOperands);
  const Layout& y = *operands[0].layout;
  Walk walk{};
  walk.operands = count;
  for (int d = 0; d < y.rank; ++d) {
    if (y.size[d] == 1) continue;
    const int last = walk.rank - 1;
    bool merge = walk.rank > 0;
    for (int k = 0; k < count && merge; ++k) {
      const std::int64_t step = operands[k].layout->stride[d] * dtype_bytes(operands[k].layout->dtype);
      merge = walk.stride[k][last] == step * y.size[d];
    }
    const int to = merge ? last : walk.rank++;
    walk.size[to] = merge ? walk.size[to] * y.size[d] : y.size[d];
    for (int k = 0; k < count; ++k)
      walk.stride[k][to] = operands[k].layout->stride[d] * dtype_bytes(operands[k].layout->dtype);
  }
  if (walk.rank == 0) {
    walk.rank = 1;
    walk.size[0] = 1;
    for (int k = 0; k < count; ++k) walk.stride[k][0] = dtype_bytes(operands[k].layout->dtype);
  }
  return walk;
}

void copy_items(std::int64_t item, std::byte* to, std::int64_t to_stride, const std::byte* from,
                std::int64_t from_stride, std::int64_t n) {
  switch (item) {
    case 1:
      return copy_strided<std::uint8_t>(to, to_stride, from, from_stride, n);
    case 2:
      return copy_strided<std::uint16_t>(to, to_stride, from, from_stride, n);
    case 4:
      return copy_strided<std::uint32_t>(to, to_stride, from, from_stride, n);
    default:
      return copy_strided<std::uint64_t>(to, to_stride, from, from_stride, n);
  }
}

void run_elementwise(const ElementwiseCall& call) { Driver(call).run(); }

}  // namespace thaw::cpu
