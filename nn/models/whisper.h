// Whisper's encoder (Radford et al. 2022), and with it a speech recogniser by CTC: a linear layer above the encoder says of
// every 20 ms which character they are (see ctc_loss in core/ops.h); and a classifier of sounds. The recogniser by Whisper's
// own decoder is whisper_writer.h's. Names are Hugging Face's, without the prefix "model.".
#pragma once

#include <string_view>
#include <vector>

#include "nn/layers/conv.h"
#include "nn/models/transformer.h"

namespace thaw {

// What checkpoints call the parts of an encoder's layer; a decoder's calls those that it shares the same.
inline constexpr EncoderLayerNames kWhisperLayerNames = {
    {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.out_proj", false},
    "self_attn_layer_norm",
    "fc1",
    "fc2",
    "final_layer_norm"};

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

// What all of them have: the encoder, and how its parts are called.
class WhisperEncoder : public Model {
 public:
  // Log-mel features [B, 2 T, mels], with the padding of the T places.
  ModelState begin(const ModelInput& x) override;
  void run_group(int group, ModelState& state) override;

  const char* architecture() const override { return "whisper"; }
  Shape sample_shape() const override { return {0, mels_}; }
  std::string_view prefix_in_file() const override;
  std::string name_in_file(const std::string& name) const override;
  std::optional<std::string> name_in_model(const std::string& name_in_file) const override;
  std::vector<std::string> lora_targets() const override;        // query and value
  std::vector<std::string> bottleneck_targets() const override;  // what attention and feed-forward end with

 protected:
  WhisperEncoder(const ModelConfig& config, const Init& init);

  std::vector<Group> encoder_groups() const;  // without the norm above them
  LayerNorm& encoder_norm() { return *norm_; }

 private:
  std::int64_t mels_, longest_;
  WhisperFrontEnd* front_end_;
  std::vector<EncoderLayer*> layers_;
  LayerNorm* norm_;
};

// By CTC.
class Whisper : public WhisperEncoder {
 public:
  // The weights are drawn from N(0, initializer_range^2).
  Whisper(const ModelConfig& config, const Init& init);

  // -> logits of all samples' places, one after another [N, outputs]
  Tensor pool(ModelState state) override { return std::move(state.h); }
  Tensor head_features(const Tensor& pooled) override { return encoder_norm().forward(pooled); }
  Tensor output(const Tensor& features) override { return classifier_->forward(features); }
  bool gives_sequences() const override { return true; }

 private:
  Linear* classifier_;
};

// A classifier of sounds, as transformers' WhisperForAudioClassification: the mean over a sound's places, and two linear
// layers. The norm above the encoder's layers is in the group of the last one, so that a frozen encoder gives one vector of
// a sound in each pass.
class WhisperClassifier : public WhisperEncoder {
 public:
  // The weights are drawn from N(0, initializer_range^2).
  WhisperClassifier(const ModelConfig& config, const Init& init);

  void run_group(int group, ModelState& state) override;
  Tensor pool(ModelState state) override;  // [B, C]
  // transformers has the projector before the mean: of linear maps the same, but for rounding
  Tensor head_features(const Tensor& pooled) override { return projector_->forward(pooled); }
  Tensor output(const Tensor& features) override { return classifier_->forward(features); }

  std::string name_in_file(const std::string& name) const override { return name; }

 private:
  Linear* projector_;
  Linear* classifier_;
};

}  // namespace thaw
