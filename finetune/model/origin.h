// What the weights that a run starts from were trained on, as far as their folder says it: the new data must
// mean the same to them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "finetune/config/config.h"
#include "finetune/model/model_folder.h"
#include "finetune/preprocess/prepared_data.h"

namespace thaw {

struct Origin {
  std::string path;                  // of the folder
  Preprocess preprocess;             // without mean and deviation it took values as they are
  std::optional<ImageInput> images;  // of a ViT's folder: how each channel is normalised
};

// Of the weights of model.init, where their folder says it, else of the folder of model.from. Nothing for
// weights that nobody described. InputError for an adapter that was trained on other columns.
std::optional<Origin> origin_of(const Config& config);

// Of the weights of model.init alone: a folder, a file in one, or an adapter. Nothing where it does not say.
std::optional<Origin> origin_of_init(const Config& config);

// The folder that model.init is, or that its file of weights is in; empty for weights by themselves and for
// adapters.
std::string folder_of_init(const Config& config);

// As data.standardize says. `notes`: what the user should know of the choice. InputError where "model" is
// wanted and there are none.
Scaling choose_scaling(const Config& config, const std::optional<Origin>& origin,
                       std::vector<std::string>& notes);

}  // namespace thaw
