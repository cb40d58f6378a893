// One row per architecture: how it is built, and what its config.json says. For the sources of this folder.
#pragma once

#include <memory>
#include <string>

#include "nn/io/json_file.h"
#include "nn/models/registry.h"

namespace thaw {

struct Architecture {
  enum class Input { samples, text, processed_images };  // the last: as preprocessor_config.json says
  const char* name;
  const char* model_type;  // in config.json
  const char* class_name;  // what its classes in transformers begin with; null: none
  Input input;
  std::unique_ptr<Model> (*make)(const ModelConfig& config);
  // From and to config.json; `path` names the file in errors.
  void (*read)(const nlohmann::json& json, const std::string& path, ModelConfig& config);
  void (*write)(const ModelConfig& config, nlohmann::ordered_json& json);
};

// What config.json of the architectures of thaw's own has: dropout, sample_shape, outputs.
void read_thaw_fields(const nlohmann::json& json, const std::string& path, ModelConfig& config);
void write_thaw_fields(const ModelConfig& config, nlohmann::ordered_json& json);

// What Hugging Face's config.json has for a classifier's labels: id2label or num_labels, problem_type.
void read_labels(const nlohmann::json& json, const std::string& path, ModelConfig& config);
void write_labels(const ModelConfig& config, nlohmann::ordered_json& json);

// The first of `architectures`, without what TensorFlow and Flax put before it; empty: none.
std::string class_in(const nlohmann::json& json);
// Whether a class is of the family: "Bert" has BertModel and BertForMaskedLM, but no BertGenerationEncoder.
bool is_class_of(const std::string& name, const char* family);
// ModelConfig::foreign_head, when the labels have been read.
std::string foreign_head_in(const nlohmann::json& json, const ModelConfig& config);
// InputError that says which model could serve instead. `known`: what this version reads.
[[noreturn]] void refuse_model_type(const std::string& type, const std::string& path,
                                    const std::string& known);

void read_mlp(const nlohmann::json& json, const std::string& path, ModelConfig& config);
void write_mlp(const ModelConfig& config, nlohmann::ordered_json& json);
void read_cnn(const nlohmann::json& json, const std::string& path, ModelConfig& config);
void write_cnn(const ModelConfig& config, nlohmann::ordered_json& json);
void read_bert(const nlohmann::json& json, const std::string& path, ModelConfig& config);
void write_bert(const ModelConfig& config, nlohmann::ordered_json& json);
void read_distilbert(const nlohmann::json& json, const std::string& path, ModelConfig& config);
void write_distilbert(const ModelConfig& config, nlohmann::ordered_json& json);
void read_roberta(const nlohmann::json& json, const std::string& path, ModelConfig& config);
void write_roberta(const ModelConfig& config, nlohmann::ordered_json& json);
void write_xlm_roberta(const ModelConfig& config, nlohmann::ordered_json& json);
void read_gpt2(const nlohmann::json& json, const std::string& path, ModelConfig& config);
void write_gpt2(const ModelConfig& config, nlohmann::ordered_json& json);
void read_vit(const nlohmann::json& json, const std::string& path, ModelConfig& config);
void write_vit(const ModelConfig& config, nlohmann::ordered_json& json);

}  // namespace thaw
