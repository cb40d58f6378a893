#include "finetune/data/sounds.h"

#include <algorithm>
#include <cassert>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "core/error.h"
#include "core/random.h"
#include "finetune/data/sound/resample.h"
#include "finetune/data/sound/sound_file.h"
#include "finetune/data/sound/spec_augment.h"
#include "nn/io/files.h"
#include "nn/io/sha256.h"

namespace thaw {
struct KeptFeatures {
  std::mutex mutex;
  std::unordered_map<std::string, std::vector<float>> features;
  std::int64_t bytes = 0;
};

std::shared_ptr<KeptFeatures> keep_features() { return std::make_shared<KeptFeatures>(); }

Sounds::Sounds(std::vector<SoundClip> clips) : clips_(std::move(clips)) {}

Sounds::Sounds(const Sounds& sounds, std::shared_ptr<const Hearing> hearing)
    : clips_(sounds.clips_), hearing_(std::move(hearing)) {
  if (const std::int64_t width = hearing_->features->width(); width > 0) shape_ = {0, width};
}

std::int64_t Sounds::heard_samples(std::int64_t row) const {
  const SoundClip& clip = (*this)[row];
  return (clip.frames * hearing_->features->rate() + clip.rate - 1) / clip.rate;
}

double Sounds::seconds(std::int64_t row) const {
  return static_cast<double>((*this)[row].frames) / static_cast<double>((*this)[row].rate);
}

std::vector<float> Sounds::features(std::int64_t row) const {
  const SoundClip& clip = (*this)[row];
  KeptFeatures& kept = *hearing_->kept;
  {
    const std::lock_guard lock(kept.mutex);
    if (const auto found = kept.features.find(clip.digest); found != kept.features.end())
      return found->second;
  }
  const Sound sound = read_sound(clip.path);
  if (static_cast<std::int64_t>(sound.samples.size()) != clip.frames || sound.rate != clip.rate ||
      sha256_hex(read_file(clip.path, kLargestSound)) != clip.digest)
    fail("the sound is not what it was when the run began (", clip.path,
         "); leave files alone while they are read");
  const SoundFeatures& of = *hearing_->features;
  std::vector<float> features = of(resample(sound.samples, sound.rate, of.rate()));
  const std::lock_guard lock(kept.mutex);
  const auto bytes = static_cast<std::int64_t>(features.size() * sizeof(float));
  if (kept.bytes + bytes <= kKeptFeatures && kept.features.emplace(clip.digest, features).second)
    kept.bytes += bytes;
  return features;
}

const std::vector<std::int64_t>& Sounds::sample_shape() const { return shape_; }

std::shared_ptr<const Inputs> Sounds::subset(const std::vector<std::int64_t>& rows) const {
  std::vector<SoundClip> taken;
  taken.reserve(rows.size());
  for (const std::int64_t row : rows) taken.push_back((*this)[row]);
  auto part = std::make_shared<Sounds>(std::move(taken));
  part->hearing_ = hearing_;
  part->shape_ = shape_;
  return part;
}

std::int64_t Sounds::length(std::int64_t row) const {
  return hearing_ == nullptr ? (*this)[row].frames : hearing_->features->places(heard_samples(row));
}

ModelInput Sounds::batch(const std::vector<std::int64_t>& rows) const {
  const BatchShape shape = shape_of_batch(*this, rows);
  const std::int64_t width = hearing_->features->width();
  ModelInput input;
  input.padding = padding_of_batch(*this, rows);
  std::int64_t stride = 2 * shape.length * width;  // of a sound in the batch
  if (width == 0) {
    input.sizes = empty({shape.samples}, {DType::i64});
    std::int64_t* size = input.sizes.data<std::int64_t>();
    for (const std::int64_t row : rows) stride = std::max(stride, *size++ = heard_samples(row));
  }
  input.values =
      zeros(width == 0 ? Shape{shape.samples, stride} : Shape{shape.samples, 2 * shape.length, width});
  float* to = input.values.data<float>();
  for (const std::int64_t row : rows) {
    const std::vector<float> values = features(row);
    assert(static_cast<std::int64_t>(values.size()) ==
           (width == 0 ? heard_samples(row) : 2 * length(row) * width));
    std::copy(values.begin(), values.end(), to);
    to += stride;
  }
  return input;
}

ModelInput Sounds::training_batch(const std::vector<std::int64_t>& rows) const {
  ModelInput input = batch(rows);
  if (!hearing_->is_augmented) return input;
  const RandomContext& context = random_context();
  const RandomKey key = random_key(context.seed, "data.augment", context.step);
  assert(context.row_ids.defined() && context.row_ids.numel() == static_cast<std::int64_t>(rows.size()));
  const std::int64_t* id = std::as_const(context.row_ids).data<std::int64_t>();
  const std::int64_t mels = input.values.size(2), size = input.values.size(1) * mels;
  float* values = input.values.data<float>();
  for (const std::int64_t row : rows) {
    spec_augment(values, 2 * length(row), mels, key, *id++);
    values += size;
  }
  return input;
}

ModelInput Sounds::meta_batch(const BatchShape& of_batch) const {
  return meta_sounds(*hearing_->features, of_batch);
}

bool Sounds::same(std::int64_t row, const Inputs& other, std::int64_t other_row) const {
  const auto* sounds = dynamic_cast<const Sounds*>(&other);
  return sounds != nullptr && (*this)[row].digest == (*sounds)[other_row].digest;
}

std::uint64_t Sounds::hash(std::int64_t row) const { return hash_text((*this)[row].digest); }

void Sounds::hash_source(Sha256& hash) const {
  for (const SoundClip& clip : clips_) hash.update(clip.digest);
}

void Sounds::hash_sample(std::int64_t row, Sha256& hash) const {
  hash.update(hearing_->features->name());
  hash.update((*this)[row].digest);
}

ModelInput meta_sounds(const SoundFeatures& features, const BatchShape& of_batch) {
  const Options options{DType::f32, kMeta};
  const std::int64_t width = features.width(), samples = of_batch.samples;
  ModelInput input(width > 0 ? empty({samples, 2 * of_batch.length, width}, options)
                             : empty({samples, features.samples(of_batch.length)}, options));
  input.padding = meta_padding(of_batch);
  if (width > 0) return input;
  std::vector<std::int64_t> lengths = of_batch.lengths;
  // Of a mean batch one sound has the length, the others a share of what is left.
  if (lengths.empty()) lengths.push_back(of_batch.length);
  for (std::int64_t left = of_batch.total - lengths.front(); std::ssize(lengths) < samples;
       left -= lengths.back())
    lengths.push_back(left / (samples - std::ssize(lengths)));
  input.sizes = empty({samples}, {DType::i64});
  std::int64_t* size = input.sizes.data<std::int64_t>();
  for (const std::int64_t length : lengths) *size++ = features.samples(length);
  return input;
}

const Sounds* find_sounds(const Dataset& data) { return dynamic_cast<const Sounds*>(data.inputs.get()); }

}  // namespace thaw
