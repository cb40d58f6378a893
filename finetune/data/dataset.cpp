#include "finetune/data/dataset.h"

#include <cassert>

#include "nn/io/sha256.h"

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
  if (targets != Targets::classes) return {};
  std::vector<std::int64_t> counts(classes.size(), 0);
  for (const Sample& sample : samples) ++counts[static_cast<std::size_t>(sample.label)];
  return counts;
}

std::set<std::string> Dataset::groups() const {
  std::set<std::string> names;
  for (const Sample& sample : samples)
    if (!sample.group.empty()) names.insert(sample.group);
  return names;
}

Dataset Dataset::subset(const std::vector<std::int64_t>& rows) const {
  Dataset out;
  out.targets = targets;
  out.target_scale = target_scale;
  out.classes = classes;
  out.dictation = dictation;
  out.columns = columns;
  out.kept_columns = kept_columns;
  out.samples.reserve(rows.size());
  for (const std::int64_t row : rows) out.samples.push_back((*this)[row]);
  assert(inputs == nullptr || inputs->size() == size());
  if (inputs != nullptr && !rows.empty()) out.inputs = inputs->subset(rows);
  return out;
}

void hash_answers(const Dataset& data, Sha256& hash) {
  for (const Sample& sample : data.samples) {
    if (data.targets == Targets::classes) hash.update(&sample.label, sizeof sample.label);
    if (data.targets == Targets::numbers) hash.update(&sample.target, sizeof sample.target);
    if (data.targets == Targets::transcripts)
      hash.update(sample.transcript.c_str(), sample.transcript.size() + 1);
  }
}

std::string content_hash(const Dataset& data) {
  Sha256 hash;
  if (data.inputs != nullptr) data.inputs->hash_source(hash);
  return hash.hex();
}

}  // namespace thaw
