// SHA-256 of tensors: names and bytes, one after another.
#pragma once

#include <string>

#include "core/tensor.h"
#include "nn/io/sha256.h"
#include "nn/models/registry.h"
#include "nn/module.h"

namespace thaw {

void add_tensor(Sha256& hash, const std::string& name, const Tensor& tensor);

// Of all parameters and buffers, in the model's order.
std::string hash_of_weights(const Model& model);

// Of these and of all that config.json says: the same weights in another network are another model.
std::string hash_of_model(const Model& model, const ModelConfig& config);

}  // namespace thaw
