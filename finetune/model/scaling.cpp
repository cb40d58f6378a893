#include "finetune/model/scaling.h"

#include "core/error.h"
#include "finetune/common/text.h"

namespace thaw {

Scaling choose_scaling(const Config& config, const std::optional<Origin>& origin,
                       std::vector<std::string>& notes) {
  const Standardize wanted = config.data.standardize;
  const bool has_own = origin && (!origin->preprocess.mean.empty() || origin->images);
  if (wanted == Standardize::model && !has_own)
    fail_input("data.standardize = \"model\", and ",
               origin ? concat("the model has no mean and deviation (", origin->path, ")")
                      : "there is no starting model that has a mean and deviation",
               "; write \"train\", or leave it out");
  if (wanted == Standardize::never) {
    if (has_own && !origin->images)
      notes.push_back(concat("warning: the model was trained on standardised values (", origin->path,
                             "), and data.standardize = false gives it others"));
    return Scaling::none;
  }
  if (wanted == Standardize::train || (wanted == Standardize::where_known && !has_own)) {
    if (has_own && !origin->images)
      notes.push_back(concat(
          "values are standardised by the new training data (data.standardize = ", in_quotes(name_of(wanted)),
          "), not by the mean and deviation of ", origin->path));
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
