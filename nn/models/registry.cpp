#include "nn/models/registry.h"

#include <unistd.h>

#include <algorithm>

#include "core/error.h"
#include "nn/io/safetensors_header.h"
#include "nn/layers/linear.h"
#include "nn/models/architecture.h"
#include "nn/models/bert.h"
#include "nn/models/bert_config.h"
#include "nn/models/checkpoint_class.h"
#include "nn/models/cnn.h"
#include "nn/models/convnext.h"
#include "nn/models/efficientnet_lite.h"
#include "nn/models/gpt2.h"
#include "nn/models/mlp.h"
#include "nn/models/resnet.h"
#include "nn/models/squeezenet.h"
#include "nn/models/transformer.h"
#include "nn/models/vit.h"
#include "nn/models/wav2vec2.h"
#include "nn/models/whisper.h"
#include "nn/models/whisper_writer.h"

namespace thaw {
namespace {

template <class M>
std::unique_ptr<Model> make(const ModelConfig& config, const Init& init) {
  return std::make_unique<M>(config, init);
}

std::unique_ptr<Model> make_whisper(const ModelConfig& config, const Init& init) {
  if (config.decoder.writes) return make<WhisperWriter>(config, init);
  return config.pools_places ? make<WhisperClassifier>(config, init) : make<Whisper>(config, init);
}

using Input = Architecture::Input;

constexpr Architecture kArchitectures[] = {
    {"mlp", "thaw-mlp", nullptr, Input::samples, make<Mlp>, read_mlp, write_mlp},
    {"cnn", "thaw-cnn", nullptr, Input::samples, make<Cnn>, read_cnn, write_cnn},
    {"bert", "bert", "Bert", Input::text, make<Bert>, read_bert, write_bert},
    {"distilbert", "distilbert", "DistilBert", Input::text, make<Bert>, read_distilbert, write_distilbert},
    {"roberta", "roberta", "Roberta", Input::text, make<Bert>, read_roberta, write_roberta},
    {"xlm-roberta", "xlm-roberta", "XLMRoberta", Input::text, make<Bert>, read_roberta, write_xlm_roberta},
    {"gpt2", "gpt2", "GPT2", Input::text, make<Gpt2>, read_gpt2, write_gpt2},
    {"vit", "vit", "ViT", Input::images, make<Vit>, read_vit, write_vit},
    {"resnet", "resnet", "ResNet", Input::images, make<ResNet>, read_resnet, write_resnet},
    {"convnext", "convnext", "ConvNext", Input::images, make<ConvNext>, read_convnext, write_convnext},
    {"efficientnet-lite", "thaw-efficientnet-lite", nullptr, Input::images, make<EfficientNetLite>,
     read_efficientnet_lite, write_efficientnet_lite},
    {"squeezenet", "thaw-squeezenet", nullptr, Input::images, make<SqueezeNet>, read_squeezenet,
     write_squeezenet},
    {"whisper", "whisper", "Whisper", Input::sound, make_whisper, read_whisper, write_whisper},
    {"wav2vec2", "wav2vec2", "Wav2Vec2", Input::raw_sound, make<Wav2Vec2>, read_wav2vec2, write_wav2vec2},
    {"hubert", "hubert", "Hubert", Input::raw_sound, make<Wav2Vec2>, read_wav2vec2, write_wav2vec2},
};

const Architecture& find_architecture(const std::string& name) {
  std::string known;
  for (const Architecture& architecture : kArchitectures) {
    if (name == architecture.name) return architecture;
    known += (known.empty() ? "" : ", ") + std::string(architecture.name);
  }
  fail_input("unknown architecture '", name, "'; use one of: ", known);
}

void check_size(const char* what, std::int64_t size, std::int64_t largest, const std::string& place) {
  if (size < 1 || size > largest)
    fail_input("model size out of range: ", what, " = ", size, " (", place, "); use 1 to ", largest);
}

// Keeps every product of sizes far from overflow; whether the model fits the machine is checked apart.
void check_sizes(const ModelConfig& config, const std::string& place) {
  for (const std::int64_t size : config.hidden) check_size("hidden", size, 1 << 24, place);
  for (const std::int64_t size : config.sample_shape) check_size("a sample's size", size, 1 << 24, place);
  if (config.outputs < 1)
    fail_input("the model has ", config.outputs, " outputs (", place,
               "); set outputs to the number of classes, or to 1 for a regression");
  check_size("outputs", config.outputs, 1 << 24, place);
  check_size("width", config.width, 1 << 12, place);
  check_size("depth", config.depth, 8, place);
}

// Transformers reads a config.json without model_type where its class is named.
std::string model_type_in(const nlohmann::json& json, const std::string& path) {
  std::string type;
  read_optional_field(json, "model_type", path, type);
  if (!type.empty()) return type;
  const std::string name = class_in(json);
  for (const Architecture& architecture : kArchitectures)
    if (architecture.class_name != nullptr && is_class_of(name, architecture.class_name))
      return architecture.model_type;
  if (!name.empty())
    fail_input("'model_type' is missing, and the architecture ", quoted_name(name), " (", path,
               ") is not in this version; set model_type, or use a model that is");
  read_field(json, "model_type", path, type);
  return type;
}

constexpr const char* kAdaptersKey = "thaw_adapters";

std::optional<BottleneckConfig> read_adapters(const nlohmann::json& json, const std::string& path) {
  const auto found = json.find(kAdaptersKey);
  if (found == json.end()) return std::nullopt;
  const std::string place = concat(path, ", ", kAdaptersKey);
  std::string type;
  BottleneckConfig adapters;
  read_field(*found, "type", place, type);
  read_field(*found, "size", place, adapters.options.size);
  read_field(*found, "activation", place, adapters.options.activation);
  read_field(*found, "layers", place, adapters.layers);
  if (type != "bottleneck")
    fail_input("adapters of the type '", type, "' (", place, ") are not in this version; it has bottleneck");
  check_size("the adapters' size", adapters.options.size, 65536, place);
  check_activation_in(adapters.options.activation, place);
  return adapters;
}

void attach_bottlenecks(Model& model, const BottleneckConfig& adapters, std::uint64_t seed) {
  const std::vector<Linear*> layers = model.linears();
  for (const std::string& path : adapters.layers) {
    const auto layer = std::find_if(layers.begin(), layers.end(),
                                    [&](const Linear* linear) { return linear->path() == path; });
    if (layer == layers.end())
      fail_input("an adapter stands behind ", quoted_name(path),
                 ", which is no Linear layer of the model (config.json, ", kAdaptersKey,
                 "); make the folder again");
    (*layer)->attach(adapters.options, seed);
  }
  model.refresh();
}

}  // namespace

std::vector<std::string> architectures() {
  std::vector<std::string> names;
  for (const Architecture& architecture : kArchitectures)
    if (architecture.input == Input::samples) names.emplace_back(architecture.name);
  return names;
}

std::vector<std::string> all_architectures() {
  std::vector<std::string> names;
  for (const Architecture& architecture : kArchitectures) names.emplace_back(architecture.name);
  return names;
}

bool takes_text(const ModelConfig& config) {
  return find_architecture(config.architecture).input == Input::text;
}

bool takes_sound(const ModelConfig& config) {
  return find_architecture(config.architecture).input == Input::sound || takes_raw_sound(config);
}

bool takes_raw_sound(const ModelConfig& config) {
  return find_architecture(config.architecture).input == Input::raw_sound;
}

bool has_own_lengths(const ModelConfig& config) { return takes_text(config) || takes_sound(config); }

bool takes_processed_images(const ModelConfig& config) {
  return find_architecture(config.architecture).input == Input::images;
}

bool takes_shape(const ModelConfig& config, const std::vector<std::int64_t>& sample_shape) {
  constexpr std::int64_t kLongestSide = 1 << 14;  // pixels
  if (config.sample_shape == sample_shape) return true;
  const auto is_size = [](std::int64_t side) { return side >= 1 && side <= kLongestSide; };
  if (config.sample_shape.size() != 3 || sample_shape.size() != 3 ||
      sample_shape[0] != config.sample_shape[0] || !is_size(sample_shape[1]) || !is_size(sample_shape[2]))
    return false;
  ModelConfig other = config;
  other.sample_shape = sample_shape;
  const Init meta{.device = kMeta};
  const std::vector<ParameterPtr> a = make_model(config, meta)->parameters(),
                                  b = make_model(other, meta)->parameters();
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const ParameterPtr& p, const ParameterPtr& q) {
    return p->name == q->name && p->tensor.shape() == q->tensor.shape();
  });
}

