// ModelSource: what [model] of a config names, opened once: the folder that training starts from, the weights
// or the adapter of model.init, and what their files say of inputs and classes. Nothing of a run reads them a
// second time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "finetune/config/config.h"
#include "finetune/model/adapter_config.h"
#include "finetune/model/model_folder.h"

namespace thaw {

// What weights were trained on, as far as their folder says it: new data must mean the same to them.
struct Origin {
  std::string path;                  // of the folder
  Preprocess preprocess;             // without mean and deviation it took values as they are
  std::optional<ImageInput> images;  // of a ViT's folder: how each channel is normalised
};

struct ModelSource {
  ModelSection section;
  std::shared_ptr<const ModelFolder> folder = nullptr;  // of model.from; null: an architecture by its name

  // model.init is one of these, or neither.
  std::shared_ptr<const WeightFiles> weights = nullptr;    // a file, or a folder's
  std::shared_ptr<const AdapterFolder> adapter = nullptr;  // LoRA or DoRA

  // That `weights` stand in; null: they stand by themselves.
  std::shared_ptr<const ModelFolder> weights_folder = nullptr;
  // Whose classes the adapter's rows are where it names none, as PEFT does not.
  std::shared_ptr<const ModelFolder> adapter_base = nullptr;
  std::optional<Preprocess> adapter_preprocess = {};  // thaw's adapters say how their inputs were made

  std::string files = {};  // the names, sizes and times that the files of these had when they were opened
  // Error where they have changed since: weights are read anew for each run.
  void check_files() const;
  bool has_init() const { return weights != nullptr || adapter != nullptr; }
  bool starts_from_folder() const { return folder != nullptr && section.pretrained; }
  // The network begins with weights that were learnt.
  bool is_pretrained() const { return starts_from_folder() || has_init(); }

  // The same network from random weights.
  ModelSource without_weights() const;

  // Of model.init alone; nothing where it does not say.
  std::optional<Origin> origin_of_init() const;
  // Of model.init, where it says it, else of the folder of model.from: the former's weights are loaded over
  // the latter's. Nothing for weights that nobody described. InputError for an adapter that was trained on
  // other columns.
  std::optional<Origin> origin() const;
};

// InputError for folders and files that are missing or malformed. Reads the headers of weights alone.
ModelSource open_source(const ModelSection& section);

// Of a model that has been trained: its folder with the adapter that stands in its adapter/, unless the
// weights have that in them; or an adapter's folder by itself, `folder` being the base that it names, null
// where that is no folder here.
ModelSource open_trained(const std::string& path);

}  // namespace thaw
