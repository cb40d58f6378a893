#include "finetune/run/fit_preprocess.h"

#include "finetune/common/text.h"
#include "finetune/common/units.h"
#include "finetune/data/cells.h"
#include "finetune/data/standardize.h"

namespace thaw {
namespace {

// Mean and deviation of fewer are rough: that of 50 is off by a tenth.
constexpr std::int64_t kFewRows = 50;

void encode_columns(const Config& config, PreparedData& data) {
  if (find_cells(data.train) == nullptr) return;
  TableEncoding& encoding = data.preprocess.encoding;
  if (encoding.empty()) encoding = TableEncoding::fit(data.train, config.data.missing == Missing::median);
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

void fit_preprocess(const Config& config, PreparedData& data) {
  encode_columns(config, data);
  standardize_parts(data);
  scale_targets_of_parts(data);
}

}  // namespace thaw
