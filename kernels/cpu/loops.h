// The loop under every elementwise kernel: any strides, broadcasting, threads.
//
// A formula is compiled once, as a function over short dense arrays. For any layout of the operands the
// driver passes it dense pieces: pieces of the operands themselves where they are dense, otherwise copies,
// packed (or one value repeated) into small buffers that stay in the first-level cache. So no layout needs a
// further compiled copy of the formula.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cpu/parallel.h"
#include "kernels/view.h"

namespace thaw::cpu {

// Computes out[0, n) from in[k][0, n). All are dense, and out may be the same array as an input. `params` are
// the formula's constants.
using DenseFunction = void (*)(void* out, const void* const* in, std::int64_t n, const double* params);

inline constexpr int kMaxOperands = 4;  // the output and up to three inputs

struct Operand {
  const Layout* layout;
  const void* data;
};

// An elementwise call: operand 0 is the output, and all operands have its sizes.
struct ElementwiseCall {
  DenseFunction function;
  std::int64_t grain;  // elements of a chunk of work
  const double* params;
  int operands;
  Operand operand[kMaxOperands];
};

// Any layout, on several threads where there is enough work.
void run_elementwise(const ElementwiseCall& call);

// Computes y = function(inputs...). Small dense calls, by far the most frequent, go straight to the formula.
template <class... Inputs>
void elementwise(DenseFunction function, std::int64_t grain, const double* params, const View& y,
                 const Inputs&... inputs) {
  const std::int64_t n = y.numel();
  if (n <= grain && y.contiguous() && (inputs.contiguous() && ...)) {
    const void* in[sizeof...(inputs) + 1] = {inputs.data...};
    return function(y.data, in, n, params);
  }
  run_elementwise({function,
                   grain,
                   params,
                   1 + static_cast<int>(sizeof...(inputs)),
                   {{&y, y.data}, {&inputs, inputs.data}...}});
}

// Operands that are walked together. Dimensions of size 1 are dropped, and neighbouring dimensions are merged
// where every operand allows it. Strides are in bytes. rank >= 1; the last dimension is the innermost.
struct Walk {
  int rank;
  int operands;
  std::int64_t size[kMaxRank];
  std::int64_t stride[kMaxOperands][kMaxRank];
  std::int64_t rows() const {  // all dimensions but the innermost
    std::int64_t n = 1;
    for (int d = 0; d + 1 < rank; ++d) n *= size[d];
    return n;
  }
  std::int64_t width() const { return size[rank - 1]; }
  // Byte offset of operand k at the start of row `row`.
  std::int64_t row_offset(int k, std::int64_t row) const {
    std::int64_t offset = 0;
    for (int d = rank - 2; d > 0; --d) {
      offset += (row % size[d]) * stride[k][d];
      row /= size[d];
    }
    return rank > 1 ? offset + row * stride[k][0] : offset;
  }
};

Walk make_walk(const Operand* operands, int count);

// Copies n items of `item` bytes (1, 2, 4 or 8) with the given strides in bytes; stride 0 repeats one value.
void copy_items(std::int64_t item, std::byte* to, std::int64_t to_stride, const std::byte* from,
                std::int64_t from_stride, std::int64_t n);

}  // namespace thaw::cpu
