// A model's weights and buffers as they are at a moment.
#pragma once

#include <string>
#include <vector>

#include "nn/module.h"

namespace thaw {

// Parameters, then buffers, each in the model's order.
struct NamedModelTensors {
  std::vector<std::string> names;
  std::vector<Tensor> tensors;
};
NamedModelTensors model_tensors(const Model& model);

// InputError where the shapes differ.
void copy_into(const Tensor& to, const Tensor& from);

// Parameters and buffers by name, as they are (adapters apart).
using Snapshot = std::vector<Tensor>;
Snapshot take_snapshot(const Model& model);
// The memory of the one there is given back before the new one takes its own.
void replace_snapshot(Snapshot& snapshot, const Model& model);
void restore_snapshot(Model& model, const Snapshot& snapshot);

// Running statistics alone: all that a forward pass changes.
Snapshot take_buffers(const Model& model);
void restore_buffers(Model& model, const Snapshot& buffers);

// No parameter or buffer holds a NaN or an infinity.
bool all_finite(const Model& model);
// InputError where one does; `source`: the file that the weights came from.
void check_finite(const Model& model, const std::string& source);

}  // namespace thaw
