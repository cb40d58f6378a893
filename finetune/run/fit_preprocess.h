// What the training rows of a run teach about inputs and targets, applied to all of its data.
#pragma once

#include "finetune/config/config.h"
#include "finetune/preprocess/prepared_data.h"

namespace thaw {

// Columns become features, features and targets are standardised: by the training rows alone, so that nothing is known of
// the others, or as data.preprocess says where the starting model decides. data.preprocess then says how.
void fit_preprocess(const Config& config, PreparedData& data);

}  // namespace thaw
