// What a model reads of each sample, row by row. A class for each kind: numbers of one shape (numbers.h) and texts
// (texts.h); sounds of several lengths, or pictures that are loaded when a batch asks for them, would be others. Nothing
// else in the program knows how a kind keeps its samples.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "nn/io/sha256.h"
#include "nn/module.h"

namespace thaw {

// Constant once a data set has it, so that copies share it.
class Inputs {
 public:
  virtual ~Inputs() = default;

  virtual std::int64_t size() const = 0;
  // {F} for tables, {C, H, W} for images; {0} where every sample has a length of its own.
  virtual const std::vector<std::int64_t>& sample_shape() const = 0;
  // The given rows, in the given order.
  virtual std::shared_ptr<const Inputs> subset(const std::vector<std::int64_t>& rows) const = 0;

  // ---- batches

  // Of the given rows, in their order: f32 [B, ...sample_shape()], or tokens i64 [B, T] as long as the longest.
  virtual ModelInput batch(const std::vector<std::int64_t>& rows) const = 0;
  // The shapes of a batch on the meta device: where samples have lengths, the mean of full batches of this size,
  // rows taken in order. size <= size().
  virtual ModelInput meta_batch(std::int64_t size) const = 0;
  // Samples are padded to the longest of a batch; 1 where all have one shape.
  virtual std::int64_t length(std::int64_t row) const = 0;
  // How many samples at once are evaluated well.
  virtual std::int64_t evaluation_batch() const = 0;

  // ---- content

  // Whether a row is the same sample as one of `other`, which may be of another kind.
  virtual bool same(std::int64_t row, const Inputs& other, std::int64_t other_row) const = 0;
  // The same for the same samples.
  virtual std::uint64_t hash(std::int64_t row) const = 0;
  // Of all rows: as they were read, and as a batch has them.
  virtual void hash_source(Sha256& hash) const = 0;
  virtual void hash_batches(Sha256& hash) const = 0;
};

}  // namespace thaw
