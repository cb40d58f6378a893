// Where a model's adapters go.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "finetune/plan/strategy.h"
#include "nn/models/registry.h"
#include "nn/module.h"

namespace thaw {

// The strategy's adapters find no layer in this model.
struct NothingToAdapt : InputError {
  using InputError::InputError;
};

// A module is named by its path or the end of it, as in PEFT: "query" is
// "encoder.layer.0.attention.self.query".
bool is_module_named(const std::string& path, const std::string& name);

// Whether the path of a module or parameter is one of these modules, or inside one.
bool is_in_any(const std::string& path, const std::vector<std::string>& modules);

// What is attached to a layer: the spec's options, or its own.
AdapterOptions options_for(const AdapterSpec& spec, const std::string& path);

// The layers that are named, by the spec or else by the model. Modules to save, which train whole, are passed
// over. InputError for a name that no layer has; NothingToAdapt where none is left.
std::vector<Linear*> adapted_layers(Model& model, const AdapterSpec& spec);

// Attaches adapters there, drawn from `seed`, and refreshes names. Bottlenecks of the same kind that came
// with the model stay.
void attach_adapters(Model& model, const AdapterSpec& spec, std::uint64_t seed);

// DoRA's magnitudes of the weights that the layers have now, where they are among the names: what no file had
// belongs to the weights that were loaded.
void reset_magnitudes(Model& model, const std::vector<std::string>& names);

// The model without weights, on the meta device, with its adapters.
std::unique_ptr<Model> make_meta_model(const ModelConfig& config,
                                       const std::optional<AdapterSpec>& adapters = std::nullopt);

// What target_modules or the model's own choice names, for those who read the adapter elsewhere.
std::vector<std::string> target_names(Model& model, const AdapterSpec& spec);

// Paths of the modules that train beside the adapters: those named, else the head's that have parameters.
std::vector<std::string> saved_modules(const Model& model, const std::vector<std::string>& named);

}  // namespace thaw
