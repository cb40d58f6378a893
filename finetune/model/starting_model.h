// From where a model comes from to one with its starting weights.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "finetune/model/model_source.h"
#include "finetune/plan/strategy.h"
#include "finetune/preprocess/prepared_data.h"
#include "nn/models/registry.h"
#include "nn/module.h"

namespace thaw {

struct PreparedModel {
  ModelConfig config;
  std::unique_ptr<Model> model;
  std::vector<std::string> notes;  // "the head is new: …"
  bool init_changed_base = false;  // model.init set weights that adapters leave as they are
};

// What a run's model is: the source's, for the classes or the target of these data. InputError when its
// parameters would not fit the machine's memory.
ModelConfig model_config(const ModelSource& source, const PreparedData& data);

// The model of `config` (from model_config) with its starting weights: drawn from `seed`, or a folder's with the
// head made anew where the labels differ; then model.init. Adapters are attached after the folder's weights are
// loaded; an adapter in model.init goes into those of lora and dora, and is folded into the weights for other
// strategies. Its head stays out where its labels differ.
PreparedModel prepare_model(const ModelConfig& config, const ModelSource& source, const PreparedData& data,
                            std::uint64_t seed, const std::optional<AdapterSpec>& adapters,
                            bool allow_missing);
// Without a strategy's adapters.
PreparedModel prepare_model(const ModelSource& source, const PreparedData& data, std::uint64_t seed,
                            bool allow_missing);

// Whether prepare_model leaves the head of this model as it is drawn: neither model.from nor model.init has
// weights for these labels. Reads names and shapes, no weights; `model` may be on the meta device.
bool head_is_new(const ModelSource& source, const PreparedData& data, const Model& model);

}  // namespace thaw
