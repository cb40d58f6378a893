// One row per architecture: how it is built, and what its config.json says. For the sources of this folder.
#pragma once

#include <memory>
#include <string>

#include "nn/io/json_file.h"
#include "nn/models/registry.h"

namespace thaw {

struct Architecture {
  // `samples`: of the data's shape. The others are of folders; images as preprocessor_config.json says.
  enum class Input { samples, text, images, sound, raw_sound };
  const char* name;
  const char* model_type;  // in config.json
  const char* class_name;  // what its classes in transformers begin with; null: none
  Input input;
  std::unique_ptr<Model> (*make)(const ModelConfig& config, const Init& init);
  // From and to config.json; `path` names the file in errors.
  void (*read)(const nlohmann::json& json, const std::string& path, ModelConfig& config);
  void (*write)(const ModelConfig& config, nlohmann::ordered_json& json);
};

// What config.json of the architectures of thaw's own has: dropout, sample_shape, outputs.
void read_thaw_fields(const nlohmann::json& json, const std::string& path, ModelConfig& config);
void write_thaw_fields(const ModelConfig& config, nlohmann::ordered_json& json);

// Defined beside the models.
void read_mlp(const nlohmann::json& json, const std::string& path, ModelConfig& config);
void write_mlp(const ModelConfig& config, nlohmann::ordered_json& json);
void read_cnn(const nlohmann::json& json, const std::string& path, ModelConfig& config);
void write_cnn(const ModelConfig& config, nlohmann::ordered_json& json);
void read_gpt2(const nlohmann::json& json, const std::string& path, ModelConfig& config);
void write_gpt2(const ModelConfig& config, nlohmann::ordered_json& json);
void read_vit(const nlohmann::json& json, const std::string& path, ModelConfig& config);
void write_vit(const ModelConfig& config, nlohmann::ordered_json& json);
void read_wav2vec2(const nlohmann::json& json, const std::string& path, ModelConfig& config);
void write_wav2vec2(const ModelConfig& config, nlohmann::ordered_json& json);
void read_resnet(const nlohmann::json& json, const std::string& path, ModelConfig& config);
void write_resnet(const ModelConfig& config, nlohmann::ordered_json& json);
void read_convnext(const nlohmann::json& json, const std::string& path, ModelConfig& config);
void write_convnext(const ModelConfig& config, nlohmann::ordered_json& json);
void read_efficientnet_lite(const nlohmann::json& json, const std::string& path, ModelConfig& config);
void write_efficientnet_lite(const ModelConfig& config, nlohmann::ordered_json& json);
void read_squeezenet(const nlohmann::json& json, const std::string& path, ModelConfig& config);
void write_squeezenet(const ModelConfig& config, nlohmann::ordered_json& json);
void read_whisper(const nlohmann::json& json, const std::string& path, ModelConfig& config);
void write_whisper(const ModelConfig& config, nlohmann::ordered_json& json);

}  // namespace thaw
