// A trained model from its folder, and data made ready for it as its training data were.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "finetune/cli/arguments.h"
#include "finetune/data/dataset.h"
#include "finetune/model/model_folder.h"
#include "finetune/task/evaluate.h"
#include "nn/module.h"

namespace thaw::cli {

struct SavedModel {
  ModelFolder folder;  // of the base where an adapter was folded in
  std::unique_ptr<Model> model;
  std::string adapter;  // the folder of the adapter that was folded in just now; empty: none
};

// From the folder of a model, from one that has an adapter in PEFT's layout beside it in adapter/ (which is
// folded in unless the weights say that it is), or from an adapter's folder alone, whose config names the
// folder of its base. Without a preprocess.json a text classifier is transformers': it has a pooler.
// InputError where the weights do not fit config.json; `allow_missing` lets all but the head be missing, and
// without `need_head` the last layer may be missing or of another shape.
SavedModel load_saved_model(const std::string& path, bool allow_missing, bool need_head = true);

// Of the folder of a comparison the folder of the run to use, see find_compared_model(), which is said; any
// other one as it is. InputError for a study, and for a strategy where there is nothing to choose from.
std::string folder_to_use(const std::string& path, const std::string& strategy);

// How many samples were read, of which file, and what its reader has to say.
void say_what_was_read(const Dataset& data, const std::string& path);
// What the command line says of the columns of --input.
struct InputColumns {
  std::string text;                      // the column of texts; empty: as in training
  std::optional<std::string> text_pair;  // of the second text of a pair, as data.text_pair
  std::string separator, quote;          // of fields, as in DataSource; empty: by the file
  std::vector<std::string> keep;         // DataSource::keep
  bool keep_id = false;
};

InputColumns input_columns(const Arguments& arguments, bool keep_id);

// The data of --input as the model takes them, without labels.
Dataset read_inputs(const ModelFolder& folder, const std::string& path, const InputColumns& columns);

// Checks that samples have the model's shape and columns, encodes and standardises them and their targets. `source`
// names the data.
void prepare_for(const ModelFolder& folder, const std::string& source, Dataset& data);

// Error where an output is NaN or infinite. `source` names the data.
void check_outputs(const Outputs& outputs, const std::string& source);

// Refuses, before any work is done for it, a file of --output that could not be written, or that is the data
// or a file of the model that the result is made from. Empty: none was named.
void check_result_file(const std::string& output, const std::string& input, const std::string& model);

// Class indices as the model has them. InputError for a class that the model does not know, and where its
// classes have no names and neither the data's names nor `in_order` say which is which.
void use_labels_of(const ModelFolder& folder, const std::string& source, bool in_order, Dataset& data);

}  // namespace thaw::cli
