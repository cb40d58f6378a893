#include "finetune/run/fit_preprocess.h"

#include "finetune/common/text.h"
#include "finetune/common/units.h"
#include "finetune/data/cells.h"
#include "finetune/data/numbers.h"
#include "finetune/data/pictures.h"
#include "finetune/data/sounds.h"
#include "finetune/data/standardize.h"
#include "finetune/model/scaling.h"

namespace thaw {
namespace {

// Mean and deviation of fewer are rough: that of 50 is off by a tenth.
constexpr std::int64_t kFewRows = 50;

// How values will be scaled.
void use_scaling(const Config& config, const ModelSource& source, PreparedData& data) {
  const Standardize wanted = config.data.standardize;
  const bool are_pictures = find_pictures(data.train) != nullptr;
  if (find_numbers(data.train) == nullptr && find_cells(data.train) == nullptr && !are_pictures) {
    if (wanted != Standardize::unset && wanted != Standardize::never)
      fail_input("data.standardize is for tables and images, the model takes ",
                 find_sounds(data.train) != nullptr ? "sound" : "text", " (", config.path, "); leave it out");
    return;
  }
  const std::optional<Origin> origin = source.origin();
  // Samples of another shape are refused when the model is made.
  if (!are_pictures && origin && origin->images && source.folder &&
      !takes_shape(source.folder->config, data.train.sample_shape()))
    return;
  data.scaling = choose_scaling(config, origin, data.notes);
  const bool from_model = data.scaling == Scaling::model;
  if (origin && origin->images)
    for (const std::string& note : notes_of(*origin->images, from_model, are_pictures))
      data.notes.push_back(note);
  if (!from_model) return;
  const auto of_images = [&](const ImageInput& images) {
    return are_pictures ? Standardizer{images.mean, images.deviation}
                        : normalization_of(images, data.train.sample_shape());
  };
  const Standardizer standardizer = origin->images
                                        ? of_images(*origin->images)
                                        : Standardizer{origin->preprocess.mean, origin->preprocess.deviation};
  data.preprocess.mean = standardizer.mean;
  data.preprocess.deviation = standardizer.deviation;
}

// How columns will become features, where the starting model says it; else that the training rows can say it.
void use_encoding(const Config& config, const ModelSource& source, PreparedData& data) {
  const std::optional<Origin> origin = source.origin();
  const bool has_columns = origin && !origin->preprocess.columns.empty();
  if (has_columns && (!config.data.categories.empty() || config.data.missing != Missing::refuse))
    data.notes.push_back(concat("the columns are read as the model knows them (", origin->path,
                                "): data.categories and data.missing are for a model without columns"));
  if (find_cells(data.train) == nullptr) return;
  if (has_columns)
    data.preprocess.encoding = origin->preprocess.encoding;
  else
    for (std::string& warning :
         check_encodable(data.train, static_cast<std::size_t>(config.data.max_categories), config.data.train))
      data.notes.push_back(std::move(warning));
}

void encode_columns(const Config& config, PreparedData& data) {
  if (find_cells(data.train) == nullptr) return;
  TableEncoding& encoding = data.preprocess.encoding;
  if (encoding.empty()) {
    encoding = TableEncoding::fit(data.train, config.data.missing == Missing::median);
    if (const auto names = encoding.without_values(); !names.empty())
      data.notes.push_back(concat(
          "warning: of these columns no row has a value that was drawn for training: ", name_list(names),
          "; whether it is missing is all that is a feature"));
  }
  encoding.apply(data.train, "training", data.notes);
  encoding.apply(data.validation.edit(), "validation", data.notes);
  encoding.apply(data.test.edit(), "test", data.notes);
  for (ShiftedData& shifted : data.shifted) encoding.apply(shifted.data.edit(), shifted.name, data.notes);
  data.preprocess.sample_shape = data.train.sample_shape();
  data.notes.push_back(concat(encoding.columns.size(), " columns become ", data.train.columns.size(),
                              " features: ", name_list(data.train.columns)));
}

// The same of their mean and deviation.
void standardize_parts(PreparedData& data) {
  Standardizer standardizer{data.preprocess.mean, data.preprocess.deviation};
  if (data.scaling == Scaling::training) {
    standardizer = Standardizer::fit(data.train);
    data.preprocess.encoding.keep_flags(standardizer);
    if (data.train.size() < kFewRows)
      data.notes.push_back(concat("warning: mean and deviation are those of ", data.train.size(),
                                  " rows, and of fewer than ", kFewRows, " they are rough"));
  }
  if (standardizer.mean.empty()) return;
  for (Dataset* part : parts_of(data))
    if (part->size() > 0) standardizer.apply(*part);
  data.preprocess.mean = standardizer.mean;
  data.preprocess.deviation = standardizer.deviation;
}

// And of the targets'.
void scale_targets_of_parts(PreparedData& data) {
  if (data.target_scaling == Scaling::none) return;
  TargetScale& scale = data.preprocess.target_scale;
  if (data.target_scaling == Scaling::training) scale = fit_target_scale(data.train);
  for (Dataset* part : parts_of(data)) scale_targets(scale, *part);
  data.notes.push_back(concat("the network learns (target - ", short_number(scale.mean), ") / ",
                              short_number(scale.deviation),
                              "; losses and metrics are in the target's own unit"));
}

}  // namespace

void choose_preprocess(const Config& config, const ModelSource& source, PreparedData& data) {
  use_encoding(config, source, data);
  use_scaling(config, source, data);
}

void fit_preprocess(const Config& config, PreparedData& data) {
  encode_columns(config, data);
  standardize_parts(data);
  scale_targets_of_parts(data);
}

}  // namespace thaw
