// The labels of a classifier, as Hugging Face's config.json names them.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "nn/models/registry.h"

namespace thaw {

// What Hugging Face's config.json has for a classifier's labels: id2label or num_labels, problem_type.
void read_labels(const nlohmann::json& json, const std::string& path, ModelConfig& config);
void write_labels(const ModelConfig& config, nlohmann::ordered_json& json);

}  // namespace thaw
