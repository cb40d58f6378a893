// How inputs and targets are scaled: by what the starting model knows, or by what a run's training rows teach.
#pragma once

#include "finetune/config/config.h"
#include "finetune/model/model_source.h"
#include "finetune/preprocess/prepared_data.h"

namespace thaw {

// What the starting model knows of columns, means and deviations, or that they are to be learnt, as the config asks for: said
// in data.preprocess and data.scaling, of the data before a draw. InputError where they do not go together.
void choose_preprocess(const Config& config, const ModelSource& source, PreparedData& data);

// Columns become features, features and targets are standardised: by the training rows alone, so that nothing is known of
// the others, or as data.preprocess says where the starting model decides. data.preprocess then says how.
void fit_preprocess(const Config& config, PreparedData& data);

}  // namespace thaw
