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
#include "nn/io/sha256.h"

namespace thaw {
namespace {

// Of the samples that a model hears, at its rate.
std::int64_t heard_samples(const SoundClip& clip, std::int64_t rate) {
  return (clip.frames * rate + clip.rate - 1) / clip.rate;
}

}  // namespace

struct KeptFeatures {
  std::mutex mutex;
  std::unordered_map<std::string, std::vector<float>> features;
  std::int64_t bytes = 0;
};

std::shared_ptr<KeptFeatures> keep_features() { return std::make_shared<KeptFeatures>(); }

Sounds::Sounds(std::vector<SoundClip> clips) : clips_(std::move(clips)) {}

Sounds::Sounds(const Sounds& sounds, std::shared_ptr<const Hearing> hearing)
    : clips_(sounds.clips_), hearing_(std::move(hearing)), shape_{0, hearing_->features.options().mels} {}

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
  const std::int64_t rate = hearing_->features.options().rate;
  const Sound sound = read_sound(clip.path);
  if (static_cast<std::int64_t>(sound.samples.size()) != clip.frames || sound.rate != clip.rate)
    fail("the sound is not what it was when the run began (", clip.path,
         "); leave files alone while they are read");
  std::vector<float> features =
      hearing_->features(resample(sound.samples, sound.rate, rate), hearing_->whole_context);
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
  const SoundClip& clip = (*this)[row];
  if (hearing_ == nullptr) return clip.frames;
  const LogMel& features = hearing_->features;
  const LogMelOptions& options = features.options();
  if (hearing_->whole_context) return options.chunk / options.hop / 2;
  return features.frames(heard_samples(clip, options.rate)) / 2;
}

ModelInput Sounds::batch(const std::vector<std::int64_t>& rows) const {
  const BatchShape shape = shape_of_batch(*this, rows);
  const std::int64_t mels = hearing_->features.options().mels;
  ModelInput input(zeros({shape.samples, 2 * shape.length, mels}));
  float* to = input.values.data<float>();
  for (const std::int64_t row : rows) {
    const std::vector<float> values = features(row);
    assert(static_cast<std::int64_t>(values.size()) == 2 * length(row) * mels);
    std::copy(values.begin(), values.end(), to);
    to += 2 * shape.length * mels;
  }
  input.padding = padding_of_batch(*this, rows);
  return input;
}

ModelInput Sounds::meta_batch(const BatchShape& of_batch) const {
  const std::int64_t mels = hearing_->features.options().mels;
  ModelInput input(empty({of_batch.samples, 2 * of_batch.length, mels}, {DType::f32, kMeta}));
  input.padding = meta_padding(of_batch);
  return input;
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
  const LogMelOptions& options = hearing_->features.options();
  hash.update(concat(options.rate, ' ', options.window, ' ', options.hop, ' ', options.mels, ' ',
                     options.chunk, ' ', hearing_->whole_context, ' '));
  hash.update((*this)[row].digest);
}

const Sounds* find_sounds(const Dataset& data) { return dynamic_cast<const Sounds*>(data.inputs.get()); }

}  // namespace thaw
