#include "finetune/preprocess/column_encoding.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/data/numbers.h"
#include "finetune/data/readers/input_file.h"
#include "finetune/data/readers/labels.h"

namespace thaw {
namespace {

// Fewer words may be all different by chance.
constexpr std::int64_t kLeastWords = 20;
constexpr double kNearlyAll = 0.9;
constexpr char kDateSigns[] = {'-', '/', '.'};

// What a column of the cells holds, missing values aside.
std::vector<float> values_of(const Cells& cells, std::size_t column) {
  std::vector<float> values;
  for (std::int64_t row = 0; row < cells.size(); ++row)
    if (const float value = cells.row(row)[column]; !std::isnan(value)) values.push_back(value);
  return values;
}

// Of an even number of values the mean of the two in the middle; 0 of none.
double median_of(std::vector<float> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  const double upper = values[half];
  return values.size() % 2 == 1 ? upper : (values[half - 1] + upper) / 2;
}

std::vector<std::string> words_in(const Cells& cells, std::size_t column) {
  std::set<float> places;
  for (const float place : values_of(cells, column)) places.insert(place);
  std::vector<std::string> words;
  words.reserve(places.size());
  for (const float place : places)
    words.push_back(cells.columns[column].words[static_cast<std::size_t>(place)]);
  return words;
}

// "2024-05-31", "31.5.2024", "5/31/24 12:30": digits, and at least two of one sign between them.
bool looks_like_date(const std::string& word) {
  if (word.find_first_not_of("0123456789-/.:TZ+ ") != std::string::npos) return false;
  return std::any_of(std::begin(kDateSigns), std::end(kDateSigns), [&](char sign) {
    return std::count(word.begin(), word.end(), sign) == 2 && word.front() != sign && word.back() != sign;
  });
}

std::vector<std::string> features_of(const ColumnEncoding& encoding) {
  std::vector<std::string> names;
  if (encoding.kind != ColumnKind::category) names.push_back(encoding.column);
  for (const std::string& category : encoding.categories)
    names.push_back(concat(encoding.column, '=', category));
  if (encoding.marks_missing) names.push_back(encoding.column + " is missing");
  return names;
}

// Writes the features of one column, from the `at`-th of each row on, and counts what no training row had.
class ColumnEncoder {
 public:
  ColumnEncoder(const ColumnEncoding& encoding, const Cells& cells, std::size_t column)
      : encoding_(encoding), cells_(cells), column_(column) {
    std::unordered_map<std::string, std::size_t> known;
    for (std::size_t i = 0; i < encoding.categories.size(); ++i)
      known.emplace(label_key(encoding.categories[i]), i);
    for (const std::string& word : cells.columns[column].words) {
      const auto found = known.find(label_key(word));
      places_.push_back(found == known.end() ? kOther : found->second);
    }
  }

  void write(std::int64_t row, float* features) {
    const float value = cells_.row(row)[column_];
    const bool missing = std::isnan(value);
    if (encoding_.kind != ColumnKind::category)
      *features = missing ? static_cast<float>(encoding_.median) : value;
    else if (!missing)
      write_category(static_cast<std::size_t>(value), features);
    if (missing && encoding_.marks_missing) features[width() - 1] = 1;
    missing_ += missing ? 1 : 0;
  }

  std::size_t width() const {
    return (encoding_.kind == ColumnKind::category ? encoding_.categories.size() : 1) +
           (encoding_.marks_missing ? 1 : 0);
  }

  void note(const std::string& what, std::vector<std::string>& notes) const {
    if (others_ > 0)
      notes.push_back(concat("warning: ", what, ": ", others_, others_ == 1 ? " cell of " : " cells of ",
                             in_quotes(encoding_.column), " with words that no training row has (first: ",
                             in_quotes(first_other_), "): none of its categories"));
    if (missing_ > 0 && !encoding_.marks_missing)
      notes.push_back(concat(
          "warning: ", what, ": ", missing_, missing_ == 1 ? " cell of " : " cells of ",
          in_quotes(encoding_.column), missing_ == 1 ? " is" : " are", " missing, as in no training row: ",
          encoding_.kind == ColumnKind::category ? "none of its categories" : "the median stands for it"));
  }

 private:
  static constexpr std::size_t kOther = ~std::size_t{0};

  void write_category(std::size_t word, float* features) {
    if (places_[word] != kOther) {
      features[places_[word]] = 1;
      return;
    }
    if (others_++ == 0) first_other_ = cells_.columns[column_].words[word];
  }

