// From a table's columns to the features that a model takes, learnt from training rows and applied to all others:
//   number    the number; where it is missing the median of the training rows
//   boolean   1 for true, 0 for false; where it is missing their median
//   category  a feature for each category of the training rows, "colour=red": 1 where it is that, else 0 (one-hot). Another
//             word is none of them: all are 0
// and for every column that some training row lacks a feature more behind it, "colour is missing": 1 where it is, else 0. A
// column that all of them lack is a category without categories: that feature alone.
#pragma once

#include <string>
#include <vector>

#include "finetune/data/cells.h"
#include "finetune/data/dataset.h"
#include "finetune/data/readers/readers.h"
#include "finetune/data/standardize.h"

namespace thaw {

struct ColumnEncoding {
  std::string column;
  ColumnKind kind = ColumnKind::number;
  std::vector<std::string> categories = {};  // in numeric order if all are whole numbers, else by bytes
  double median = 0;                         // of numbers and booleans, where missing values are taken
  bool marks_missing = false;
};

struct TableEncoding {
  std::vector<ColumnEncoding> columns;  // empty: a table's columns are its features
  bool takes_missing = false;

  bool empty() const { return columns.empty(); }
  // Has the columns read as what they are here, whatever they look like.
  void choose_kinds(DataSource& source) const;
  std::vector<ColumnKind> kinds() const;
  std::vector<std::string> features() const;  // their names, in order

  // What the training rows, which are Cells, say.
  static TableEncoding fit(const Dataset& training, bool takes_missing);
  // The columns that no row of these has.
  std::vector<std::string> without_values() const;

  // Gives `data`, which have these columns, the features as inputs and as columns. `what` names the data in `notes`, which
  // say what no training row had. InputError where the machine's memory does not hold them.
  void apply(Dataset& data, const std::string& what, std::vector<std::string>& notes) const;

  // Features of 0 and 1 that stand for a category or for what is missing, and booleans, are left as they are.
  void keep_flags(Standardizer& standardizer) const;
};

// InputError where the columns should not be encoded: categories beyond `most_categories`, words that are nearly all
// different, a column without any value, two features of one name. `path` is for messages. Gives a warning for each column
// whose categories look like dates.
std::vector<std::string> check_encodable(const Dataset& training, std::size_t most_categories,
                                         const std::string& path);

}  // namespace thaw
