// Whose checkpoint it is: what transformers' class, which config.json names, says of the model and its head.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "nn/models/registry.h"

namespace thaw {

// The first of `architectures`, without what TensorFlow and Flax put before it; empty: none.
std::string class_in(const nlohmann::json& json);
// Whether a class is of the family: "Bert" has BertModel and BertForMaskedLM, but no BertGenerationEncoder.
bool is_class_of(const std::string& name, const char* family);
// ModelConfig::foreign_head, when the labels have been read.
std::string foreign_head_in(const nlohmann::json& json, const ModelConfig& config);
// InputError that says which model could serve instead. `known`: what this version reads.
[[noreturn]] void refuse_model_type(const std::string& type, const std::string& path,
                                    const std::string& known);

}  // namespace thaw
