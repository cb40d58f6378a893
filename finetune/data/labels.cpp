#include "finetune/data/labels.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
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

Dataset without_unknown(Dataset data, const DataSource& source) {
  std::vector<int64_t> rows;
  for (int64_t row = 0; row < data.size(); ++row) {
    if (data.label[row] != kUnknown) rows.push_back(row);
  }
  if (rows.empty()) {
    fail_input("no sample is of the classes ", name_list(data.classes), " (", source.path,
               "); set data.classes to labels that the data have");
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

Dataset with_labels(Dataset data, const std::vector<std::string>& labels, const DataSource& source,
                    const LabelPlace& label_place) {
  check_present(labels, label_place);
  if (source.task == Task::kRegression) {
    data.target = parse_targets(labels, label_place);
    return data;
  }
  data.classes = source.classes.empty() ? ordered_classes(labels) : source.classes;
  data.label = class_indices(labels, data.classes);
  if (source.drop_other_classes) {
    data = without_unknown(std::move(data), source);
  } else {
    refuse_unknown(data, labels, label_place);
  }
  if (source.require_every_class) refuse_empty_classes(data, source);
  return data;
}

}  // namespace thaw
