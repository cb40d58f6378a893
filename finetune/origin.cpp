#include "finetune/origin.h"

#include <filesystem>

#include "core/error.h"
#include "finetune/adapter_folder.h"
#include "finetune/data/text.h"
#include "finetune/model_folder.h"

namespace thaw {
namespace {

namespace fs = std::filesystem;

// Of weights that are a model's folder, or the file of one; empty where they stand alone.
std::string folder_of(const std::string& weights) {
  if (weights.empty() || is_adapter_folder(weights)) return "";
  const fs::path path = weights;
  if (!is_model_folder(weights) && path.filename() != kWeightsName) return "";
  const fs::path folder = is_model_folder(weights) ? path : path.parent_path();
  return fs::exists(folder / "config.json") ? folder.string() : "";
}

}  // namespace

std::string folder_of_init(const Config& config) { return folder_of(config.model.init); }

// The weights of model.init are loaded over those of model.from, so what it says of them counts first.
std::optional<Origin> origin_of(const Config& config) {
  const std::string init = folder_of_init(config);
  const std::string from = is_model_folder(config.model.from) ? config.model.from : "";
  for (const std::string& path : {init, from}) {
    if (path.empty()) continue;
    const ModelFolder folder = read_model_folder(path);
    const bool says = folder.has_preprocess || folder.images;
    if (path == init && !says && !from.empty()) continue;
    return Origin{path,
                  folder.preprocess.columns,
                  {folder.preprocess.mean, folder.preprocess.deviation},
                  folder.images};
  }
  return std::nullopt;
}

std::vector<std::string> labels_beside(const std::string& weights) {
  const std::string path = folder_of(weights);
  return path.empty() ? std::vector<std::string>{} : read_model_folder(path).preprocess.labels;
}

Scaling choose_scaling(const Config& config, const std::optional<Origin>& origin,
                       std::vector<std::string>& notes) {
  const std::string& wanted = config.data.standardize;
  const bool has_own = origin && (!origin->standardizer.mean.empty() || origin->images);
  if (wanted == "model" && !has_own)
    fail_input("data.standardize = \"model\", and ",
               origin ? concat("the model has no mean and deviation (", origin->path, ")")
                      : "there is no starting model that has a mean and deviation",
               "; write \"train\", or leave it out");
  if (wanted == "false") {
    if (has_own && !origin->images)
      notes.push_back(concat("warning: the model was trained on standardised values (", origin->path,
                             "), and data.standardize = false gives it others"));
    return Scaling::none;
  }
  if (wanted == "train" || (wanted == "true" && !has_own)) {
    if (has_own && !origin->images)
      notes.push_back(concat("values are standardised by the new training data (data.standardize = ",
                             in_quotes(wanted), "), not by the mean and deviation of ", origin->path));
    else if (origin && !has_own && config.model.pretrained)
      notes.push_back(concat("warning: the model was trained on values as they are (", origin->path,
                             "), and data.standardize gives it others"));
    return Scaling::training;
  }
  if (!has_own) return Scaling::none;
  if (!origin->images)
    notes.push_back(concat("values are standardised by the model's own mean and deviation (", origin->path,
                           "); data.standardize = \"train\" takes those of the training data"));
  return Scaling::model;
}

}  // namespace thaw
