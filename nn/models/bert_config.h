// config.json of BERT and its relatives.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "nn/models/registry.h"

namespace thaw {

void read_bert(const nlohmann::json& json, const std::string& path, ModelConfig& config);
void write_bert(const ModelConfig& config, nlohmann::ordered_json& json);
void read_distilbert(const nlohmann::json& json, const std::string& path, ModelConfig& config);
void write_distilbert(const ModelConfig& config, nlohmann::ordered_json& json);
void read_roberta(const nlohmann::json& json, const std::string& path, ModelConfig& config);
void write_roberta(const ModelConfig& config, nlohmann::ordered_json& json);
void write_xlm_roberta(const ModelConfig& config, nlohmann::ordered_json& json);

}  // namespace thaw
