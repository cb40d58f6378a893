// The weights that an exported script starts from, by the names of its network.
#pragma once

#include "finetune/train/run_setup.h"
#include "nn/io/safetensors.h"

namespace thaw {

// All parameters and buffers of the model; of one whose other weights stand in the folder that the script reads, its head
// and its adapters alone.
NamedTensors start_weights(const Model& model, const ModelSource& source);

}  // namespace thaw
