#include "finetune/model/origin.h"

#include <filesystem>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/model/adapter_config.h"

namespace thaw {
namespace {

namespace fs = std::filesystem;

// PEFT's adapters say nothing of their data, thaw's do.
std::optional<Origin> origin_of_adapter(const std::string& path) {
  const std::string preprocess = path + "/preprocess.json";
  if (!fs::exists(preprocess)) return std::nullopt;
  ModelFolder folder;
  use_preprocess(preprocess, folder);
  return Origin{path, folder.preprocess, {}};
}

// An adapter is added to weights whose inputs stand in the order of their own columns.
void check_same_columns(const Origin& adapter, const Origin& base) {
  const auto& theirs = adapter.preprocess.columns;
  const auto& own = base.preprocess.columns;
  if (theirs != own && !theirs.empty() && !own.empty())
    fail_input("the adapter was trained on the columns ", name_list(theirs), ", the model on ",
               name_list(own), " (", adapter.path, ", ", base.path,
               "); set model.from to the base of the adapter");
}

std::optional<Origin> origin_of_folder(const std::string& path) {
  if (path.empty()) return std::nullopt;
  ModelFolder folder = read_model_folder(path);
  return Origin{path, std::move(folder.preprocess), folder.images};
}

}  // namespace

std::string folder_of_init(const Config& config) {
  const std::string& init = config.model.init;
  if (init.empty() || is_adapter_folder(init)) return "";
  std::error_code ignored;  // the reader of the weights says what is wrong with a path
  const fs::path path = fs::canonical(init, ignored);
  const fs::path folder = is_model_folder(init) ? fs::path(init) : path.parent_path();
  return fs::exists(folder / "config.json", ignored) ? folder.string() : "";
}

std::optional<Origin> origin_of_init(const Config& config) {
  if (is_adapter_folder(config.model.init)) return origin_of_adapter(config.model.init);
  return origin_of_folder(folder_of_init(config));
}

// The weights of model.init are loaded over those of model.from, so what it says of them counts first.
std::optional<Origin> origin_of(const Config& config) {
  std::optional<Origin> from = origin_of_folder(is_model_folder(config.model.from) ? config.model.from : "");
  std::optional<Origin> init = origin_of_init(config);
  if (!from || !init) return from ? from : init;
  const bool is_adapter = is_adapter_folder(config.model.init);
  if (is_adapter) check_same_columns(*init, *from);
  const Preprocess& said = init->preprocess;
  const bool says = !said.columns.empty() || !said.mean.empty() || init->images;
  return says && !(is_adapter && from->images) ? init : from;
}

Scaling choose_scaling(const Config& config, const std::optional<Origin>& origin,
                       std::vector<std::string>& notes) {
  const std::string& wanted = config.data.standardize;
  const bool has_own = origin && (!origin->preprocess.mean.empty() || origin->images);
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
