// The loop under the reductions: any dimensions, any strides, threads, and an order fixed by the shape.
//
// A reduction says how elements are taken in (Accumulator); the driver walks the dimensions and is compiled
// once. The reduced elements are cut into chunks by their number alone and the chunks' states merged in
// order, so an output's bits depend neither on the threads nor on the other outputs.
#pragma once

#include <cstdint>

#include "kernels/view.h"

namespace thaw::cpu {

// What is carried while elements are taken in: a sum, a maximum. f32 values are carried in f64.
union Carried {
  double real;
  std::int64_t whole;
};

// Outputs are numbered row-major over the dimensions that stay; `x` is the first element, `stride` in
// elements.
struct Accumulator {
  explicit Accumulator(Carried nothing) : start(nothing) {}
  virtual ~Accumulator() = default;
  // Takes in n elements for output i.
  virtual void run(std::int64_t i, Carried& state, const void* x, std::int64_t stride,
                   std::int64_t n) const = 0;
  // Takes in `rows` rows, `stride` elements apart, of n elements side by side: one for each of the outputs i,
  // i + 1,
  // ..., i + n - 1.
  virtual void columns(std::int64_t i, Carried* states, const void* x, std::int64_t n, std::int64_t rows,
                       std::int64_t stride) const = 0;
  virtual void merge(Carried& into, Carried other) const = 0;
  // Output i is complete; it lies `offset` elements into y.
  virtual void finish(std::int64_t i, std::int64_t offset, Carried state) const = 0;

  Carried start;  // the state of no elements
};

// The dimensions of x, merged where possible, parted into kept ones and reduced ones. Strides in elements.
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

inline constexpr std::int64_t kReduceChunk = 16384;  // reduced elements that one chunk takes

void reduce(const Layout& y, const ConstView& x, const Accumulator& accumulator);

}  // namespace thaw::cpu
