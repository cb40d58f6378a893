#include "finetune/data/texts.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "core/error.h"
#include "core/random.h"
#include "nn/io/sha256.h"

namespace thaw {
namespace {

// Of padding it is 0, as in transformers.
Tensor batch_types(const Texts& texts, const std::vector<std::int64_t>& rows, const Shape& shape) {
  Tensor types = zeros(shape, {DType::i64});
  std::int64_t* to = types.data<std::int64_t>();
  for (const std::int64_t row : rows) {
    std::copy(texts[row].types.begin(), texts[row].types.end(), to);
    to += shape[1];
  }
  return types;
}

bool has_types(const Texts& texts) { return !texts.texts.empty() && !texts[0].types.empty(); }

}  // namespace

const std::vector<std::int64_t>& Texts::sample_shape() const {
  static const std::vector<std::int64_t> own_lengths{0};
  return own_lengths;
}

std::shared_ptr<const Inputs> Texts::subset(const std::vector<std::int64_t>& rows) const {
  std::vector<Text> taken;
  taken.reserve(rows.size());
  for (const std::int64_t row : rows) taken.push_back((*this)[row]);
  auto part = std::make_shared<Texts>(std::move(taken), pairs);
  part->pad_id = pad_id;
  return part;
}

std::int64_t Texts::length(std::int64_t row) const {
  return static_cast<std::int64_t>((*this)[row].tokens.size());
}

// Texts end with padding up to the longest of the batch.
ModelInput Texts::batch(const std::vector<std::int64_t>& rows) const {
  const std::int64_t longest = shape_of_batch(*this, rows).length;
  const Shape shape{static_cast<std::int64_t>(rows.size()), longest};
  ModelInput input(full(shape, static_cast<double>(pad_id), {DType::i64}));
  std::int64_t* to = input.values.data<std::int64_t>();
  for (const std::int64_t row : rows) {
    std::copy((*this)[row].tokens.begin(), (*this)[row].tokens.end(), to);
    to += longest;
  }
  if (has_types(*this)) input.types = batch_types(*this, rows, shape);
  input.padding = padding_of_batch(*this, rows);
  return input;
}

ModelInput Texts::meta_batch(const BatchShape& of_batch) const {
  const Shape shape{of_batch.samples, of_batch.length};
  const Options indices{DType::i64, kMeta};
  ModelInput input(empty(shape, indices));
  if (has_types(*this)) input.types = empty(shape, indices);
  input.padding = meta_padding(of_batch);
  return input;
}

bool Texts::same(std::int64_t row, const Inputs& other, std::int64_t other_row) const {
  const auto* as_texts = dynamic_cast<const Texts*>(&other);
  return as_texts != nullptr && (*this)[row].first == (*as_texts)[other_row].first &&
         (*this)[row].second == (*as_texts)[other_row].second;
}

std::uint64_t Texts::hash(std::int64_t row) const {
  return hash_text((*this)[row].first) ^ (pairs ? mix64(hash_text((*this)[row].second)) : 0);
}

void Texts::hash_source(Sha256& hash) const {
  for (const Text& text : texts) hash.update(text.first.c_str(), text.first.size() + 1);
  if (!pairs) return;
  for (const Text& text : texts) hash.update(text.second.c_str(), text.second.size() + 1);
}

void Texts::hash_sample(std::int64_t row, Sha256& hash) const {
  const Text& text = (*this)[row];
  hash.update(concat(text.tokens.size(), ' ', text.types.size(), '\n'));
  hash.update(text.tokens.data(), text.tokens.size() * sizeof(std::int64_t));
  hash.update(text.types.data(), text.types.size() * sizeof(std::int64_t));
}

const Texts* find_texts(const Dataset& data) { return dynamic_cast<const Texts*>(data.inputs.get()); }

const Texts& texts_of(const Dataset& data) { return dynamic_cast<const Texts&>(*data.inputs); }

}  // namespace thaw
