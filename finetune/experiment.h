// From a config to what a run needs: data that are split and prepared, and a model with its starting weights.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "finetune/config.h"
#include "finetune/data/dataset.h"
#include "finetune/data/readers.h"
#include "finetune/model_folder.h"
#include "finetune/origin.h"
#include "nn/module.h"

namespace thaw {

struct ShiftedData {
  std::string name;
  Dataset data;
};

struct PreparedData {
  Dataset train, validation, test;   // test is empty where the config has none
  std::vector<ShiftedData> shifted;  // further test data, of data.shifted
  std::string test_hash;             // content_hash of the test data as they were read; empty without any
  bool regression = false;
  Scaling scaling = Scaling::none;
  Preprocess preprocess;               // what predict needs to treat new data alike
  std::vector<std::string> notes;      // for the user: what was split off, drawn, left out
  std::vector<std::string> questions;  // of the notes those that are to be repeated at the end
};

// How the config has a file read, but for its columns of features and texts, which are the model's matter.
DataSource data_source(const Config& config, const std::string& path);

// What was read, for people: "my.csv: 600 samples of 2 features: "x", "y"".
std::string describe_read(const Dataset& data, const std::string& path);

// Reads, splits (by data.split_seed) and corrupts images where data.corrupt asks for it. The columns of a
// table are those that the starting weights know, by name. Values are not scaled yet, but `preprocess` has
// the mean and deviation that the starting model came with, where they are the ones. `want_test`: split a
// test part off where no file is named. Rows or groups that two named files share are refused, or noted.
PreparedData load_data(const Config& config, bool want_test, bool refuse_duplicates);

// Draws samples_per_class or limit from the training part of `loaded` (by `draw_seed`), and scales all parts:
// by the drawn training samples alone, or as loaded.preprocess says.
PreparedData draw_training_data(const Config& config, const PreparedData& loaded, std::uint64_t draw_seed);

// Both.
PreparedData prepare_data(const Config& config, std::uint64_t draw_seed, bool want_test,
                          bool refuse_duplicates);

struct PreparedModel {
  ModelConfig config;
  std::unique_ptr<Model> model;
  std::vector<std::string> notes;  // "the head is new: …"
  bool init_changed_base = false;  // model.init set weights that adapters leave as they are
};

// The model with its starting weights: an architecture drawn from `seed`, or a folder's weights with the head
// made anew where the labels differ; then model.init. Adapters are attached after the folder's weights
// are loaded; an adapter in model.init goes into those of lora and dora, and is folded into the weights for
// other strategies. Its head stays out where its labels differ.
PreparedModel prepare_model(const Config& config, const PreparedData& data, std::uint64_t seed,
                            const std::optional<AdapterSpec>& adapters, bool allow_missing);

// Whether prepare_model leaves the head of this model as it is drawn: neither model.from nor model.init has
// weights for these labels. Reads names and shapes, no weights; `model` may be on the meta device.
bool head_is_new(const Config& config, const PreparedData& data, const Model& model);

// What prepare_model would build, without weights: for dry runs on the meta device. InputError when its
// parameters would not fit the machine's memory.
ModelConfig model_config(const Config& config, const PreparedData& data);

}  // namespace thaw
