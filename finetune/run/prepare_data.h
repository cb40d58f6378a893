// From a config to the data of a run: read, split, drawn, prepared.
#pragma once

#include <cstdint>
#include <string>

#include "finetune/config/config.h"
#include "finetune/data/readers/readers.h"
#include "finetune/model/model_source.h"
#include "finetune/preprocess/prepared_data.h"

namespace thaw {

// How the config has a file read, but for its columns of features and texts, which are the model's matter.
DataSource data_source(const Config& config, const std::string& path);

// What was read, for people: "my.csv: 600 samples of 2 features: "x", "y"".
std::string describe_read(const Dataset& data, const std::string& path);

// Reads, splits (by data.split_seed) and corrupts images where data.corrupt asks for it. The columns of a
// table are those that the starting weights know, by name. Values are not scaled yet, but `preprocess` has
// the mean and deviation that the starting model came with, where they are the ones. `want_test`: split a
// test part off where no file is named. Rows or groups that two named files share are refused, or noted.
PreparedData load_data(const Config& config, const ModelSource& source, bool want_test,
                       bool refuse_duplicates);

// Draws samples_per_class or limit from the training part of `loaded` (by `draw_seed`), encodes the columns of all parts,
// and scales them and their targets: by the drawn training samples alone, or as loaded.preprocess says.
PreparedData draw_training_data(const Config& config, const PreparedData& loaded, std::uint64_t draw_seed);

// Both.
PreparedData prepare_data(const Config& config, const ModelSource& source, std::uint64_t draw_seed,
                          bool want_test, bool refuse_duplicates);

}  // namespace thaw
