// Samples that are sound files, read when a batch asks for them, and the features that a model hears of them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "finetune/data/dataset.h"
#include "finetune/data/inputs.h"
#include "finetune/data/sound/hearing.h"

namespace thaw {

struct SoundClip {
  std::string path;
  std::int64_t frames = 0, rate = 0;  // as its header has them
  std::string digest = {};            // SHA-256 of the file
};

// Features that have been computed, by the digests of their files. For all parts of the data together.
struct KeptFeatures;
std::shared_ptr<KeptFeatures> keep_features();

struct Hearing {
  std::shared_ptr<const SoundFeatures> features;
  bool is_augmented = false;  // see spec_augment(), in training
  std::shared_ptr<KeptFeatures> kept = keep_features();
};

// Batches and lengths are of places. Features are kept in memory once they are computed, as far as kKeptFeatures goes.
class Sounds final : public Inputs {
 public:
  static constexpr std::int64_t kKeptFeatures = std::int64_t{1} << 30;  // bytes

  explicit Sounds(std::vector<SoundClip> clips);
  // The same clips for a model that hears them so.
  Sounds(const Sounds& clips, std::shared_ptr<const Hearing> hearing);

  const SoundClip& operator[](std::int64_t row) const { return clips_[static_cast<std::size_t>(row)]; }
  double seconds(std::int64_t row) const;
  // As SoundFeatures has them. Error where the file cannot be read.
  std::vector<float> features(std::int64_t row) const;

  std::int64_t size() const override { return static_cast<std::int64_t>(clips_.size()); }
  // {0, mels}; {0} of samples, and before a model hears them
  const std::vector<std::int64_t>& sample_shape() const override;
  std::shared_ptr<const Inputs> subset(const std::vector<std::int64_t>& rows) const override;
  // [B, 2 T, mels], or [B, S] with the sounds' sizes
  ModelInput batch(const std::vector<std::int64_t>& rows) const override;
  ModelInput training_batch(const std::vector<std::int64_t>& rows) const override;
  bool draws_in_training() const override { return hearing_ != nullptr && hearing_->is_augmented; }
  ModelInput meta_batch(const BatchShape& shape) const override;
  std::int64_t length(std::int64_t row) const override;
  std::int64_t evaluation_batch_size() const override { return 16; }
  bool same(std::int64_t row, const Inputs& other, std::int64_t other_row) const override;
  std::uint64_t hash(std::int64_t row) const override;
  void hash_source(Sha256& hash) const override;
  void hash_sample(std::int64_t row, Sha256& hash) const override;

 private:
  std::int64_t heard_samples(std::int64_t row) const;  // at the model's rate

  std::vector<SoundClip> clips_;
  std::shared_ptr<const Hearing> hearing_;
  std::vector<std::int64_t> shape_{0};
};

// The shapes of a batch on the meta device.
ModelInput meta_sounds(const SoundFeatures& features, const BatchShape& shape);

// What the data have; null where they are no sounds.
const Sounds* find_sounds(const Dataset& data);

}  // namespace thaw
