// Sounds without files: features drawn from a seed, of given lengths.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "core/ops.h"
#include "core/random.h"
#include "finetune/data/dataset.h"
#include "finetune/data/dictation.h"
#include "kernels/kernel.h"
#include "nn/io/sha256.h"

namespace thaw::test {

class MadeSounds final : public Inputs {
 public:
  // Of each the number of places, and what its features are drawn from.
  MadeSounds(std::vector<std::pair<std::int64_t, std::uint64_t>> sounds, std::int64_t mels)
      : sounds_(std::move(sounds)), shape_{0, mels} {}

  std::int64_t size() const override { return static_cast<std::int64_t>(sounds_.size()); }
  const std::vector<std::int64_t>& sample_shape() const override { return shape_; }
  std::shared_ptr<const Inputs> subset(const std::vector<std::int64_t>& rows) const override {
    std::vector<std::pair<std::int64_t, std::uint64_t>> taken;
    for (const std::int64_t row : rows) taken.push_back(at(row));
    return std::make_shared<const MadeSounds>(std::move(taken), shape_[1]);
  }
  ModelInput batch(const std::vector<std::int64_t>& rows) const override {
    const Unobserved unobserved;  // reading a file would take no kernel
    const BatchShape shape = shape_of_batch(*this, rows);
    ModelInput input(zeros({shape.samples, 2 * shape.length, shape_[1]}));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto place = static_cast<std::int64_t>(i);
      const Tensor own =
          randn({2 * length(rows[i]), shape_[1]}, random_key(at(rows[i]).second, "made sound"));
      std::copy_n(own.data<float>(), own.numel(),
                  input.values.data<float>() + place * 2 * shape.length * shape_[1]);
    }
    input.padding = padding_of_batch(*this, rows);
    return input;
  }
  ModelInput meta_batch(const BatchShape& shape) const override {
    ModelInput input(empty({shape.samples, 2 * shape.length, shape_[1]}, {DType::f32, kMeta}));
    input.padding = meta_padding(shape);
    return input;
  }
  std::int64_t length(std::int64_t row) const override { return at(row).first; }
  std::int64_t evaluation_batch_size() const override { return 16; }
  bool same(std::int64_t row, const Inputs& other, std::int64_t other_row) const override {
    return at(row) == dynamic_cast<const MadeSounds&>(other).at(other_row);
  }
  std::uint64_t hash(std::int64_t row) const override { return mix64(at(row).second) ^ mix64(at(row).first); }
  void hash_source(Sha256& hash) const override {
    hash.update(sounds_.data(), sounds_.size() * sizeof sounds_[0]);
  }
  void hash_sample(std::int64_t row, Sha256& hash) const override {
    hash.update(&sounds_[row], sizeof sounds_[row]);
  }

 private:
  const std::pair<std::int64_t, std::uint64_t>& at(std::int64_t row) const {
    return sounds_[static_cast<std::size_t>(row)];
  }

  std::vector<std::pair<std::int64_t, std::uint64_t>> sounds_;
  std::vector<std::int64_t> shape_;
};

// `count` sounds of 1 to 30 places, with transcripts over two characters.
inline Dataset made_sounds(std::int64_t mels, std::int64_t count, std::uint64_t seed) {
  Dataset data;
  data.targets = Targets::transcripts;
  data.classes = {"<pad>", "|", "a"};
  std::vector<std::pair<std::int64_t, std::uint64_t>> sounds;
  const RandomKey key = random_key(seed, "sounds");
  for (std::int64_t i = 0; i < count; ++i) {
    const auto draw = static_cast<std::uint64_t>(i);
    sounds.emplace_back(1 + random_below(key, 2 * draw, 30), mix64(seed) + draw);
    Sample sample{.id = i};
    for (std::int64_t k = 0; k < sounds.back().first / 3; ++k) sample.characters.push_back(1 + k % 2);
    for (const std::int64_t character : sample.characters) sample.transcript += character == 1 ? ' ' : 'a';
    data.samples.push_back(std::move(sample));
  }
  data.inputs = std::make_shared<const MadeSounds>(std::move(sounds), mels);
  return data;
}

// The same for a model that writes tokens 3 to 19, begins with 1 and ends with 2.
inline Dataset made_dictation(std::int64_t mels, std::int64_t count, std::uint64_t seed) {
  Dataset data = made_sounds(mels, count, seed);
  data.classes.clear();
  data.dictation = std::make_shared<const Dictation>(
      Dictation{{{1}, 2, {0}, {5}},
                [](const std::vector<std::int64_t>& tokens) { return std::string(tokens.size(), 'a'); }});
  for (Sample& sample : data.samples) {
    for (std::int64_t& token : sample.characters) token = 3 + (token * 5 + sample.id) % 17;
    sample.characters.push_back(2);
  }
  return data;
}

}  // namespace thaw::test
