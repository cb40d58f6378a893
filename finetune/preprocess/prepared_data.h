// The data of a run as training takes them, with what is needed to treat new data alike.
#pragma once

#include <string>
#include <vector>

#include "finetune/common/shared.h"
#include "finetune/data/dataset.h"
#include "finetune/preprocess/preprocess.h"
#include "finetune/task/task.h"

namespace thaw {

// Where the mean and deviation of features come from.
enum class Scaling { none, model, training };

struct ShiftedData {
  std::string name;
  Shared<Dataset> data;
};

struct PreparedData {
  Dataset train;
  // What is judged on: the same for every draw of a comparison, unless the draw's own mean scales it. Test is empty where
  // the config has none.
  Shared<Dataset> validation, test;
  std::vector<ShiftedData> shifted;  // further test data, of data.shifted
  std::string test_hash;             // content_hash of the test data as they were read; empty without any
  const Task* task = &classification();
  Scaling scaling = Scaling::none, target_scaling = Scaling::none;
  Preprocess preprocess;               // what predict needs to treat new data alike
  std::vector<std::string> notes;      // for the user: what was split off, drawn, left out
  std::vector<std::string> questions;  // of the notes those that are to be repeated at the end
};

// Every data set in it, to be changed.
inline std::vector<Dataset*> parts_of(PreparedData& data) {
  std::vector<Dataset*> parts{&data.train, &data.validation.edit(), &data.test.edit()};
  for (ShiftedData& shifted : data.shifted) parts.push_back(&shifted.data.edit());
  return parts;
}

}  // namespace thaw
