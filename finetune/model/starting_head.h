// The head that a run starts from: whose weights it has, for which classes, and in which order.
#pragma once

#include <string>
#include <vector>

#include "finetune/model/model_source.h"
#include "finetune/preprocess/prepared_data.h"
#include "nn/module.h"

namespace thaw {

// Whose head the run starts with: that of whoever has its last layer, for the task's labels. What stands
// later goes before; what else the head has may be the folder's. Drawn, where a part of it has no source.
enum class HeadSource { drawn, folder, weights, adapter };
HeadSource head_source(const ModelSource& source, const PreparedData& data, const Model& model);

// The weights of the head: all that stands above the last layer but norms. Adapters in it are none.
std::vector<ParameterPtr> head_parameters(const Model& model);

// Whether a head of theirs is one for the task: the same classes in whatever order; where nobody named them,
// as many.
bool has_labels_of(const ModelFolder& folder, const PreparedData& data);
bool adapter_has_labels_of(const ModelSource& source, const PreparedData& data);
bool weights_have_labels_of(const ModelSource& source, const PreparedData& data);

// The classes of the adapter's head: its own, else those of the base that it was trained on, where that is
// here, else of the one that it goes onto; these where they are as many as the task's. Empty: nobody named
// them.
std::vector<std::string> labels_of_adapter(const ModelSource& source, const PreparedData& data);

// InputError for an adapter of the last layer whose rows are in another order than those of the folder's last
// layer, to which they are added.
void check_rows_agree(const ModelSource& source, const PreparedData& data, const Model& model);

// Puts the rows of a head that was loaded in the order of the task's classes, an adapter's included. Last,
// for a part of the head may come from the folder and a part from model.init.
void order_head(Model& model, const ModelSource& source, const PreparedData& data,
                std::vector<std::string>& notes);

// What is to be known of the head of a model from a folder; empty where nothing is.
std::string note_of_head(HeadSource head, const ModelSource& source, const PreparedData& data,
                         bool folder_has_one);

// What weights of model.init by themselves leave open, and is taken by its place.
void note_unnamed(const ModelSource& source, const PreparedData& data, HeadSource head,
                  std::vector<std::string>& notes);

}  // namespace thaw
