#include "finetune/data/dataset.h"

namespace thaw {

std::vector<std::int64_t> Dataset::sample_shape() const {
  return inputs == nullptr ? std::vector<std::int64_t>{} : inputs->sample_shape();
}

std::vector<std::int64_t> Dataset::labels() const {
  std::vector<std::int64_t> labels;
  labels.reserve(samples.size());
  for (const Sample& sample : samples) labels.push_back(sample.label);
  return labels;
}

std::vector<double> Dataset::target_values() const {
  std::vector<double> values;
  values.reserve(samples.size());
  for (const Sample& sample : samples) values.push_back(sample.target);
  return values;
}

std::vector<std::int64_t> Dataset::class_counts() const {
  std::vector<std::int64_t> counts(classes.size(), 0);
  if (targets != Targets::classes) return counts;
  for (const Sample& sample : samples) ++counts[static_cast<std::size_t>(sample.label)];
  return counts;
}

Dataset Dataset::subset(const std::vector<std::int64_t>& rows) const {
  Dataset out;
  out.targets = targets;
  out.classes = classes;
  out.columns = columns;
  out.kept_columns = kept_columns;
  out.samples.reserve(rows.size());
  for (const std::int64_t row : rows) out.samples.push_back((*this)[row]);
  if (inputs != nullptr && !rows.empty()) out.inputs = inputs->subset(rows);
  return out;
}

std::string content_hash(const Dataset& data) {
  Sha256 hash;
  if (data.inputs != nullptr) data.inputs->hash_source(hash);
  return hash.hex();
}

}  // namespace thaw
