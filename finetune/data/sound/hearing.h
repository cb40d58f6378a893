// How a model hears a sound: as log-mel features of frames, two of which make a place, or as its samples, which the model
// itself turns into places.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "finetune/data/sound/log_mel.h"
#include "nn/models/registry.h"

namespace thaw {

class SoundFeatures {
 public:
  virtual ~SoundFeatures() = default;

  virtual std::int64_t rate() const = 0;   // samples a second; the counts below are at this rate
  virtual std::int64_t width() const = 0;  // numbers of a frame; 0: there are no frames, but samples
  virtual std::int64_t places(std::int64_t samples) const = 0;
  virtual std::optional<std::int64_t> longest() const = 0;      // samples that the model hears at once
  virtual std::int64_t samples(std::int64_t places) const = 0;  // the fewest that give so many
  // [frames, width()], row-major, or the samples as the model takes them.
  virtual std::vector<float> operator()(std::span<const float> samples) const = 0;
  // All that the features hang on besides the sound.
  virtual std::string name() const = 0;
};

class LogMelFeatures final : public SoundFeatures {
 public:
  // `whole_context`: every sound is followed by silence up to the longest that the model takes.
  LogMelFeatures(const LogMelOptions& options, bool whole_context)
      : log_mel_(options), whole_context_(whole_context) {}

  std::int64_t rate() const override { return log_mel_.options().rate; }
  std::int64_t width() const override { return log_mel_.options().mels; }
  std::int64_t places(std::int64_t samples) const override;
  std::optional<std::int64_t> longest() const override { return log_mel_.options().chunk; }
  std::int64_t samples(std::int64_t places) const override;
  std::vector<float> operator()(std::span<const float> samples) const override {
    return log_mel_(samples, whole_context_);
  }
  std::string name() const override;

 private:
  LogMel log_mel_;
  bool whole_context_;
};

class SampleFeatures final : public SoundFeatures {
 public:
  // `normalize`: to mean 0 and variance 1, (x - mean) / sqrt(variance + 1e-7), as transformers' Wav2Vec2FeatureExtractor.
  SampleFeatures(std::int64_t rate, bool normalize, WaveConfig wave)
      : rate_(rate), normalize_(normalize), wave_(std::move(wave)) {}

  std::int64_t rate() const override { return rate_; }
  std::int64_t width() const override { return 0; }
  std::int64_t places(std::int64_t samples) const override;
  std::optional<std::int64_t> longest() const override { return std::nullopt; }
  std::int64_t samples(std::int64_t places) const override;
  std::vector<float> operator()(std::span<const float> samples) const override;
  std::string name() const override;

 private:
  std::int64_t rate_;
  bool normalize_;
  WaveConfig wave_;
};

}  // namespace thaw
