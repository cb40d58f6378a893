#include "finetune/data/readers/labels.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/data/readers/transcripts.h"

namespace thaw {
namespace {

constexpr int64_t kUnknown = -1;
constexpr size_t kMostExponentDigits = 9;  // so that no sum of exponents overflows
constexpr int64_t kMostIntegerDigits = 19;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view take_digits(std::string_view& text) {
  const auto end = std::find_if_not(text.begin(), text.end(), is_digit);
  const std::string_view digits = text.substr(0, static_cast<size_t>(end - text.begin()));
  text.remove_prefix(digits.size());
  return digits;
}

bool take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text[0]) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

// "e" and an integer, which must be all of the text; 0 for an empty one.
std::optional<int64_t> parse_exponent(std::string_view text) {
  if (text.empty()) return 0;
  if (!take(text, "eE")) return std::nullopt;
  const bool negative = text.starts_with('-');
  take(text, "+-");
  if (text.empty() || text.size() > kMostExponentDigits) return std::nullopt;
  const std::string_view digits = take_digits(text);
  if (!text.empty()) return std::nullopt;
  int64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return negative ? -value : value;
}

// A decimal number as "-DIGITSeEXPONENT" without zeros at either end of the digits, exactly: two of them are
// equal texts if and only if they are equal numbers. Doubles would join long ids that differ.
std::optional<std::string> exact_number(std::string_view text) {
  const bool negative = text.starts_with('-');
  take(text, "+-");
  std::string digits(take_digits(text));
  size_t fraction = 0;
  if (take(text, ".")) {
    const std::string_view behind = take_digits(text);
    fraction = behind.size();
    digits += behind;
  }
  const std::optional<int64_t> exponent = parse_exponent(text);
  if (digits.empty() || !exponent) return std::nullopt;
  const size_t first = digits.find_first_not_of('0');
  if (first == std::string::npos) return "0";
  const size_t last = digits.find_last_not_of('0');
  const int64_t scale =
      *exponent - static_cast<int64_t>(fraction) + static_cast<int64_t>(digits.size() - 1 - last);
  return concat(negative ? "-" : "", digits.substr(first, last - first + 1), "e", scale);
}

// The integer that a label is; nothing for other numbers, for texts and beyond 64 bits.
std::optional<int64_t> integer_of(const std::string& label) {
  const std::optional<std::string> number = exact_number(trim(label));
  if (!number) return std::nullopt;
  std::string digits = number->substr(0, number->find('e'));
  const std::optional<int64_t> zeros = parse_exponent(number->substr(digits.size()));
  if (!zeros || *zeros < 0 || *zeros > kMostIntegerDigits) return std::nullopt;
  digits.append(static_cast<size_t>(*zeros), '0');
  int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return error == std::errc() ? std::optional(value) : std::nullopt;
}

void check_present(const std::vector<std::string>& labels, const LabelPlace& label_place) {
  const auto empty = std::find_if(labels.begin(), labels.end(),
                                  [](const std::string& label) { return trim(label).empty(); });
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
  std::unordered_map<std::string, int64_t> index;
  for (size_t i = 0; i < classes.size(); ++i) {
    if (!index.emplace(label_key(classes[i]), static_cast<int64_t>(i)).second) {
      fail_input("class ", in_quotes(classes[i]), " is listed twice (data.classes); list it once");
    }
  }
  std::vector<int64_t> out;
  out.reserve(labels.size());
  for (const std::string& label : labels) {
    const auto found = index.find(label_key(label));
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
  std::set<std::string> known;
  for (const std::string& label : labels) known.insert(label_key(label));
  for (const auto& [merged, parts] : source.merge) {
    for (const std::string& part : parts) {
      if (known.count(label_key(part)) > 0) continue;
      fail_input("no sample has the label ", in_quotes(part), " of the class ", in_quotes(merged), " (",
                 source.path, "); set data.merge to labels that the data have");
    }
  }
}

// Every label's class by source.merge; "", which no class has as its name, for labels in no list.
std::vector<std::string> merged_labels(const std::vector<std::string>& labels, const LabelMerge& merge) {
  std::unordered_map<std::string, std::string_view> class_of;
  for (const auto& [merged, parts] : merge) {
    for (const std::string& part : parts) class_of[label_key(part)] = merged;
  }
  std::vector<std::string> out;
  out.reserve(labels.size());
  for (const std::string& label : labels) {
    const auto found = class_of.find(label_key(label));
    out.emplace_back(found == class_of.end() ? std::string_view() : found->second);
  }
  return out;
}

std::vector<std::string> class_names(const std::vector<std::string>& labels, const DataSource& source) {
  if (!source.classes.empty()) return source.classes;
  if (source.merge.empty()) return ordered_labels(labels);
  std::vector<std::string> merged;
  for (const auto& [name, parts] : source.merge) merged.push_back(name);
  return ordered_labels(merged);
}

// `labels`: as the file has them.
Dataset without_unknown(Dataset data, const std::vector<std::string>& labels, const DataSource& source,
                        std::vector<std::string>& notes) {
  std::vector<int64_t> rows;
  std::vector<std::string> others;
  for (int64_t row = 0; row < data.size(); ++row) {
    if (data[row].label != kUnknown)
      rows.push_back(row);
    else
      others.push_back(labels[static_cast<size_t>(row)]);
  }
  if (rows.empty()) {
    fail_input("no sample is of the classes ", name_list(data.classes), " (", source.path,
               "); set data.classes or data.merge to labels that the data have");
  }
  if (others.empty()) return data;
  notes.push_back(
      concat(others.size(), " of ", data.size(), " samples are left out, with labels that are none of ",
             source.merge.empty() ? "data.classes" : "data.merge", ": ", name_list(ordered_labels(others))));
  return data.subset(rows);
}

void refuse_unknown(const Dataset& data, const std::vector<std::string>& labels,
                    const LabelPlace& label_place) {
  const auto unknown = std::find_if(data.samples.begin(), data.samples.end(),
                                    [](const Sample& sample) { return sample.label == kUnknown; });
  if (unknown == data.samples.end()) return;
  const int64_t row = unknown - data.samples.begin();
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

// Numbers that are spelt in several ways, which the user may not have known of.
void note_spellings(const std::vector<std::string>& labels, const std::vector<std::string>& classes,
                    const std::vector<int64_t>& of, std::vector<std::string>& notes) {
  std::map<int64_t, std::set<std::string>> spellings;
  for (size_t row = 0; row < labels.size(); ++row)
    if (of[row] != kUnknown) spellings[of[row]].emplace(trim(labels[row]));
  for (const auto& [index, names] : spellings) {
    if (names.size() < 2) continue;
    notes.push_back(concat("the labels ", name_list({names.begin(), names.end()}), " are one class, ",
                           in_quotes(classes[static_cast<size_t>(index)])));
  }
}

}  // namespace

std::string label_key(std::string_view label) {
  const std::string_view trimmed = trim(label);
  return exact_number(trimmed).value_or(std::string(trimmed));
}

std::string group_key(std::string_view group) {
  const std::string trimmed(trim(group));
  const bool has_exponent = trimmed.find_first_of("eE") != std::string::npos;
  const std::optional<int64_t> integer = has_exponent ? std::nullopt : integer_of(trimmed);
  return integer ? concat(*integer) : trimmed;
}

std::vector<std::string> ordered_labels(const std::vector<std::string>& labels) {
  const auto is_simpler = [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  };
  std::map<std::string, std::string> spelling;  // by key
  for (const std::string& label : labels) {
    std::string trimmed(trim(label));
    const auto [found, is_new] = spelling.emplace(label_key(label), trimmed);
    if (!is_new && is_simpler(trimmed, found->second)) found->second = std::move(trimmed);
  }
  std::vector<std::string> classes;
  classes.reserve(spelling.size());
  for (auto& [key, name] : spelling) classes.push_back(std::move(name));
  std::sort(classes.begin(), classes.end());
  const auto is_integer = [](const std::string& text) { return integer_of(text).has_value(); };
  if (std::all_of(classes.begin(), classes.end(), is_integer)) {
    std::stable_sort(classes.begin(), classes.end(), [](const std::string& a, const std::string& b) {
      return *integer_of(a) < *integer_of(b);
    });
  }
  return classes;
}

std::optional<std::pair<std::string, std::string>> find_same_labels(const std::vector<std::string>& labels) {
  std::unordered_map<std::string, std::string> label_of;  // by key
  for (const std::string& label : labels) {
    const auto [earlier, is_new] = label_of.emplace(label_key(label), label);
    if (!is_new) return std::pair(earlier->second, label);
  }
  return std::nullopt;
}

std::vector<std::string> numbered_labels(const std::vector<std::string>& classes, int64_t rows) {
  constexpr std::string_view kUnnamed = "LABEL_";
  std::vector<std::string> labels;
  for (int64_t row = 0; row < rows; ++row) labels.push_back(concat(kUnnamed, row));
  std::vector<bool> taken(labels.size(), false);
  bool all_unnamed = true;
  for (const std::string& name : classes) {
    const std::string_view trimmed = trim(name);
    const bool is_unnamed = trimmed.starts_with(kUnnamed);
    const std::optional<int64_t> row =
        integer_of(std::string(is_unnamed ? trimmed.substr(kUnnamed.size()) : trimmed));
    all_unnamed &= is_unnamed;
    if (!row || *row < 0 || *row >= rows || taken[static_cast<size_t>(*row)]) return {};
    labels[static_cast<size_t>(*row)] = name;
    taken[static_cast<size_t>(*row)] = true;
  }
  // Numbers without 0 may count from 1.
  const bool is_clear = !classes.empty() && (all_unnamed || taken.front());
  return is_clear ? labels : std::vector<std::string>{};
}

std::optional<std::vector<int64_t>> places_of_labels(const std::vector<std::string>& wanted,
                                                     const std::vector<std::string>& known) {
  std::unordered_map<std::string, int64_t> place;
  for (size_t i = 0; i < known.size(); ++i) place.emplace(label_key(known[i]), static_cast<int64_t>(i));
  std::vector<int64_t> places;
  for (const std::string& label : wanted) {
    const auto found = place.find(label_key(label));
    if (found == place.end()) return std::nullopt;
    places.push_back(found->second);
  }
  return places;
}

Dataset with_labels(Dataset data, std::vector<std::string> labels, const DataSource& source,
                    const LabelPlace& label_place) {
  check_present(labels, label_place);
  std::vector<std::string> notes = std::move(data.notes);  // subsets have none
  if (!source.rows.empty()) keep_rows(data, labels, source);
  const LabelPlace place_of = [&](int64_t row) { return label_place(data[row].id); };
  data.targets = source.targets;
  if (source.targets == Targets::numbers) {
    const std::vector<double> targets = parse_targets(labels, place_of);
    for (size_t row = 0; row < targets.size(); ++row) data.samples[row].target = targets[row];
    data.notes = std::move(notes);
    return data;
  }
  if (source.targets == Targets::transcripts) {
    data.notes = std::move(notes);
    give_transcripts(data, labels, source);
    return data;
  }
  if (!source.merge.empty() && source.require_every_class) check_merged_labels(labels, source);
  std::vector<std::string> merged;
  if (!source.merge.empty()) merged = merged_labels(labels, source.merge);
  const std::vector<std::string>& named = source.merge.empty() ? labels : merged;
  data.classes = class_names(named, source);
  const std::vector<int64_t> indices = class_indices(named, data.classes);
  for (size_t row = 0; row < indices.size(); ++row) data.samples[row].label = indices[row];
  if (source.merge.empty()) note_spellings(labels, data.classes, indices, notes);
  if (source.drop_other_classes || !source.merge.empty()) {
    data = without_unknown(std::move(data), labels, source, notes);
  } else {
    refuse_unknown(data, labels, place_of);
  }
  if (source.require_every_class) refuse_empty_classes(data, source);
  data.notes = std::move(notes);
  return data;
}

}  // namespace thaw
