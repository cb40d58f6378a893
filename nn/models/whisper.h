// Whisper's encoder (Radford et al. 2022) as a speech recogniser: a linear layer above it says of every 20 ms which
// character they are (CTC, see ctc_loss in core/ops.h). Names are Hugging Face's, without the prefix "model."; a
// checkpoint's decoder is not read.
#pragma once

#include <string_view>
#include <vector>

#include "nn/layers/conv.h"
#include "nn/models/transformer.h"

namespace thaw {

// Two convolutions over time, of which the second halves it, and sines that tell the places apart.
class WhisperFrontEnd : public Module {
 public:
  WhisperFrontEnd(const ModelConfig& config, const Init& init);
  // Features [B, 2 T, mels] -> rows of the places that hold sound [N, C]. Behind a sound's end stand zeros, whatever else is
  // in its batch.
  Tensor forward(const Tensor& features, const TokenRows& places);

 private:
  Conv1d& conv1_;
  Conv1d& conv2_;
  BufferPtr positions_;  // [places, C]
  Dropout& dropout_;
};

class Whisper : public Model {
 public:
  // The weights are drawn from N(0, initializer_range^2).
  Whisper(const ModelConfig& config, const Init& init);

  // Log-mel features [B, 2 T, mels], with the padding of the T places -> logits of all samples' places, one after another
  // [N, outputs].
  ModelState begin(const ModelInput& x) override;
  void run_group(int group, ModelState& state) override;
  Tensor pool(ModelState state) override { return std::move(state.h); }
  Tensor head_features(const Tensor& pooled) override { return norm_->forward(pooled); }
  Tensor output(const Tensor& features) override { return classifier_->forward(features); }
  bool gives_sequences() const override { return true; }

  const char* architecture() const override { return "whisper"; }
  Shape sample_shape() const override { return {0, mels_}; }
  std::string_view prefix_in_file() const override;
  std::string name_in_file(const std::string& name) const override;
  std::optional<std::string> name_in_model(const std::string& name_in_file) const override;
  std::vector<std::string> lora_targets() const override;        // query and value
  std::vector<std::string> bottleneck_targets() const override;  // what attention and feed-forward end with

 private:
  std::int64_t mels_, longest_;
  WhisperFrontEnd* front_end_;
  std::vector<EncoderLayer*> layers_;
  LayerNorm* norm_;
  Linear* classifier_;
};

}  // namespace thaw
