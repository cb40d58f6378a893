// The loop under the reductions: any dimensions, any strides, threads, and an order fixed by the shape.
//
// A reduction says how elements are accumulated (Accumulator). The driver walks the dimensions and is
// compiled once. The reduced elements are cut into chunks by their number alone, and the chunks' states are
// merged in order. So an output's bits depend neither on the threads nor on the other outputs.
#pragma once

#include <cstdint>

#include "kernels/view.h"

namespace thaw::cpu {

// The state of an accumulation: a sum or an extreme. f32 values are accumulated in f64.
union Carried {
  double real;
  std::int64_t whole;
};

// Outputs are numbered row-major over the dimensions that are kept. `x` is the first element, `stride` is in
// elements.
struct Accumulator {
  explicit Accumulator(Carried nothing) : start(nothing) {}
  virtual ~Accumulator() = default;
  // Accumulates n elements into output i.
  virtual void run(std::int64_t i, Carried& state, const void* x, std::int64_t stride,
                   std::int64_t n) const = 0;
  // Accumulates `rows` rows, `stride` elements apart, of n neighbouring elements: element k of each row goes
  // into output i + k.
  virtual void columns(std::int64_t i, Carried* states, const void* x, std::int64_t n, std::int64_t rows,
                       std::int64_t stride) const = 0;
  virtual void merge(Carried& into, Carried other) const = 0;
  // Output i is complete; it lies `offset` elements into y.
  virtual void finish(std::int64_t i, std::int64_t offset, Carried state) const = 0;

  Carried start;  // the state before any element
};

// The dimensions of x, merged where possible and divided into kept and reduced ones. Strides are in elements.
struct ReducedDims {
  struct Group {
    int rank = 0;  // at least 1 once built
    std::int64_t size[kMaxRank];
    std::int64_t x[kMaxRank];
    std::int64_t y[kMaxRank];

    std::int64_t numel() const;
    std::int64_t width() const { return size[rank - 1]; }
    std::int64_t x_offset(std::int64_t i) const { return offset(x, i); }  // of row-major position i
    std::int64_t y_offset(std::int64_t i) const { return offset(y, i); }
    void append(std::int64_t n, std::int64_t x_stride, std::int64_t y_stride);

   private:
    std::int64_t offset(const std::int64_t (&stride)[kMaxRank], std::int64_t i) const;
  };
  Group kept;
  Group reduced;

  // Reduces the dimensions where y has size 1 and x has not; a y of rank 0 takes all.
  ReducedDims(const Layout& y, const Layout& x);
};

inline constexpr std::int64_t kReduceChunk = 16384;  // reduced elements per chunk

void reduce(const Layout& y, const ConstView& x, const Accumulator& accumulator);

}  // namespace thaw::cpu
