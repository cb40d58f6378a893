// LoRA and DoRA on disk, in the layout of Hugging Face's PEFT: adapter_config.json says what they are,
// adapter_model.safetensors holds them and the modules that trained beside them. thaw adds preprocess.json.
#pragma once

#include <string>
#include <vector>

#include "finetune/model/adapter_config.h"
#include "finetune/model/model_folder.h"
#include "finetune/plan/strategy.h"

namespace thaw {

// Writes the folder of a model's attached adapters, each file atomically. With them go the modules to save
// and the head; an adapter inside of these is in the weight that is saved. `base`: the folder of the model
// that they adapt; null: it is in none. The head's rows stand in the order of the base's classes where those
// are the model's: PEFT gives them the base's names.
void write_adapter_folder(const std::string& path, Model& model, const AdapterSpec& spec,
                          const ModelConfig& config, const Preprocess& preprocess, const ModelFolder* base);

// What whoever loads such a folder with PEFT should know of the names that the head's rows have there.
std::vector<std::string> notes_of_peft_names(const std::vector<std::string>& labels, const ModelFolder* base);

// The adapted layers as PEFT's target_modules names them.
std::vector<std::string> targets_for_peft(Model& model, const AdapterSpec& spec);

// Whether the folder has an adapter for the layer.
bool adapts(const Model& model, const AdapterFolder& folder, const Linear& layer);

// Copies the folder's tensors into a model whose adapters are attached. A head of another shape stays as it
// is, which `notes` says. InputError where r, the scale, the kind or the layers differ.
void load_adapter(Model& model, const AdapterFolder& folder, const AdapterSpec& spec,
                  std::vector<std::string>& notes);

// The layers whose rank or alpha the folder's patterns make another than its options', for a spec.
std::vector<LayerLora> layers_of_patterns(const Model& model, const AdapterFolder& folder);

// Adds the adapters to the weights of a model that has none, and copies the saved modules. Returns the number
// of weights that were adapted.
std::int64_t fold_adapter(Model& model, const AdapterFolder& folder, std::vector<std::string>& notes);

}  // namespace thaw
