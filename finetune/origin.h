// What the weights that a run starts from were trained on, as far as their folder says it: the new data must
// mean the same to them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "finetune/config.h"
#include "finetune/data/standardize.h"
#include "finetune/image_input.h"

namespace thaw {

struct Origin {
  std::string path;                  // of the folder
  std::vector<std::string> columns;  // of a table, in the order of the network's inputs
  Standardizer standardizer;         // empty: it took values as they are
  std::optional<ImageInput> images;  // of a ViT's folder: how each channel is normalised
};

// Of the weights of model.init, where their folder says it, else of the folder of model.from. Nothing for
// weights that nobody described.
std::optional<Origin> origin_of(const Config& config);

// The folder that model.init is, or is the weights of; empty for weights by themselves and for adapters.
std::string folder_of_init(const Config& config);

// The classes of the head in a folder of weights, or a file of one; empty where nobody named them.
std::vector<std::string> labels_beside(const std::string& weights);

// Where the mean and deviation of features come from.
enum class Scaling { none, model, training };

// As data.standardize says. `notes`: what the user should know of the choice. InputError where "model" is
// wanted and there are none.
Scaling choose_scaling(const Config& config, const std::optional<Origin>& origin,
                       std::vector<std::string>& notes);

}  // namespace thaw
