// What preprocess.json says: how a model's inputs are made and what its outputs mean.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "finetune/data/picture/picture_view.h"
#include "finetune/preprocess/column_encoding.h"
#include "finetune/task/classification.h"

namespace thaw {

struct Preprocess {
  const Task* task = &classification();
  std::vector<std::int64_t> sample_shape;
  std::vector<std::string> columns;     // tables: those that are read, in order
  TableEncoding encoding;               // of these into features; empty: they are the features
  std::vector<double> mean, deviation;  // of features; empty: not standardised
  TargetScale target_scale;             // regression: what the outputs are scaled by
  std::vector<std::string> labels;      // classification
  std::string label_column = "label";
  std::string group_column;
  std::string quote;                // how the training data's quotes were read, where data.quote said it
  std::string text_column;          // text models
  std::string pair_column;          // of the second text, where they take pairs
  std::int64_t max_length = 0;      // text models: tokens; longer texts are cut
  bool normalize = false;           // text models: embeddings have length 1
  std::string audio_column;         // models that take sound
  bool whole_context = false;       // they hear silence after each sound, up to the longest that they take
  std::string image_column;         // models that take pictures
  std::optional<PictureView> view;  // how they see one; of sample_shape
  bool has_folded = false;          // the weights have the adapters of the folder's adapter/ in them
};

}  // namespace thaw
