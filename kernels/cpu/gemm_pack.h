// Packing: a panel of `width` columns laid out k by k, so that the micro-kernel reads it in order.
#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/cpu/lanes.h"

namespace thaw::cpu {

// Transposes 8 x 8 floats whose rows are `to_row` and `from_row` elements apart:
//   to[i][j] = from[j][i]
inline void transpose_8x8(float* to, std::int64_t to_row, const float* from, std::int64_t from_row) {
  using V = Lanes<float>;
  V r[8], s[8];
  for (int i = 0; i < 8; ++i) r[i] = load(from + i * from_row);
  for (int i = 0; i < 8; i += 2) {
    s[i] = __builtin_shufflevector(r[i], r[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    s[i + 1] = __builtin_shufflevector(r[i], r[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
  for (int i = 0; i < 8; i += 4) {
    for (int h = 0; h < 2; ++h) {
      r[i + 2 * h] = __builtin_shufflevector(s[i + h], s[i + h + 2], 0, 1, 8, 9, 4, 5, 12, 13);
      r[i + 2 * h + 1] = __builtin_shufflevector(s[i + h], s[i + h + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    }
  }
  for (int i = 0; i < 4; ++i) {
    s[i] = __builtin_shufflevector(r[i], r[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    s[i + 4] = __builtin_shufflevector(r[i], r[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
  for (int i = 0; i < 8; ++i) std::memcpy(to + i * to_row, &s[i], sizeof(V));
}

// Rows of a constant size are copied by few instructions.
template <int kWidth, class T>
void copy_rows(T* panel, const T* from, std::int64_t k_stride, std::int64_t depth) {
  for (std::int64_t k = 0; k < depth; ++k)
    std::memcpy(panel + k * kWidth, from + k * k_stride, kWidth * sizeof(T));
}

// Packs `count` columns of `depth` elements into a panel of `width` columns:
//   panel[k * width + j] = from[k * k_stride + j * j_stride]   for j < count
//   panel[k * width + j] = 0                                   for count <= j < width
template <class T>
void pack_panel(T* panel, std::int64_t width, const T* from, std::int64_t k_stride, std::int64_t j_stride,
                std::int64_t depth, std::int64_t count) {
  if (count < width) std::memset(panel, 0, static_cast<std::size_t>(depth * width) * sizeof(T));
  if (j_stride == 1 && count == width) {
    switch (width) {  // rows and columns of the tiles
      case 6:
        return copy_rows<6>(panel, from, k_stride, depth);
      case 8:
        return copy_rows<8>(panel, from, k_stride, depth);
      case 16:
        return copy_rows<16>(panel, from, k_stride, depth);
      case 32:
        return copy_rows<32>(panel, from, k_stride, depth);
    }
  }
  if (j_stride == 1) {
    for (std::int64_t k = 0; k < depth; ++k)
      for (std::int64_t j = 0; j < count; ++j) panel[k * width + j] = from[k * k_stride + j];
    return;
  }
  std::int64_t done = 0;  // columns
  if constexpr (sizeof(T) == sizeof(float)) {
    const std::int64_t whole = k_stride == 1 ? depth / 8 * 8 : 0;
    for (; whole > 0 && done + 8 <= count; done += 8) {
      const T* rows = from + done * j_stride;
      for (std::int64_t k = 0; k < whole; k += 8)
        transpose_8x8(panel + k * width + done, width, rows + k, j_stride);
      for (std::int64_t k = whole; k < depth; ++k)
        for (std::int64_t j = 0; j < 8; ++j) panel[k * width + done + j] = rows[j * j_stride + k];
    }
  }
  for (; done < count; ++done)
    for (std::int64_t k = 0; k < depth; ++k) panel[k * width + done] = from[k * k_stride + done * j_stride];
}

}  // namespace thaw::cpu
