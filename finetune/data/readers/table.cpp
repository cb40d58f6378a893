#include "finetune/data/readers/table.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/data/numbers.h"
#include "finetune/data/readers/labels.h"
#include "finetune/data/readers/picture_files.h"
#include "finetune/data/readers/sound_clip.h"

namespace thaw {
namespace {

// Fewer rows may be numbered by chance.
constexpr int64_t kLeastNumberedRows = 10;

// "colour" (3), "shape" (12), ..
std::string counted(const std::vector<std::pair<std::string, std::string>>& columns) {
  constexpr size_t kShown = 10;
  std::vector<std::string> texts;
  for (const auto& [name, count] : columns)
    if (texts.size() < kShown) texts.push_back(concat(in_quotes(name), count));
  return joined(texts) + (columns.size() > kShown ? concat(" and ", columns.size() - kShown, " more") : "");
}

// What is there, but cannot be looked at, is read, which says why it cannot.
bool is_gone(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::status(path, ignored).type() == std::filesystem::file_type::not_found;
}

}  // namespace

std::string place(const std::string& path, int64_t line, int64_t column) {
  return column == 0 ? concat(path, ":", line) : concat(path, ":", line, ":", column);
}

TableBuilder::TableBuilder(const DataSource& source, std::vector<std::string> names, int64_t line)
    : source_(source), names_(std::move(names)) {
  for (std::string& name : names_) name = std::string(trim(name));
  roles_ = choose_columns(source, names_, place(source.path, line));
  data_.columns = roles_.features;
  data_.notes = std::move(roles_.notes);
  for (const FeatureColumn::Reading reading : roles_.readings)
    features_.emplace_back(reading, source.takes_missing);
  doubts_.resize(data_.columns.size() + 1);
  for (const size_t column : roles_.kept) data_.kept_columns.push_back(names_[column]);
}

void TableBuilder::add(const std::vector<Cell>& cells) {
  if (repeats_header(cells)) {
    if (headers_++ == 0) first_header_line_ = cells.front().line;
    return;
  }
  Sample sample{.id = data_.size()};
  add_features(cells);
  add_texts(cells);
  add_file(cells);
  add_label(cells);
  add_group(cells, sample);
  add_kept(cells, sample);
  lines_.push_back(cells.front().line);
  data_.samples.push_back(std::move(sample));
}

// As in files that were put together. A table of one column may have its name as a text.
bool TableBuilder::repeats_header(const std::vector<Cell>& cells) const {
  if (names_.size() < 2) return false;
  for (size_t i = 0; i < cells.size(); ++i)
    if (trim(cells[i].text) != names_[i]) return false;
  return true;
}

void TableBuilder::add_features(const std::vector<Cell>& cells) {
  const size_t start = values_.size();
  values_.resize(start + data_.columns.size());
  for (size_t i = 0; i < cells.size(); ++i) {
    if (roles_.feature[i] == ColumnRoles::kNone) continue;
    const auto feature = static_cast<size_t>(roles_.feature[i]);
    double value = 0;
    const char* problem =
        cells[i].nested ? "is a list or an object" : features_[feature].add(cells[i].text, value);
    if (problem != nullptr)
      complain(static_cast<int64_t>(i), "feature", problem, cells[i]);
    else if (features_[feature].reads_numbers() && !std::isnan(value))
      doubts_[feature].add(cells[i].text, value);
    values_[start + feature] = static_cast<float>(value);
  }
}

void TableBuilder::add_texts(const std::vector<Cell>& cells) {
  if (roles_.text == ColumnRoles::kNone) return;
  Text& text = texts_.emplace_back();
  text.first = text_of(cells, roles_.text);
  if (roles_.text_pair != ColumnRoles::kNone) text.second = text_of(cells, roles_.text_pair);
}

// The sound or the picture that the row names.
void TableBuilder::add_file(const std::vector<Cell>& cells) {
  const bool is_sound = roles_.audio != ColumnRoles::kNone;
  const int64_t column = is_sound ? roles_.audio : roles_.image;
  if (column == ColumnRoles::kNone) return;
  const Cell& cell = cells[static_cast<size_t>(column)];
  const std::string name(trim(cell.text));
  const std::string path = is_sound ? path_of_sound(source_.path, name)
                                    : (std::filesystem::path(source_.path).parent_path() / name).string();
  const char* problem = cell.nested     ? "is a list or an object"
                        : name.empty()  ? "is missing"
                        : is_gone(path) ? CellProblems::kNamesNoFile
                                        : nullptr;
  if (problem != nullptr) return complain(column, is_sound ? "audio" : "image", problem, cell);
  try {
    if (is_sound)
      sounds_.push_back(read_sound_clip(path));
    else
      pictures_.push_back(read_picture_file(path));
  } catch (const InputError& error) {
    fail_input(error.what(), "; it is named by ", cell_place(cell));
  }
}

std::string TableBuilder::text_of(const std::vector<Cell>& cells, int64_t column) {
  const Cell& cell = cells[static_cast<size_t>(column)];
  if (cell.nested) complain(column, "text", "is a list or an object", cell);
  if (trim(cell.text).empty()) complain(column, "text", "is missing", cell);
  look_for_missing(cell, missing_texts_);
  return std::string(cell.text);
}

void TableBuilder::look_for_missing(const Cell& cell, MissingWords& words) {
  if (may_be_missing(cell.text) && words.count++ == 0)
    words.first = concat(in_quotes(cell.text), ", ", cell_place(cell));
}

void TableBuilder::add_label(const std::vector<Cell>& cells) {
  if (roles_.label == ColumnRoles::kNone) return;
  const Cell& cell = cells[static_cast<size_t>(roles_.label)];
  const std::optional<double> value = parse_number(cell.text);
  if (cell.nested)
    complain(roles_.label, "label", "is a list or an object", cell);
  else if (trim(cell.text).empty())
    complain(roles_.label, "label", "is missing", cell);
  else if (source_.targets == Targets::numbers && (!value || !std::isfinite(static_cast<float>(*value))))
    complain(roles_.label, "label", "is not a finite number", cell);
  if (source_.targets == Targets::numbers && value) doubts_.back().add(cell.text, *value);
  if (source_.targets == Targets::transcripts) look_for_missing(cell, missing_transcripts_);
  labels_.emplace_back(cell.text);
}

void TableBuilder::add_group(const std::vector<Cell>& cells, Sample& sample) {
  if (roles_.group == ColumnRoles::kNone) return;
  const Cell& cell = cells[static_cast<size_t>(roles_.group)];
  if (cell.nested) complain(roles_.group, "group", "is a list or an object", cell);
  if (trim(cell.text).empty()) complain(roles_.group, "group", "is missing", cell);
  look_for_missing(cell, missing_groups_);
  sample.group = group_key(cell.text);
}

// A list or an object names no row; where nobody asked for the column that is no reason to stop.
void TableBuilder::drop_nested_ids(const std::vector<Cell>& cells) {
  const std::vector<size_t>& asked = roles_.asked_to_keep;
  for (size_t i = roles_.kept.size(); i-- > 0;) {
    const Cell& cell = cells[roles_.kept[i]];
    if (!cell.nested || std::find(asked.begin(), asked.end(), roles_.kept[i]) != asked.end()) continue;
    note(concat("the column ", in_quotes(data_.kept_columns[i]), " is not kept: it has a list or an object (",
                cell_place(cell), ")"));
    const auto place = static_cast<std::ptrdiff_t>(i);
    for (Sample& sample : data_.samples) sample.kept.erase(sample.kept.begin() + place);
    data_.kept_columns.erase(data_.kept_columns.begin() + place);
    roles_.kept.erase(roles_.kept.begin() + place);
  }
}

void TableBuilder::add_kept(const std::vector<Cell>& cells, Sample& sample) {
  drop_nested_ids(cells);
  for (size_t i = 0; i < roles_.kept.size(); ++i) {
    const Cell& cell = cells[roles_.kept[i]];
    if (cell.nested)
      complain(static_cast<int64_t>(roles_.kept[i]), "kept column", "is a list or an object", cell);
    sample.kept.push_back({std::string(cell.text), cell.is_text});
  }
}

void TableBuilder::complain(int64_t column, const char* role, const char* what, const Cell& cell) {
  problems_.add({column, role, names_[static_cast<size_t>(column)]}, what, cell.text, cell_place(cell));
}

std::string TableBuilder::cell_place(const Cell& cell) const {
  return concat(place(source_.path, cell.line, cell.column), ", row ", data_.size() + 1);
}

// An index that a table carries along is known to the network as any feature, and tells it nothing.
void TableBuilder::note_row_numbers() {
  const int64_t rows = data_.size();
  if (rows < kLeastNumberedRows || !source_.columns.empty() || !source_.features.empty()) return;
  const auto columns = static_cast<int64_t>(data_.columns.size());
  for (int64_t f = 0; f < columns; ++f) {
    if (features_[static_cast<size_t>(f)].kind() != ColumnKind::number) continue;
    const auto is_number_of = [&](int64_t row) {
      return values_[row * columns + f] == values_[f] + static_cast<float>(row);
    };
    int64_t row = 0;
    while (row < rows && is_number_of(row)) ++row;
    if (row == rows)
      note(concat("warning: the feature ", in_quotes(data_.columns[f]), " only numbers the rows (",
                  source_.path, "); leave it out with data.ignore = [", in_quotes(data_.columns[f]), "]"));
  }
}

bool TableBuilder::may_be_cells() const {
  return !source_.categories.empty() || !source_.kinds.empty() || source_.takes_missing;
}

// What the cells were taken for.
void TableBuilder::note_kinds() {
  std::vector<std::pair<std::string, std::string>> words, booleans, missing;
  for (size_t f = 0; f < features_.size(); ++f) {
    const FeatureColumn& column = features_[f];
    const std::string& name = data_.columns[f];
    if (column.kind() == ColumnKind::category)
      words.emplace_back(name, concat(" (", column.words().size(), ")"));
    if (const auto& [one, other] = column.spellings(); !one.empty())
      note(concat("categories of ", in_quotes(name), " that are equal numbers are one, such as ",
                  in_quotes(one), " and ", in_quotes(other), " (", source_.path, ")"));
    if (column.kind() == ColumnKind::boolean) booleans.emplace_back(name, "");
    if (column.missing() == 0) continue;
    const std::string& word = column.missing_word();
    missing.emplace_back(
        name, concat(" (", column.missing(), word.empty() ? "" : ", such as " + in_quotes(word), ")"));
  }
  if (!words.empty()) note(concat("columns of categories: ", counted(words), " (", source_.path, ")"));
  if (!booleans.empty())
    note(concat("columns of true and false: ", counted(booleans), " (", source_.path, ")"));
  if (!missing.empty()) note(concat("missing values: ", counted(missing), " (", source_.path, ")"));
}

// What can be read, but may mean something else than it says.
void TableBuilder::note_doubts() {
  for (size_t f = 0; f < doubts_.size(); ++f) {
    const std::string& column = f < data_.columns.size() ? data_.columns[f] : source_.label;
    for (const std::string& warning : doubts_[f].warnings(column, source_.path)) note(warning);
  }
  const auto note_missing = [&](const MissingWords& words, const char* one, const char* several,
                                const char* end) {
    if (words.count > 0)
      note(concat("warning: ", words.count, ' ', words.count == 1 ? one : several,
                  " no word but what stands for a missing one (first: ", words.first, ")", end));
  };
  note_missing(missing_texts_, "text is", "texts are", "");
  note_missing(missing_transcripts_, "transcript is", "transcripts are",
               "; if that is so, leave such rows out");
  note_missing(missing_groups_, "group is", "groups are", "; rows with the same word are one group");
}

void TableBuilder::note_unnamed_files() {
  if (!source_.is_of_folder || (roles_.audio == ColumnRoles::kNone && roles_.image == ColumnRoles::kNone))
    return;
  std::vector<std::string> named;
  for (const SoundClip& clip : sounds_) named.push_back(clip.path);
  for (const PictureFile& file : pictures_) named.push_back(file.path);
  const FileKind& kind = roles_.audio != ColumnRoles::kNone ? kSoundFiles : kPictureFiles;
  if (const std::string text = note_of_unnamed(source_.path, kind, named); !text.empty()) note(text);
}

std::shared_ptr<const Inputs> TableBuilder::take_inputs() {
  if (roles_.audio != ColumnRoles::kNone) return std::make_shared<const Sounds>(std::move(sounds_));
  if (roles_.image != ColumnRoles::kNone) {
    note_pictures(pictures_, source_.path, data_.notes);
    return std::make_shared<const Pictures>(source_of_files(std::move(pictures_)));
  }
  if (roles_.text != ColumnRoles::kNone)
    return std::make_shared<const Texts>(std::move(texts_), roles_.text_pair != ColumnRoles::kNone);
  if (may_be_cells()) return take_cells();
  const std::vector<int64_t> shape{static_cast<int64_t>(data_.columns.size())};
  return std::make_shared<const Numbers>(shape, std::move(values_));
}

std::shared_ptr<const Inputs> TableBuilder::take_cells() {
  std::vector<Cells::Column> columns;
  for (size_t f = 0; f < features_.size(); ++f) {
    const ColumnKind kind = features_[f].kind();
    columns.push_back(
        {kind, kind == ColumnKind::category ? features_[f].words() : std::vector<std::string>{}});
    if (kind != ColumnKind::boolean || features_[f].words().empty()) continue;
    const std::vector<float> numbers = features_[f].booleans();
    for (size_t i = f; i < values_.size(); i += features_.size())
      if (!std::isnan(values_[i])) values_[i] = numbers[static_cast<size_t>(values_[i])];
  }
  return std::make_shared<const Cells>(std::move(columns), std::move(values_));
}

// Of columns that hold categories, or true and false, after all.
void TableBuilder::forget_words() {
  for (size_t i = 0; i < roles_.feature.size(); ++i) {
    const int64_t feature = roles_.feature[i];
    if (feature == ColumnRoles::kNone || !features_[static_cast<size_t>(feature)].has_categories_after_all())
      continue;
    for (const char* what : {FeatureColumn::kNotANumber, FeatureColumn::kBoolean})
      problems_.forget(static_cast<int64_t>(i), what);
  }
}

Dataset TableBuilder::finish() {
  if (data_.size() == 0) fail_input("the table has no rows (", source_.path, "); add some below its header");
  forget_words();
  if (!problems_.empty())
    problems_.refuse({source_.columns.empty(), !source_.categories.empty(), data_.size()});
  if (headers_ > 0)
    note(concat("warning: ", headers_, headers_ == 1 ? " row repeats" : " rows repeat",
                " the header (first: ", place(source_.path, first_header_line_), "), and ",
                headers_ == 1 ? "is" : "are", " left out"));
  note_row_numbers();
  if (may_be_cells()) note_kinds();
  note_doubts();
  note_unnamed_files();
  data_.inputs = take_inputs();
  if (source_.targets == Targets::none) return std::move(data_);
  const auto row_place = [&](int64_t row) {
    return concat(place(source_.path, lines_[row]), ", row ", row + 1, ", column ", in_quotes(source_.label));
  };
  return with_labels(std::move(data_), labels_, source_, row_place);
}

}  // namespace thaw
