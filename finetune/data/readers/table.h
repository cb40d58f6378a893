// From rows of text to a data set: what CSV, TSV and JSONL have in common once their syntax is read.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "finetune/data/dataset.h"
#include "finetune/data/pictures.h"
#include "finetune/data/readers/cell_problems.h"
#include "finetune/data/readers/columns.h"
#include "finetune/data/readers/feature_column.h"
#include "finetune/data/readers/number_doubts.h"
#include "finetune/data/readers/readers.h"
#include "finetune/data/sounds.h"
#include "finetune/data/texts.h"

namespace thaw {

// One value of a table, and where it stands in the file.
struct Cell {
  std::string_view text;
  int64_t line = 0;     // from 1
  int64_t column = 0;   // in bytes from 1; 0 when it is not known
  bool is_text = true;  // false: a number, true or false of JSON, or null
  bool nested = false;  // a list or an object of JSON: no value of a table
};

// "file:line", with ":column" when it is not 0.
std::string place(const std::string& path, int64_t line, int64_t column = 0);

// Takes a table row by row. Every feature must be a finite number, unless the source takes categories or missing values;
// every label and group must be there. Where the source names a column of texts, sounds or pictures, that is the sample. Of
// cells that nobody reads nothing is asked.
class TableBuilder {
 public:
  // `names` are the table's columns, named at `line`; white space around a name is no part of it.
  TableBuilder(const DataSource& source, std::vector<std::string> names, int64_t line);

  bool reads(size_t column) const { return roles_.reads(column); }

  // One row with a cell for each column. The cells' text is not kept. A row that repeats the header is left
  // out.
  void add(const std::vector<Cell>& cells);

  // What the reader of the file has to say.
  void note(std::string text) { data_.notes.push_back(std::move(text)); }

  // InputError with all that is wrong with the cells.
  Dataset finish();

 private:
  bool repeats_header(const std::vector<Cell>& cells) const;
  void add_features(const std::vector<Cell>& cells);
  void add_texts(const std::vector<Cell>& cells);
  void add_file(const std::vector<Cell>& cells);
  std::string text_of(const std::vector<Cell>& cells, int64_t column);
  void add_label(const std::vector<Cell>& cells);
  void add_group(const std::vector<Cell>& cells, Sample& sample);
  void drop_nested_ids(const std::vector<Cell>& cells);
  void add_kept(const std::vector<Cell>& cells, Sample& sample);
  void complain(int64_t column, const char* role, const char* what, const Cell& cell);
  void forget_words();
  bool may_be_cells() const;
  void note_row_numbers();
  void note_kinds();
  void note_doubts();
  void note_unnamed_files();
  std::string cell_place(const Cell& cell) const;
  std::shared_ptr<const Inputs> take_inputs();
  std::shared_ptr<const Inputs> take_cells();

  const DataSource& source_;
  std::vector<std::string> names_;
  ColumnRoles roles_;
  CellProblems problems_;
  Dataset data_;
  std::vector<FeatureColumn> features_;
  std::vector<float> values_;  // of the features, row by row
  std::vector<Text> texts_;
  std::vector<SoundClip> sounds_;
  std::vector<PictureFile> pictures_;
  std::vector<NumberDoubts> doubts_;  // of each feature, then of the target
  std::vector<std::string> labels_;
  std::vector<int64_t> lines_;                   // of each row
  int64_t headers_ = 0, first_header_line_ = 0;  // rows that repeat it
  // Cells that may stand for none: "NA".
  struct MissingWords {
    int64_t count = 0;
    std::string first = {};
  };
  void look_for_missing(const Cell& cell, MissingWords& words);
  MissingWords missing_texts_, missing_transcripts_, missing_groups_;
};

}  // namespace thaw
