#include "finetune/data/dataset.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "nn/io/sha256.h"

namespace thaw {
namespace {

template <class T>
std::vector<T> pick(const std::vector<T>& values, const std::vector<int64_t>& rows) {
  std::vector<T> out;
  if (values.empty()) return out;
  out.reserve(rows.size());
  for (int64_t row : rows) out.push_back(values[row]);
  return out;
}

}  // namespace

int64_t Dataset::sample_size() const {
  return std::accumulate(sample_shape.begin(), sample_shape.end(), int64_t{1}, std::multiplies<>());
}

std::vector<int64_t> Dataset::class_counts() const {
  std::vector<int64_t> counts(classes.size(), 0);
  for (int64_t c : label) ++counts[c];
  return counts;
}

Dataset Dataset::subset(const std::vector<int64_t>& rows) const {
  Dataset out;
  out.sample_shape = sample_shape;
  out.classes = classes;
  out.columns = columns;
  out.text = pick(text, rows);
  out.text_pair = pick(text_pair, rows);
  out.tokens = pick(tokens, rows);
  out.types = pick(types, rows);
  out.pad_id = pad_id;
  out.label = pick(label, rows);
  out.target = pick(target, rows);
  out.id = pick(id, rows);
  out.group = pick(group, rows);
  for (const KeptColumn& column : kept) out.kept.push_back({column.name, pick(column.cells, rows)});
  const int64_t width = sample_size();
  out.x.reserve(rows.size() * width);
  for (int64_t row : rows) out.x.insert(out.x.end(), sample(row), sample(row) + width);
  return out;
}

std::string content_hash(const Dataset& data) {
  Sha256 hash;
  hash.update(data.x.data(), data.x.size() * sizeof(float));
  for (const std::string& text : data.text) hash.update(text.c_str(), text.size() + 1);
  for (const std::string& text : data.text_pair) hash.update(text.c_str(), text.size() + 1);
  return hash.hex();
}

}  // namespace thaw
