// Data sets in a line, and what they hold as vectors.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "finetune/data/numbers.h"
#include "finetune/data/texts.h"

namespace thaw::test {

// Samples without an input.
inline Dataset make_samples(std::int64_t count) {
  Dataset data;
  for (std::int64_t i = 0; i < count; ++i) data.samples.push_back({.id = i});
  return data;
}

inline void set_labels(Dataset& data, const std::vector<std::int64_t>& labels) {
  data.targets = Targets::classes;
  for (std::size_t i = 0; i < labels.size(); ++i) data.samples[i].label = labels[i];
}
inline void set_targets(Dataset& data, const std::vector<double>& targets) {
  data.targets = Targets::numbers;
  for (std::size_t i = 0; i < targets.size(); ++i) data.samples[i].target = targets[i];
}

inline void make_targets_of_labels(Dataset& data) {
  data.targets = Targets::numbers;
  for (Sample& sample : data.samples) sample.target = static_cast<double>(std::exchange(sample.label, 0));
}

inline Dataset labelled_samples(const std::vector<std::int64_t>& labels) {
  Dataset data = make_samples(static_cast<std::int64_t>(labels.size()));
  set_labels(data, labels);
  return data;
}
inline Dataset target_samples(const std::vector<double>& targets) {
  Dataset data = make_samples(static_cast<std::int64_t>(targets.size()));
  set_targets(data, targets);
  return data;
}

inline Dataset number_samples(std::vector<std::int64_t> shape, std::vector<float> values) {
  const auto numbers = std::make_shared<const Numbers>(std::move(shape), std::move(values));
  Dataset data = make_samples(numbers->size());
  data.inputs = numbers;
  return data;
}
inline Dataset text_samples(std::vector<Text> texts) {
  Dataset data = make_samples(static_cast<std::int64_t>(texts.size()));
  data.inputs = std::make_shared<const Texts>(std::move(texts));
  return data;
}

inline const std::vector<float>& values_of(const Dataset& data) { return numbers_of(data).values; }
// change(values) takes them by reference.
template <class Change>
void change_values(Dataset& data, Change change) {
  auto numbers = std::make_shared<Numbers>(numbers_of(data));
  change(numbers->values);
  data.inputs = std::move(numbers);
}

inline void set_values(Dataset& data, const std::vector<float>& to) {
  change_values(data, [&](std::vector<float>& values) { values = to; });
}
inline void set_value(Dataset& data, std::size_t place, float to) {
  change_values(data, [&](std::vector<float>& values) { values[place] = to; });
}

inline std::vector<std::int64_t> ids_of(const Dataset& data) {
  std::vector<std::int64_t> ids;
  for (const Sample& sample : data.samples) ids.push_back(sample.id);
  return ids;
}
inline std::vector<std::string> groups_of(const Dataset& data) {
  std::vector<std::string> groups;
  for (const Sample& sample : data.samples) groups.push_back(sample.group);
  return groups;
}
inline std::vector<std::string> first_texts(const Dataset& data) {
  std::vector<std::string> texts;
  for (const Text& text : texts_of(data).texts) texts.push_back(text.first);
  return texts;
}

}  // namespace thaw::test
