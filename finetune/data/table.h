// From rows of text to a data set: what CSV, TSV and JSONL have in common once their syntax is read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "finetune/data/dataset.h"
#include "finetune/data/readers.h"

namespace thaw {

// One value of a table, and where it stands in the file.
struct Cell {
  std::string_view text;
  int64_t line = 0;     // from 1
  int64_t column = 0;   // in bytes from 1; 0 when it is not known
  bool is_text = true;  // false: a number, true or false of JSON, or null
};

// "file:line", with ":column" when it is not 0.
std::string place(const std::string& path, int64_t line, int64_t column = 0);

// The columns that DataSource::keep asks for, as indices into `names`; InputError for a pattern that none of
// them has.
std::vector<size_t> columns_to_keep(const std::vector<std::string>& patterns,
                                    const std::vector<std::string>& names, const std::string& place);

// Takes a table row by row. Every feature must be a finite number, every label and group must be there. Where
// the source names a text column, that is the sample.
class TableBuilder {
 public:
  // `names` are the table's columns, named at `line`; the names must be distinct and not empty.
  TableBuilder(const DataSource& source, std::vector<std::string> names, int64_t line);

  // One row with a cell for each column. The cells' text is not kept.
  void add(const std::vector<Cell>& cells);

  Dataset finish();

 private:
  // What becomes of a column: a feature's place in the sample, or kSkipped.
  static constexpr int64_t kSkipped = -1;
  static constexpr int64_t kAbsent = -1;

  void check_names(int64_t line) const;
  void check_apart(int64_t label, int64_t other, int64_t line) const;
  int64_t find_column(const std::string& name, const char* option, int64_t line) const;
  void choose_all_features();
  void choose_features(int64_t line);
  void choose_kept(int64_t line);
  float feature(const Cell& cell, size_t column) const;
  std::string cell_place(const Cell& cell) const;

  const DataSource& source_;
  std::vector<std::string> names_;
  std::vector<int64_t> feature_slot_;
  int64_t label_column_ = kAbsent;
  int64_t group_column_ = kAbsent;
  int64_t text_column_ = kAbsent;
  std::vector<size_t> kept_;
  Dataset data_;
  std::vector<std::string> labels_;
  std::vector<int64_t> lines_;
};

}  // namespace thaw
