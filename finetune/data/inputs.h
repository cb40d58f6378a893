// Inputs: what a model reads of each sample, row by row. A class for each kind: numbers of one shape (numbers.h), texts
// (texts.h), sounds (sounds.h) and pictures (pictures.h), which are loaded when a batch asks for them. What prepares a kind (a
// tokenizer, the scaling of features) knows it, the rest of the program only this interface.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "nn/model_input.h"

namespace thaw {

class Sha256;

// What the shapes of a batch follow from, beside the samples' own.
struct BatchShape {
  std::int64_t samples = 0;
  std::int64_t length = 0;                 // of the longest
  std::int64_t total = 0;                  // all lengths together
  std::vector<std::int64_t> lengths = {};  // each one's; empty: a mean batch, of which nobody knows
};

// Constant once a data set has it, so that copies share it.
class Inputs {
 public:
  virtual ~Inputs() = default;

  virtual std::int64_t size() const = 0;
  // {F} for tables, {C, H, W} for images; 0 where samples differ: {0} for texts.
  virtual const std::vector<std::int64_t>& sample_shape() const = 0;
  // The given rows, in the given order.
  virtual std::shared_ptr<const Inputs> subset(const std::vector<std::int64_t>& rows) const = 0;

  // ---- batches

  // Of the given rows, in their order: [B, ...], shorter samples padded at their end, where `padding` says so. A kind
  // that loads its samples here throws Error where it cannot.
  virtual ModelInput batch(const std::vector<std::int64_t>& rows) const = 0;
  // The same for an update: a kind may change its samples at random, by what random_context() says of the update.
  virtual ModelInput training_batch(const std::vector<std::int64_t>& rows) const { return batch(rows); }
  virtual bool draws_in_training() const { return false; }  // whether it does
  // The shapes of a batch on the meta device.
  virtual ModelInput meta_batch(const BatchShape& shape) const = 0;
  // A batch is as long as its longest sample; 1 where all have one shape. Known without loading anything.
  virtual std::int64_t length(std::int64_t row) const = 0;
  // How many samples at once are evaluated well.
  virtual std::int64_t evaluation_batch_size() const = 0;

  // ---- content: asked often, so a kind that loads its samples late keeps a hash of each

  // Whether a row is the same sample as one of `other`, which may be of another kind.
  virtual bool same(std::int64_t row, const Inputs& other, std::int64_t other_row) const = 0;
  // The same for the same samples.
  virtual std::uint64_t hash(std::int64_t row) const = 0;
  // Of all rows as they were read.
  virtual void hash_source(Sha256& hash) const = 0;
  // Of one as a batch has it, whatever else is in the batch: all that a model can know of the sample.
  virtual void hash_sample(std::int64_t row, Sha256& hash) const = 0;
};

BatchShape shape_of_batch(const Inputs& inputs, const std::vector<std::int64_t>& rows);
BatchShape shape_of_lengths(const std::vector<std::int64_t>& lengths);
// The places of a batch that hold something; nothing where all do. meta_padding: on the meta device.
Padding padding_of_batch(const Inputs& inputs, const std::vector<std::int64_t>& rows);
Padding padding_of_lengths(const std::vector<std::int64_t>& lengths);
Padding meta_padding(const BatchShape& shape);
// All lengths together.
std::int64_t total_length(const Inputs& inputs);
// The mean of the full batches of this size, rows taken in order; rounded.
BatchShape mean_batch(const Inputs& inputs, std::int64_t batch_size);
BatchShape mean_of_lengths(const std::vector<std::int64_t>& lengths, std::int64_t batch_size);

}  // namespace thaw
