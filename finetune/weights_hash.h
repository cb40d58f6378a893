// SHA-256 of tensors: names and bytes, one after another.
#pragma once

#include <string>

#include "core/tensor.h"
#include "nn/files.h"
#include "nn/module.h"

namespace thaw {

void add_tensor(Sha256& hash, const std::string& name, const Tensor& tensor);

// Of all parameters and buffers, in the model's order.
std::string hash_of_weights(const Model& model);

}  // namespace thaw
