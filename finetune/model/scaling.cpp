#include "finetune/model/scaling.h"

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/task/task.h"

namespace thaw {
namespace {

// What is to be scaled.
struct Scaled {
  const char* key;
  const char* what;
  Standardize wanted;
  bool has_own;   // the starting model came with a mean and deviation
  bool is_usual;  // of which nothing need be said
};

Scaling choose(const Scaled& scaled, const Config& config, const std::optional<Origin>& origin,
               std::vector<std::string>& notes) {
  const auto& [key, what, wanted, has_own, is_usual] = scaled;
  if (wanted == Standardize::model && !has_own)
    fail_input(key, " = \"model\", and ",
               origin ? concat("the model has no mean and deviation (", origin->path, ")")
                      : "there is no starting model that has a mean and deviation",
               "; write \"train\", or leave it out");
  if (wanted == Standardize::never) {
    if (has_own && !is_usual)
      notes.push_back(concat("warning: the model was trained on standardised ", what, " (", origin->path,
                             "), and ", key, " = false gives it others"));
    return Scaling::none;
  }
  if (wanted == Standardize::train || (wanted == Standardize::where_known && !has_own)) {
    if (has_own && !is_usual)
      notes.push_back(concat(what, " are standardised by the new training data (", key, " = ",
                             in_quotes(name_of(wanted)), "), not by the mean and deviation of ",
                             origin->path));
    else if (origin && !has_own && config.model.pretrained)
      notes.push_back(concat("warning: the model was trained on ", what, " as they are (", origin->path,
                             "), and ", key, " gives it others"));
    return Scaling::training;
  }
  if (!has_own) return Scaling::none;
  if (!is_usual)
    notes.push_back(concat(what, " are standardised by the model's own mean and deviation (", origin->path,
                           "); ", key, " = \"train\" takes those of the training data"));
  return Scaling::model;
}

}  // namespace

Scaling choose_scaling(const Config& config, const std::optional<Origin>& origin,
                       std::vector<std::string>& notes) {
  const bool is_images = origin && origin->images;
  const bool has_own = origin && (!origin->preprocess.mean.empty() || is_images);
  return choose({"data.standardize", "values", config.data.standardize, has_own, is_images}, config, origin,
                notes);
}

Scaling choose_target_scaling(const Config& config, const std::optional<Origin>& origin,
                              std::vector<std::string>& notes) {
  const Standardize wanted = config.data.standardize_target;
  if (find_task(config.data.task).targets() != Targets::numbers) {
    if (wanted != Standardize::unset && wanted != Standardize::never)
      fail_input("data.standardize_target is for regression, the task is ", config.data.task, " (",
                 config.path, "); leave it out");
    return Scaling::none;
  }
  const bool has_own = origin && origin->preprocess.target_scale != TargetScale();
  return choose({"data.standardize_target", "targets", wanted, has_own, false}, config, origin, notes);
}

}  // namespace thaw
