// Which pictures a model sees, as its folder and the config say: the column of files, the size, what is changed in training.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "finetune/config/config.h"
#include "finetune/data/picture/augment.h"
#include "finetune/model/model_source.h"

namespace thaw {

// The column of picture files in a table: nothing for models that take none, "" for one that takes a table's features as
// well (an mlp), whose data say what they are.
std::optional<std::string> picture_column(const ModelFolder& folder);
// InputError where data.image, model.image_size or data.augment are not for the model.
std::optional<std::string> picture_column(const Config& config, const ModelSource& source);

// How the model of the folder sees a picture. InputError where the folder asks for what is not done here.
PictureView picture_view(const ModelFolder& folder);
// How the model of a run does, whose training data are these: as its folder says, of the size model.image_size. An
// architecture by its name has the pictures' own size where they have one, and colour unless all are grey. InputError where
// no size is known, or the model does not take it.
PictureView picture_view(const Config& config, const ModelSource& source, const Dataset& train);

// data.augment.
std::vector<Augmentation> augmentations(const Config& config);

}  // namespace thaw