const char* own_pooling(const ModelConfig& config) {
  return config.architecture == "gpt2" ? kLastToken : "pooler";
}

std::unique_ptr<Model> make_model(const ModelConfig& config, const Init& init) {
  const Architecture& architecture = find_architecture(config.architecture);
  check_sizes(config, config.architecture);
  auto model = architecture.make(config, init);
  if (config.adapters) attach_bottlenecks(*model, *config.adapters, init.seed);
  return model;
}

ModelConfig read_model_config(const std::string& path) {
  const nlohmann::json json = read_json(path);
  const std::string type = model_type_in(json, path);
  std::string known;
  for (const Architecture& architecture : kArchitectures) {
    known += (known.empty() ? "" : ", ") + std::string(architecture.model_type);
    if (type != architecture.model_type) continue;
    ModelConfig config;
    config.architecture = architecture.name;
    config.source = json.dump();
    architecture.read(json, path, config);
    if (architecture.class_name != nullptr) config.foreign_head = foreign_head_in(json, config);
    config.adapters = read_adapters(json, path);
    check_sizes(config, path);
    return config;
  }
  refuse_model_type(type, path, known);
}

std::string write_model_config(const ModelConfig& config) {
  const Architecture& architecture = find_architecture(config.architecture);
  nlohmann::ordered_json json =
      config.source.empty() ? nlohmann::ordered_json::object() : nlohmann::ordered_json::parse(config.source);
  json["model_type"] = architecture.model_type;
  architecture.write(config, json);
  if (architecture.class_name != nullptr) {
    // The weights are written so, whatever the source's were; transformers loads them as the config says.
    json["dtype"] = "float32";
    json.erase("torch_dtype");
    json.erase("quantization_config");
  }
  if (const auto& adapters = config.adapters)
    json[kAdaptersKey] = {{"type", "bottleneck"},
                          {"size", adapters->options.size},
                          {"activation", adapters->options.activation},
                          {"layers", adapters->layers}};
  return json.dump(2) + "\n";
}

void set_dropout(ModelConfig& config, double p) {
  config.dropout = p;
  TransformerConfig& transformer = config.transformer;
  transformer.embedding_dropout = transformer.hidden_dropout = transformer.attention_dropout =
      transformer.classifier_dropout = p;
  if (takes_raw_sound(config)) transformer.activation_dropout = p;
}

std::int64_t count_elements(const ModelConfig& config) {
  const auto model = make_model(config, {.device = kMeta});
  std::int64_t n = 0;
  for (const ParameterPtr& parameter : model->parameters()) n += parameter->tensor.numel();
  for (const BufferPtr& buffer : model->buffers()) n += buffer->tensor.numel();
  return n;
}

void check_fits_memory(const ModelConfig& config) {
  const double bytes = 4.0 * static_cast<double>(count_elements(config));
  const double machine =
      static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGE_SIZE));
  if (bytes > machine)
    fail_input("the model's parameters need ", bytes / 1e9, " GB (", config.architecture, " on a machine of ",
               machine / 1e9, " GB); use a smaller model");
}

}  // namespace thaw
