// Samples that are texts, or pairs of them, and the tokens that a model's tokenizer makes of them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "finetune/data/dataset.h"
#include "finetune/data/inputs.h"

namespace thaw {

struct Text {
  std::string first, second;  // the second of a pair
  // Of both, once tokenize() of preprocess/text_input.h has made them.
  std::vector<std::int64_t> tokens = {};
  // For each token, which of the two it is of; empty where the model does not ask.
  std::vector<std::int64_t> types = {};
};

// Batches and lengths are of tokens.
struct Texts final : Inputs {
  explicit Texts(std::vector<Text> all, bool are_pairs = false) : texts(std::move(all)), pairs(are_pairs) {}

  std::vector<Text> texts;
  bool pairs;
  std::int64_t pad_id = 0;  // the token that fills shorter texts of a batch

  const Text& operator[](std::int64_t row) const { return texts[static_cast<std::size_t>(row)]; }

  std::int64_t size() const override { return static_cast<std::int64_t>(texts.size()); }
  const std::vector<std::int64_t>& sample_shape() const override;
  std::shared_ptr<const Inputs> subset(const std::vector<std::int64_t>& rows) const override;
  ModelInput batch(const std::vector<std::int64_t>& rows) const override;
  ModelInput meta_batch(const BatchShape& shape) const override;
  std::int64_t length(std::int64_t row) const override;
  std::int64_t evaluation_batch_size() const override { return 32; }
  bool same(std::int64_t row, const Inputs& other, std::int64_t other_row) const override;
  std::uint64_t hash(std::int64_t row) const override;
  void hash_source(Sha256& hash) const override;
  void hash_sample(std::int64_t row, Sha256& hash) const override;
};

// What the data have; null where they are no texts.
const Texts* find_texts(const Dataset& data);
// Of data that are texts.
const Texts& texts_of(const Dataset& data);

}  // namespace thaw
