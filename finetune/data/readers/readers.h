// Reading data sets: CSV, TSV and JSONL tables of numbers, texts, sound or picture files, folders of pictures or sounds, IDX
// images (MNIST's format, plain or gzip), built-in data.
//
// Every file is treated as hostile: sizes are checked before memory is taken, and whatever is wrong throws
// InputError with the file, the line and, where it is known, the column.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "finetune/data/cells.h"
#include "finetune/data/dataset.h"

namespace thaw {

// The largest CSV field, JSON line or name that is read.
inline constexpr int64_t kMaxFieldBytes = int64_t{1} << 20;

using LabelMerge = std::map<std::string, std::vector<std::string>>;

// What to read and how to understand it. Column names apply to tables.
struct DataSource {
  // A .csv, .tsv, .jsonl or IDX images file, each plain or gzip, "builtin:NAME", or "-": CSV from standard
  // input. With `text` and without labels also a .txt file, and "-" is such: one text per line.
  // With `audio` also a folder of sounds, or one by itself. With neither `text` nor `audio` also a folder of pictures, or one
  // by itself.
  std::string path;
  bool is_of_folder =
      false;  // a table that was found in the folder of its files: those that it does not name are said
  // None for prediction: a label column is skipped, a file of labels is not looked for.
  Targets targets = Targets::classes;
  std::string label = "label";  // the label's column
  std::string text;             // the text's column: the samples are texts, other columns are skipped
  std::string text_pair;        // the column of the second text of a pair; empty: single texts
  std::string audio;  // the column of sound files: the samples are sounds, other columns are skipped
  bool spell = true;  // transcripts are spelt in classes, which are characters; else they stay texts
  std::vector<std::string>
      alphabet;       // the classes of transcripts that hold no other characters; empty: none known
  std::string image;  // the column of picture files: the samples are pictures, other columns are skipped
  std::string group;  // optional: the column whose equal values stay on one side of a split

  // The features to take, by name and in this order; other columns are then skipped. Empty: every column but
  // label, text and group, in file order. `columns_of` says whose they are, for messages.
  std::vector<std::string> columns;
  std::string columns_of = "the model's";
  // Of all columns: features are those that match one of `features` (empty: any) and none of `ignore`; globs.
  std::vector<std::string> features, ignore;
  // Features that hold categories, or true and false: names and globs; "auto": those that have words and no numbers.
  // Empty: none. `kinds`: of `columns`, instead of these, where they are known; empty: numbers.
  std::vector<std::string> categories;
  std::vector<ColumnKind> kinds;
  bool takes_missing =
      false;  // features may be missing: a cell that is empty, "?", or as may_be_missing() has it

  // Of CSV and TSV. 0: a comma, for .tsv a tab; where the header has none of it, what it does have.
  char separator = 0;
  // "csv": a field in quotes may hold separators and line ends, and a quote doubled (RFC 4180). "none": a
  // quote is an ordinary character. "": as csv; in .tsv only what is closed within its field.
  std::string quote;

  // Columns to keep as text, whatever else becomes of them: names and globs, "all", and with "!" in front
  // what is not kept. In the order of these, of one glob's in file order.
  std::vector<std::string> keep;
  bool keep_id = false;  // before them, a column called id, Id or ID that is no feature, label or text

  // With labels: only the samples whose id is in [rows[0], rows[1]). Empty: all.
  std::vector<int64_t> rows;

  // Classes made of labels: from a class to the file's labels that become it; samples with other labels are
  // left out. Empty: the labels are the classes. `classes` names the merged ones.
  LabelMerge merge;

  // The classes, in this order. Empty: those of the file. A label that is not listed is an error, or its
  // sample is left out with `drop_other_classes`.
  std::vector<std::string> classes;
  bool drop_other_classes = false;
  bool require_every_class = false;  // a listed class or merged label without a sample is an error
};

// Tables of numbers have samples [F], as Cells where categories or missing values were asked for. IDX images have samples
// [1, H, W] and pixels divided by 255; their labels are
// looked for beside them (images -> labels, idx3 -> idx1 in the name). "builtin:digits" has samples [1, 8, 8]
// and pixels divided by 16.
Dataset read_dataset(const DataSource& source);

}  // namespace thaw
