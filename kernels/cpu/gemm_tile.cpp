// The micro-kernel of gemm_tile.inc for each instruction set, and the choice between them.
#include "kernels/cpu/gemm_tile.h"

#include <cstdlib>
#include <string_view>

#include "kernels/kernels.h"

#if defined(__clang__)
#define THAW_UNROLL _Pragma("clang loop unroll(full)")
#else
#define THAW_UNROLL _Pragma("GCC unroll 16")
#endif

namespace thaw::cpu {
namespace {

// The instruction set that all kernels are compiled for: AVX2 and FMA on x86-64, the compiler's choice
// elsewhere. 6 x 2 accumulators, 2 vectors of b and 1 of a take 15 of the 16 registers of AVX2.
namespace baseline {
#define THAW_TILE_TARGET
#define THAW_TILE_BYTES 32
#define THAW_TILE_ROWS 6
#include "kernels/cpu/gemm_tile.inc"
#undef THAW_TILE_TARGET
#undef THAW_TILE_BYTES
#undef THAW_TILE_ROWS
}  // namespace baseline

#if defined(__x86_64__)
namespace avx512 {
#define THAW_TILE_TARGET __attribute__((target("avx512f")))
#define THAW_TILE_BYTES 64
#define THAW_TILE_ROWS 8
#include "kernels/cpu/gemm_tile.inc"
#undef THAW_TILE_TARGET
#undef THAW_TILE_BYTES
#undef THAW_TILE_ROWS
}  // namespace avx512

bool want_avx512() {
  const char* isa = std::getenv("THAW_ISA");
  return __builtin_cpu_supports("avx512f") && (isa == nullptr || std::string_view(isa) != "v3");
}
#endif

template <class T>
TileSet<T> best_tiles() {
#if defined(__x86_64__)
  if (want_avx512()) return avx512::tiles<T>();
#endif
  return baseline::tiles<T>();
}

}  // namespace

template <class T>
const TileSet<T>& tile_set() {
  static const TileSet<T> set = best_tiles<T>();
  return set;
}
template const TileSet<float>& tile_set();
template const TileSet<double>& tile_set();

}  // namespace thaw::cpu

namespace thaw {

const char* product_instructions() {
#if defined(__x86_64__)
  return cpu::want_avx512() ? "avx512" : "v3";
#else
  return "portable";
#endif
}

}  // namespace thaw
