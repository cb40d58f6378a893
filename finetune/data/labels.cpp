#include "finetune/data/labels.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "core/error.h"
#include "finetune/data/text.h"

namespace thaw {
namespace {

constexpr int64_t kUnknown = -1;

std::optional<int64_t> parse_integer(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The distinct labels: in numeric order if every one is an integer, else by bytes.
std::vector<std::string> ordered_classes(std::vector<std::string> labels) {
  std::sort(labels.begin(), labels.end());
  labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
  const auto is_integer = [](const std::string& text) { return parse_integer(text).has_value(); };
  if (std::all_of(labels.begin(), labels.end(), is_integer)) {
    std::stable_sort(labels.begin(), labels.end(), [](const std::string& a, const std::string& b) {
      return *parse_integer(a) < *parse_integer(b);
    });
  }
  return labels;
}

void check_present(const std::vector<std::string>& labels, const LabelPlace& label_place) {
  const auto empty = std::find(labels.begin(), labels.end(), "");
  if (empty == labels.end()) return;
  fail_input("the label is missing (", label_place(empty - labels.begin()),
             "); fill it in or remove the row");
}

std::vector<double> parse_targets(const std::vector<std::string>& labels, const LabelPlace& label_place) {
  std::vector<double> targets;
  targets.reserve(labels.size());
  for (size_t row = 0; row < labels.size(); ++row) {
    const std::optional<double> value = parse_number(labels[row]);
    if (!value || !std::isfinite(static_cast<float>(*value))) {
      fail_input("the label ", in_quotes(labels[row]), " is not a finite number (",
                 label_place(static_cast<int64_t>(row)), "); mend it, or set data.task = \"classification\"");
    }
    targets.push_back(*value);
  }
  return targets;
}

// The class of every label, kUnknown for one that is not listed.
std::vector<int64_t> class_indices(const std::vector<std::string>& labels,
                                   const std::vector<std::string>& classes) {
  std::unordered_map<std::string_view, int64_t> index;
  for (size_t i = 0; i < classes.size(); ++i) {
    if (!index.emplace(classes[i], static_cast<int64_t>(i)).second) {
      fail_input("class ", in_quotes(classes[i]), " is listed twice (data.classes); list it once");
    }
  }
  std::vector<int64_t> out;
  out.reserve(labels.size());
  for (const std::string& label : labels) {
    const auto found = index.find(label);
    out.push_back(found == index.end() ? kUnknown : found->second);
  }
  return out;
}

// Only the samples that data.rows names, and their labels.
void keep_rows(Dataset& data, std::vector<std::string>& labels, const DataSource& source) {
  const int64_t first = source.rows[0], end = source.rows[1];
  if (end > data.size()) {
    fail_input("data.rows ends at ", end, ", but there are ", data.size(), " samples (", source.path,
               "); set an end of at most ", data.size());
  }
  std::vector<int64_t> rows(end - first);
  std::iota(rows.begin(), rows.end(), first);
  data = data.subset(rows);
  labels = {labels.begin() + first, labels.begin() + end};
}

void check_merged_labels(const std::vector<std::string>& labels, const DataSource& source) {
  const std::set<std::string_view> known(labels.begin(), labels.end());
  for (const auto& [merged, parts] : source.merge) {
    for (const std::string& part : parts) {
      if (known.count(part) > 0) continue;
      fail_input("no sample has the label ", in_quotes(part), " of the class ", in_quotes(merged), " (",
                 source.path, "); set data.merge to labels that the data have");
    }
  }
}

// Every label's class by source.merge; "", which no class has as its name, for labels in no list.
std::vector<std::string> merged_labels(const std::vector<std::string>& labels, const LabelMerge& merge) {
  std::unordered_map<std::string_view, std::string_view> class_of;
  for (const auto& [merged, parts] : merge) {
    for (const std::string& part : parts) class_of[part] = merged;
  }
  std::vector<std::string> out;
  out.reserve(labels.size());
  for (const std::string& label : labels) {
    const auto found = class_of.find(label);
    out.emplace_back(found == class_of.end() ? std::string_view() : found->second);
  }
  return out;
}

std::vector<std::string> class_names(const std::vector<std::string>& labels, const DataSource& source) {
  if (!source.classes.empty()) return source.classes;
  if (source.merge.empty()) return ordered_classes(labels);
  std::vector<std::string> merged;
  for (const auto& [name, parts] : source.merge) merged.push_back(name);
  return ordered_classes(merged);
}

Dataset without_unknown(Dataset data, const DataSource& source) {
  std::vector<int64_t> rows;
  for (int64_t row = 0; row < data.size(); ++row) {
    if (data.label[row] != kUnknown) rows.push_back(row);
  }
  if (rows.empty()) {
    fail_input("no sample is of the classes ", name_list(data.classes), " (", source.path,
               "); set data.classes or data.merge to labels that the data have");
  }
  return static_cast<int64_t>(rows.size()) == data.size() ? std::move(data) : data.subset(rows);
}

void refuse_unknown(const Dataset& data, const std::vector<std::string>& labels,
                    const LabelPlace& label_place) {
  const auto unknown = std::find(data.label.begin(), data.label.end(), kUnknown);
  if (unknown == data.label.end()) return;
  const int64_t row = unknown - data.label.begin();
  fail_input("unknown class ", in_quotes(labels[row]), " (", label_place(row),
             "); the classes are: ", name_list(data.classes));
}

void refuse_empty_classes(const Dataset& data, const DataSource& source) {
  const std::vector<int64_t> counts = data.class_counts();
  const auto empty = std::find(counts.begin(), counts.end(), 0);
  if (empty == counts.end()) return;
  fail_input("class ", in_quotes(data.classes[empty - counts.begin()]), " has no sample (", source.path,
             "); set data.classes to labels that the data have");
}

}  // namespace

Dataset with_labels(Dataset data, std::vector<std::string> labels, const DataSource& source,
                    const LabelPlace& label_place) {
  check_present(labels, label_place);
  if (!source.rows.empty()) keep_rows(data, labels, source);
  const LabelPlace place_of = [&](int64_t row) { return label_place(data.id[row]); };
  if (source.task == Task::kRegression) {
    data.target = parse_targets(labels, place_of);
    return data;
  }
  if (!source.merge.empty()) {
    if (source.require_every_class) check_merged_labels(labels, source);
    labels = merged_labels(labels, source.merge);
  }
  data.classes = class_names(labels, source);
  data.label = class_indices(labels, data.classes);
  if (source.drop_other_classes || !source.merge.empty()) {
    data = without_unknown(std::move(data), source);
  } else {
    refuse_unknown(data, labels, place_of);
  }
  if (source.require_every_class) refuse_empty_classes(data, source);
  return data;
}

}  // namespace thaw
