// The constant prefix of a model: the stages, from the bottom up, that give the same for the same sample each time,
// whatever is in the batch with it. It is read off the model's parameters and modules as their switches stand.
#pragma once

#include <string>

#include "nn/module.h"

namespace thaw {

// encoder: the decoder behind it reads what is written too. changed_inputs: see Inputs::draws_in_training.
enum class EndOfPrefix { none, trains, draws, mixes, updates, encoder, changed_inputs };

struct ConstantPrefix {
  int stages = 0;
  EndOfPrefix end = EndOfPrefix::none;  // why it ends there; none: it is the whole network below the head
  std::string ended_by = {};            // the parameter or module: "layer.4.output.dense.weight"
};

// Of passes in training, or of those in evaluation between updates: then dropout is off, and no batch is normalised by
// itself.
ConstantPrefix constant_prefix(const Model& model, bool in_training);

// "layer.3", "pooling": the last one of so many stages, at least one.
std::string name_of_stage(const Model& model, int stages);

}  // namespace thaw
