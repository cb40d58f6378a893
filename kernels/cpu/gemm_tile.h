// The micro-kernel under every matrix product and convolution: a small tile of the product is kept in
// registers.
//   c = a @ b
//
// Each element of the tile is one chain of multiply-adds (fused where the processor can) over k in rising
// order, starting at zero. The chain is the same for every tile shape and vector width, so an element's bits
// do not depend on which tile computes it. This makes products independent of the batch, of the threads and
// of the instruction set.
#pragma once

#include <cstdint>

namespace thaw::cpu {

// k is cut into blocks of this size, and the blocks' sums are added in order. The cut depends on k alone, so
// every product that keeps to it has the same bits whatever its other sizes.
inline constexpr std::int64_t kDepthBlock = 256;

inline constexpr int kMaxTileRows = 8;
inline constexpr int kMaxTileColumns = 32;  // f32 on 64-byte vectors

// One tile, added to what c holds where `add` is set:
//   c[i][j] = sum_{k < depth} a[i][a_offset[k]] * b[b_offset[k] + j]
template <class T>
struct TileArgs {
  std::int64_t depth;
  const T* a[kMaxTileRows];
  const std::int64_t* a_offset;
  const T* b;  // all columns of the tile are read, also those at and past `columns`
  const std::int64_t* b_offset;
  T* c;
  std::int64_t c_row;
  std::int64_t columns;  // how many columns of c are written
  bool add;
};

template <class T>
using TileFunction = void (*)(const TileArgs<T>&);

// The tiles of one instruction set. Tiles of fewer rows or of one vector serve the edges.
template <class T>
struct TileSet {
  int rows;                              // of the largest tile
  int lanes;                             // elements of a vector; the largest tile has two vectors a row
  TileFunction<T> run[kMaxTileRows][2];  // [rows - 1][vectors - 1]

  int columns() const { return 2 * lanes; }
  void operator()(int tile_rows, const TileArgs<T>& args) const {
    run[tile_rows - 1][args.columns > lanes ? 1 : 0](args);
  }
};

// Rounded towards positive infinity; d > 0.
constexpr std::int64_t ceil_div(std::int64_t n, std::int64_t d) {
  return n > 0 ? (n + d - 1) / d : -(-n / d);
}

// The best tiles that this processor has, or those that the environment variable THAW_ISA names: "v3" (AVX2
// and FMA) or "avx512", which is ignored on a processor without it.
template <class T>
const TileSet<T>& tile_set();

// The offsets of elements `step` apart:
//   offset[k] = k * step
inline void linear_offsets(std::int64_t* offset, std::int64_t depth, std::int64_t step) {
  for (std::int64_t k = 0; k < depth; ++k) offset[k] = k * step;
}

}  // namespace thaw::cpu