  const ColumnEncoding& encoding_;
  const Cells& cells_;
  std::size_t column_;
  std::vector<std::size_t> places_;  // of each word its category
  std::int64_t others_ = 0, missing_ = 0;
  std::string first_other_;
};

[[noreturn]] void refuse_column(const std::string& name, const std::string& what, const std::string& path,
                                const std::string& more = "") {
  fail_input("the column ", in_quotes(name), ' ', what, " (", path, "); leave it out with data.ignore = [",
             in_quotes(name), "]", more);
}

void check_categories(const std::string& name, std::size_t words, std::size_t cells, std::size_t most,
                      const std::string& path) {
  const double share = static_cast<double>(words) / static_cast<double>(std::max<std::size_t>(cells, 1));
  if (static_cast<std::int64_t>(cells) >= kLeastWords && share > kNearlyAll)
    refuse_column(name,
                  concat("has ", words, " different words in ", cells,
                         " rows, as names, dates and numbers of rows do: "
                         "they are no categories"),
                  path);
  if (words > most)
    refuse_column(name, concat("has ", words, " categories, more than data.max_categories = ", most), path,
                  ", or raise the limit");
}

void check_names(const TableEncoding& encoding, const std::string& path) {
  std::map<std::string, std::string> column_of;
  for (const ColumnEncoding& column : encoding.columns)
    for (const std::string& feature : features_of(column)) {
      const auto [other, is_new] = column_of.emplace(feature, column.column);
      if (!is_new)
        fail_input("two features would be called ", in_quotes(feature), ", of the columns ",
                   in_quotes(other->second), " and ", in_quotes(column.column), " (", path,
                   "); rename one of these");
    }
}

}  // namespace

std::vector<ColumnKind> TableEncoding::kinds() const {
  std::vector<ColumnKind> kinds;
  for (const ColumnEncoding& column : columns) kinds.push_back(column.kind);
  return kinds;
}

void TableEncoding::choose_kinds(DataSource& source) const {
  source.kinds = kinds();
  source.takes_missing = takes_missing;
  source.categories.clear();
}

std::vector<std::string> TableEncoding::features() const {
  std::vector<std::string> names;
  for (const ColumnEncoding& column : columns)
    for (std::string& name : features_of(column)) names.push_back(std::move(name));
  return names;
}

TableEncoding TableEncoding::fit(const Dataset& training, bool takes_missing) {
  const Cells& cells = cells_of(training);
  TableEncoding encoding{{}, takes_missing};
  for (std::size_t c = 0; c < cells.columns.size(); ++c) {
    ColumnEncoding& column = encoding.columns.emplace_back();
    column.column = training.columns[c];
    column.kind = cells.columns[c].kind;
    const std::vector<float> values = values_of(cells, c);
    column.marks_missing = static_cast<std::int64_t>(values.size()) < cells.size();
    // Weights of what no row has would stay as they were drawn.
    if (values.empty()) column.kind = ColumnKind::category;
    if (column.kind == ColumnKind::category)
      column.categories = ordered_labels(words_in(cells, c));
    else if (takes_missing)
      column.median = median_of(values);
  }
  return encoding;
}

std::vector<std::string> TableEncoding::without_values() const {
  std::vector<std::string> names;
  for (const ColumnEncoding& column : columns)
    if (column.kind == ColumnKind::category && column.categories.empty()) names.push_back(column.column);
  return names;
}

void TableEncoding::apply(Dataset& data, const std::string& what, std::vector<std::string>& notes) const {
  const std::vector<std::string> names = features();
  data.columns = names;
  if (data.size() == 0) return;
  const Cells& cells = cells_of(data);
  const auto width = static_cast<std::int64_t>(names.size());
  check_memory(static_cast<std::uint64_t>(data.size()) * names.size() * sizeof(float), what);
  auto numbers = std::make_shared<Numbers>(std::vector<std::int64_t>{width},
                                           std::vector<float>(static_cast<std::size_t>(data.size() * width)));
  std::size_t at = 0;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    ColumnEncoder encoder(columns[c], cells, c);
    for (std::int64_t row = 0; row < data.size(); ++row) encoder.write(row, numbers->sample(row) + at);
    encoder.note(what, notes);
    at += encoder.width();
  }
  data.inputs = std::move(numbers);
}

void TableEncoding::keep_flags(Standardizer& standardizer) const {
  std::size_t at = 0;
  for (const ColumnEncoding& column : columns) {
    const std::size_t end = at + features_of(column).size();
    if (column.kind == ColumnKind::number) ++at;
    for (; at < end; ++at) {
      standardizer.mean[at] = 0;
      standardizer.deviation[at] = 1;
    }
  }
}

std::vector<std::string> check_encodable(const Dataset& training, std::size_t most_categories,
                                         const std::string& path) {
  std::vector<std::string> warnings;
  const Cells& cells = cells_of(training);
  for (std::size_t c = 0; c < cells.columns.size(); ++c) {
    const std::vector<float> values = values_of(cells, c);
    if (values.empty()) refuse_column(training.columns[c], "has no value in the training rows", path);
    if (cells.columns[c].kind != ColumnKind::category) continue;
    const std::unordered_set<float> places(values.begin(), values.end());
    check_categories(training.columns[c], places.size(), values.size(), most_categories, path);
  }
  const TableEncoding encoding = TableEncoding::fit(training, true);
  check_names(encoding, path);
  for (const ColumnEncoding& column : encoding.columns)
    if (!column.categories.empty() &&
        std::all_of(column.categories.begin(), column.categories.end(), looks_like_date))
      warnings.push_back(concat("warning: the column ", in_quotes(column.column),
                                " has what looks like dates (first: ", in_quotes(column.categories.front()),
                                "), each a category of its own: a new date is none of them (", path,
                                "); leave it out with data.ignore = [", in_quotes(column.column), "]"));
  return warnings;
}

}  // namespace thaw
