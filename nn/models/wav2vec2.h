// wav2vec 2.0 (Baevski et al. 2020) and HuBERT (Hsu et al. 2021) as speech recognisers by CTC, and as classifiers of sounds:
// convolutions over the raw samples make a place of every 20 ms, a convolution over places says where each stands, then come
// the layers of a transformer. Names are Hugging Face's, without the prefix "wav2vec2." or "hubert.". The config's layerdrop
// and the masks of its pretraining (SpecAugment) are not applied.
#pragma once

#include <string_view>
#include <vector>

#include "nn/layers/conv.h"
#include "nn/models/transformer.h"

namespace thaw {

// Places that so many samples give; 0 where they are too few for one.
std::int64_t places_of_samples(const WaveConfig& config, std::int64_t samples);
// The fewest samples that give so many.
std::int64_t samples_of_places(const WaveConfig& config, std::int64_t places);

// One convolution over time, its norm and GELU: [1, C, L] -> [1, C', L'].
class WaveConv : public Module {
 public:
  enum class Norm : unsigned char {
    none,
    group,
    layer
  };  // group: each channel over the sound's whole length
  WaveConv(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride, bool bias, Norm norm,
           const Init& init);
  Tensor forward(const Tensor& x);

 private:
  Conv1d& conv_;
  GroupNorm* group_norm_ = nullptr;
  LayerNorm* layer_norm_ = nullptr;
};

// What tells places apart: a grouped convolution over them whose weight is w = g v / |v|, a length g and a direction v for
// each place of the kernel (Salimans & Kingma 2016).
class ConvPositions : public Module {
 public:
  ConvPositions(std::int64_t size, std::int64_t kernel, std::int64_t groups, const Init& init);
  Tensor forward(const Tensor& x);  // [1, C, T] -> the same
  // Makes the length that of the direction, so that w = v.
  void use_length_of_direction();

 private:
  std::int64_t kernel_, groups_;
  ParameterPtr length_, direction_, bias_;  // [1, 1, kernel], [C, C / groups, kernel], [C]
};

class Wav2Vec2 : public Model {
 public:
  // The weights are drawn from N(0, initializer_range^2).
  Wav2Vec2(const ModelConfig& config, const Init& init);

  // Samples [B, S] with how many each sound has and the padding of its places -> logits of all sounds' places, one after
  // another [N, outputs]; of a classifier (ModelConfig::pools_places) of each sound [B, outputs].
  ModelState begin(const ModelInput& x) override;
  void run_group(int group, ModelState& state) override;
  // By CTC: the last norm, where it stands above the layers, and dropout. Of a classifier: the mean of the places; that norm
  // is in the last layer's group, and the projector, which transformers has before the mean, behind it.
  Tensor pool(ModelState state) override;
  bool pools_with_parameters() const override { return projector_ == nullptr; }
  Tensor head_features(const Tensor& pooled) override;
  Tensor output(const Tensor& features) override { return classifier_->forward(features); }
  bool gives_sequences() const override { return projector_ == nullptr; }
  bool uses_weights_once(int group) const override { return group > 1; }  // below once for each sound

  const char* architecture() const override { return is_hubert_ ? "hubert" : "wav2vec2"; }
  Shape sample_shape() const override { return {0}; }
  std::string_view prefix_in_file() const override;
  std::string name_in_file(const std::string& name) const override;
  std::optional<std::string> name_in_model(const std::string& name_in_file) const override;
  std::vector<std::string> lora_targets() const override;        // query and value
  std::vector<std::string> bottleneck_targets() const override;  // what attention and feed-forward end with

 private:
  Tensor convolve(const ModelInput& x);                      // [N, channels]
  Tensor project(const Tensor& h, const ModelState& state);  // [N, C], with positions

  bool is_hubert_, pre_norm_;
  WaveConfig wave_;
  std::vector<WaveConv*> convs_;
  LayerNorm* feature_norm_ = nullptr;
  Linear* projection_;
  Dropout* projection_dropout_;
  ConvPositions* positions_;
  LayerNorm* norm_;
  Dropout* dropout_;
  std::vector<EncoderLayer*> layers_;
  Dropout* final_dropout_ = nullptr;  // by CTC
  Linear* projector_ = nullptr;       // of a classifier
  Linear* classifier_;
};

}  // namespace thaw
