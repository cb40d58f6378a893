// fill, copy and arange.
#include <bit>
#include <cassert>
#include <cstddef>

#include "kernels/cpu/loops.h"
#include "kernels/kernels.h"

namespace thaw::cpu {
namespace {

constexpr std::int64_t kMoveGrain = 4 * kElementGrain;

struct Bf16 {
  std::uint16_t bits;
};
struct Bool {
  std::uint8_t value;
};

// Rounds to nearest, ties to even. A NaN stays one: its quiet bit is set.
Bf16 to_bf16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  if (x != x) return {static_cast<std::uint16_t>((bits >> 16) | 0x40)};
  return {static_cast<std::uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16)};
}

template <class To, class From>
To convert(From x) {
  if constexpr (std::is_same_v<From, Bf16>) {
    return convert<To>(std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 16));
  } else if constexpr (std::is_same_v<From, Bool>) {
    return convert<To>(x.value);
  } else if constexpr (std::is_same_v<To, Bf16>) {
    return to_bf16(static_cast<float>(x));
  } else if constexpr (std::is_same_v<To, Bool>) {
    return {static_cast<std::uint8_t>(x != 0)};
  } else {
    return static_cast<To>(x);
  }
}

// Calls f with a zero of the dtype's type and returns its result.
template <class F>
DenseFunction with_dtype(DType dtype, const F& f) {
  switch (dtype) {
    case DType::f32:
      return f(float{});
    case DType::f64:
      return f(double{});
    case DType::i64:
      return f(std::int64_t{});
    case DType::i32:
      return f(std::int32_t{});
    case DType::u8:
      return f(std::uint8_t{});
    case DType::bf16:
      return f(Bf16{});
    case DType::boolean:
      break;
  }
  return f(Bool{});
}

template <class T>
void fill_dense(void* y, const void* const*, std::int64_t n, const double* params) {
  const T value = convert<T>(params[0]);
  T* to = static_cast<T*>(y);
  for (std::int64_t i = 0; i < n; ++i) to[i] = value;
}

template <class To, class From>
void convert_dense(void* y, const void* const* in, std::int64_t n, const double*) {
  To* to = static_cast<To*>(y);
  const From* from = static_cast<const From*>(in[0]);
  for (std::int64_t i = 0; i < n; ++i) to[i] = convert<To>(from[i]);
}

template <class To>
DenseFunction convert_function(DType from) {
  return with_dtype(from, [](auto x) -> DenseFunction { return convert_dense<To, decltype(x)>; });
}

// Copies without conversion, row by row.
struct Move {
  Walk walk;
  std::byte* to;
  const std::byte* from;
  std::int64_t item;

  void rows() const {
    const std::int64_t width = walk.width();
    const int last = walk.rank - 1;
    const std::int64_t cuts = (width + kMoveGrain - 1) / kMoveGrain;
    const std::int64_t cut = (width + cuts - 1) / cuts;
    parallel_for(walk.rows() * cuts, kMoveGrain / width, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t c = begin; c < end; ++c) {
        const std::int64_t row = c / cuts;
        const std::int64_t start = c % cuts * cut;
        copy_items(item, to + walk.row_offset(0, row) + start * walk.stride[0][last], walk.stride[0][last],
                   from + walk.row_offset(1, row) + start * walk.stride[1][last], walk.stride[1][last],
                   std::min(cut, width - start));
      }
    });
  }

  // A dimension other than the innermost along which the source is dense, as in a transposed matrix; -1 if
  // none.
  int dense_source_dim() const {
    const int last = walk.rank - 1;
    if (walk.stride[1][last] == item || walk.stride[1][last] == 0 || walk.size[last] < kTile) return -1;
    for (int d = 0; d < last; ++d) {
      if (walk.stride[1][d] == item && walk.size[d] >= kTile) return d;
    }
    return -1;
  }

  // Copies square tiles, so that the cache lines of both sides are used whole while they are cached.
  void tiles(int dim) const {
    Walk outer = walk;  // the dimensions besides `dim`, the innermost one last
    const std::int64_t height = walk.size[dim];
    const std::int64_t up = walk.stride[0][dim];
    for (int d = dim; d + 1 < walk.rank; ++d) {
      outer.size[d] = walk.size[d + 1];
      for (int k = 0; k < 2; ++k) outer.stride[k][d] = walk.stride[k][d + 1];
    }
    --outer.rank;
    const std::int64_t bands = (height + kTile - 1) / kTile;
    const std::int64_t width = outer.width();
    const std::int64_t right[] = {outer.stride[0][outer.rank - 1], outer.stride[1][outer.rank - 1]};
    const std::int64_t grain = std::max<std::int64_t>(1, kMoveGrain / (width * kTile));
    parallel_for(outer.rows() * bands, grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t b = begin; b < end; ++b) {
        const std::int64_t row = b / bands;
        const std::int64_t first = b % bands * kTile;
        std::byte* y = to + outer.row_offset(0, row) + first * up;
        const std::byte* x = from + outer.row_offset(1, row) + first * item;
        const std::int64_t lines = std::min(kTile, height - first);
        for (std::int64_t i = 0; i < width; i += kTile) {
          for (std::int64_t l = 0; l < lines; ++l)
            copy_items(item, y + l * up + i * right[0], right[0], x + l * item + i * right[1], right[1],
                       std::min(kTile, width - i));
        }
      }
    });
  }

  static constexpr std::int64_t kTile = 16;
};

void move(View y, ConstView x) {
  const Operand operands[] = {{&y, y.data}, {&x, x.data}};
  const Move m{make_walk(operands, 2), y.as<std::byte>(), x.as<std::byte>(), dtype_bytes(y.dtype)};
  if (m.walk.rows() == 0 || m.walk.width() == 0) return;
  const int dim = m.dense_source_dim();
  if (dim < 0) {
    m.rows();
  } else {
    m.tiles(dim);
  }
}

}  // namespace

void fill(View y, double value) {
  const auto function = with_dtype(y.dtype, [](auto t) -> DenseFunction { return fill_dense<decltype(t)>; });
  elementwise(function, kMoveGrain, &value, y);
}

void copy(View y, ConstView x) {
  if (y.dtype == x.dtype) return move(y, x);
  const auto function =
      with_dtype(y.dtype, [&x](auto t) -> DenseFunction { return convert_function<decltype(t)>(x.dtype); });
  elementwise(function, kMoveGrain, nullptr, y, x);
}

void arange(View y, double start, double step) {
  assert(y.rank == 1);
  const auto function = with_dtype(y.dtype, [](auto t) -> DenseFunction { return fill_dense<decltype(t)>; });
  for (std::int64_t i = 0; i < y.size[0]; ++i) {
    const double value = start + step * static_cast<double>(i);
    std::byte* at = y.as<std::byte>() + i * y.stride[0] * dtype_bytes(y.dtype);
    function(at, nullptr, 1, &value);
  }
}

}  // namespace thaw::cpu
