// Architectures by name, and what it takes to build one again.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nn/init.h"
#include "nn/layers/adapter.h"
#include "nn/module.h"

namespace thaw {

// Sizes of a transformer.
struct TransformerConfig {
  std::int64_t vocab_size = 0;  // text
  std::int64_t positions = 0;   // the longest sequence
  std::int64_t token_types = 0;
  std::int64_t pad_id = -1;         // the token of padding, by which some look for a text's end; -1: none
  std::int64_t first_position = 0;  // RoBERTa: the row of `positions` that the first token has
  std::int64_t patch_size = 0;      // images: the side of a square patch, in pixels
  std::int64_t hidden_size = 0;
  std::int64_t layers = 0;
  std::int64_t heads = 0;
  std::int64_t intermediate_size = 0;
  std::string activation = "gelu";
  double layer_norm_eps = 1e-12;
  double embedding_dropout = 0;  // where it is not hidden_dropout
  double hidden_dropout = 0;
  double attention_dropout = 0;
  double activation_dropout = 0;  // within the feed-forward network
  double classifier_dropout = 0;
  double initializer_range = 0.02;
  std::string pooling = "pooler";  // how a text becomes one vector: "pooler", "cls", "mean", "lasttoken"

  std::int64_t longest_text() const { return positions - first_position; }  // in tokens
};

// Of a decoder behind an encoder, whose other sizes are the encoder's.
struct DecoderConfig {
  bool writes = false;  // the model recognises with it; else it is left out
  std::int64_t layers = 0;
  std::int64_t heads = 0;
  std::int64_t intermediate_size = 0;
  std::int64_t positions = 0;  // the longest text, in tokens
  std::int64_t vocab_size = 0;
};

// Of raw sound: convolutions over samples, and one over places.
struct WaveConfig {
  std::vector<std::int64_t> channels, kernels, strides;  // of the convolutions, from the samples up
  bool bias = false;
  bool group_norm = true;  // behind the first of them, over each channel; else a layer norm behind each
  bool feature_norm = true;
  bool pre_norm = false;
  std::int64_t position_kernel = 128;
  std::int64_t position_groups = 16;
};

// A stage of a convolutional network: blocks one after another.
struct ConvStage {
  std::int64_t channels = 0;   // that each block gives
  std::int64_t depth = 1;      // blocks
  std::int64_t kernel = 3;     // efficientnet-lite: of the depthwise convolution
  std::int64_t stride = 1;     // of the first block
  std::int64_t expansion = 1;  // efficientnet-lite: channels within a block, for each that it takes
  std::int64_t squeeze = 0;    // squeezenet: channels within a block
};

// Sizes of a convolutional network that comes from a folder.
struct ConvNetConfig {
  std::int64_t stem_channels = 0;
  std::vector<ConvStage> stages;
  std::int64_t last_channels = 0;     // efficientnet-lite: of the convolution above the stages
  std::int64_t patch_size = 4;        // convnext: the stem's stride
  bool bottleneck = true;             // resnet: blocks of three convolutions, not two
  bool stride_in_first_conv = false;  // resnet: where a bottleneck has its stride
  std::string activation = "relu";    // resnet, convnext
  double norm_eps = 1e-5;             // efficientnet-lite: of batch norms; convnext: of the last norm
  double norm_momentum = 0.1;         // efficientnet-lite
  double layer_scale = 1e-6;          // convnext: what the scales of blocks begin with; 0: there are none
  double initializer_range = 0.02;    // convnext
};

// Bottleneck adapters of a model. (LoRA and DoRA are folded into saved weights.)
struct BottleneckConfig {
  BottleneckOptions options;
  std::vector<std::string> layers;  // paths of the Linear layers behind which they stand
};

// Sizes of thaw's own architectures, which a config may give. Those that an architecture does not have are ignored.
struct ArchitectureOptions {
  std::vector<std::int64_t> hidden = {64};  // mlp: sizes of the hidden layers
  std::string activation = "relu";          // mlp: "relu", "gelu", "tanh"
  std::int64_t width = 16;                  // cnn: channels of the first block; each later block doubles them
  std::int64_t depth = 3;                   // cnn: residual blocks
};

// What it takes to build a model again: saved as config.json beside its weights.
struct ModelConfig : ArchitectureOptions {
  std::string architecture;  // a name of all_architectures()
  double dropout = 0;
  TransformerConfig transformer;  // transformers
  ConvNetConfig conv_net;         // convolutional networks but the cnn
  std::int64_t mels = 80;         // sound: features of a frame
  DecoderConfig decoder;          // sound
  WaveConfig wave;                // raw sound
  bool pools_places =
      false;  // sound: an output for each, from the mean of its places; else one for each place
  std::int64_t projection = 256;           // the same: what the output layer reads
  std::vector<std::int64_t> sample_shape;  // one sample: [features], or [C, H, W]; empty for text and sound
  std::int64_t outputs = 0;                // classes, or 1 for regression
  std::vector<std::string> labels;         // of the classes, where config.json names them
  std::string problem_type;                // Hugging Face's: what the outputs are; empty: not said
  std::string
      foreign_head;  // what the head beside config.json is, where it is none of this version; or empty
  std::optional<BottleneckConfig> adapters;
  std::string source;  // the config.json that it was read from; empty: none
};

// Those whose sizes a config can give: thaw's own. Others come from the config.json of a folder.
std::vector<std::string> architectures();
std::vector<std::string> all_architectures();
bool takes_text(const ModelConfig& config);
bool takes_sound(const ModelConfig& config);
bool takes_raw_sound(const ModelConfig& config);  // of these: samples, not features
// Texts and sounds: ModelConfig::sample_shape says nothing of them.
bool has_own_lengths(const ModelConfig& config);
// How the architecture's classifier in transformers makes one vector of a text.
const char* own_pooling(const ModelConfig& config);
// Images that a preprocessor_config.json beside the weights says how to prepare.
bool takes_processed_images(const ModelConfig& config);
// Whether the network takes samples of that shape too: its parameters stay the same. (A convolutional network takes images of
// any size, a ViT does not.)
bool takes_shape(const ModelConfig& config, const std::vector<std::int64_t>& sample_shape);

// Its weights drawn from `init.seed`, on `init.device`. Throws InputError for an unknown name or impossible sizes.
std::unique_ptr<Model> make_model(const ModelConfig& config, const Init& init = {});

// config.json, its model_type that which `architectures` names where it has none. InputError for a model_type
// that is not known, or keys that are missing or wrong.
ModelConfig read_model_config(const std::string& path);
// Its text. Keys of the source that thaw does not use are kept.
std::string write_model_config(const ModelConfig& config);

// Sets every dropout of the architecture.
void set_dropout(ModelConfig& config, double p);

// Parameters and buffers a config asks for, in elements. Allocates nothing: it builds the model on the meta
// device.
std::int64_t count_elements(const ModelConfig& config);

// InputError where the parameters would need more memory than the machine has.
void check_fits_memory(const ModelConfig& config);

}  // namespace thaw
