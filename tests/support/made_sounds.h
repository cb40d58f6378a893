// Sounds without files: features or samples drawn from a seed, of given lengths.
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
#include "finetune/data/sounds.h"
#include "kernels/kernel.h"
#include "nn/io/sha256.h"

namespace thaw::test {

class MadeSounds final : public Inputs {
 public:
  // Of each the number of places, and what its features are drawn from.
  MadeSounds(std::vector<std::pair<std::int64_t, std::uint64_t>> sounds, const ModelConfig& config)
      : sounds_(std::move(sounds)), config_(config), shape_{0} {
    if (takes_raw_sound(config)) {
      features_ = std::make_shared<const SampleFeatures>(16000, false, config.wave);
    } else {
      features_ = std::make_shared<const LogMelFeatures>(LogMelOptions{.mels = config.mels}, false);
      shape_.push_back(config.mels);
    }
  }

  std::int64_t size() const override { return static_cast<std::int64_t>(sounds_.size()); }
  const std::vector<std::int64_t>& sample_shape() const override { return shape_; }
  std::shared_ptr<const Inputs> subset(const std::vector<std::int64_t>& rows) const override {
    std::vector<std::pair<std::int64_t, std::uint64_t>> taken;
    for (const std::int64_t row : rows) taken.push_back(at(row));
    return std::make_shared<const MadeSounds>(std::move(taken), config_);
  }
  ModelInput batch(const std::vector<std::int64_t>& rows) const override {
    const Unobserved unobserved;  // reading a file would take no kernel
    const BatchShape shape = shape_of_batch(*this, rows);
    const std::int64_t width = features_->width();
    const std::int64_t stride = width > 0 ? 2 * shape.length * width : features_->samples(shape.length);
    ModelInput input(
        zeros(width > 0 ? Shape{shape.samples, 2 * shape.length, width} : Shape{shape.samples, stride}));
    if (width == 0) input.sizes = empty({shape.samples}, {DType::i64});
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto place = static_cast<std::int64_t>(i);
      const std::int64_t size = width > 0 ? 2 * length(rows[i]) * width : features_->samples(length(rows[i]));
      if (width == 0) input.sizes.data<std::int64_t>()[i] = size;
      const Tensor own = randn({size}, random_key(at(rows[i]).second, "made sound"));
      std::copy_n(own.data<float>(), own.numel(), input.values.data<float>() + place * stride);
    }
    input.padding = padding_of_batch(*this, rows);
    return input;
  }
  ModelInput meta_batch(const BatchShape& shape) const override { return meta_sounds(*features_, shape); }
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
  ModelConfig config_;
  std::shared_ptr<const SoundFeatures> features_;
  std::vector<std::int64_t> shape_;
};

// `count` sounds of 1 to 30 places, with transcripts over two characters.
inline Dataset made_sounds(const ModelConfig& config, std::int64_t count, std::uint64_t seed) {
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
  data.inputs = std::make_shared<const MadeSounds>(std::move(sounds), config);
  return data;
}

// The same, of three classes, for a model that classifies sounds.
inline Dataset made_sound_classes(const ModelConfig& config, std::int64_t count, std::uint64_t seed) {
  Dataset data = made_sounds(config, count, seed);
  data.targets = Targets::classes;
  data.classes = {"a", "b", "c"};
  for (Sample& sample : data.samples) sample.label = sample.id % 3;
  return data;
}

// The same for a model that writes tokens 3 to 19, begins with 1 and ends with 2.
inline Dataset made_dictation(const ModelConfig& config, std::int64_t count, std::uint64_t seed) {
  Dataset data = made_sounds(config, count, seed);
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
