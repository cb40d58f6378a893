// A labelled data set in memory: what every reader gives and what splits, standardisation and the trainer
// take.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace thaw {

// A column of a table as it stands there, for results that name their rows by it.
struct KeptCell {
  std::string text;
  bool is_text = true;  // false: a number, true or false of JSON, or null, which has no text
};
struct KeptColumn {
  std::string name;
  std::vector<KeptCell> cells;
};

// N samples of one shape, or N texts. Every per-sample vector is empty or has N entries.
struct Dataset {
  std::vector<int64_t> sample_shape;         // {F} for tables, {C, H, W} for images, {0} for text: x is empty
  std::vector<float> x;                      // [N, *sample_shape], row-major
  std::vector<std::string> text, text_pair;  // the second of a pair, or empty
  std::vector<std::vector<int64_t>> tokens;  // of the texts, by the model's tokenizer
  std::vector<std::vector<int64_t>> types;   // of pairs: which of the two each token is of
  int64_t pad_id = 0;                        // the token that fills shorter texts of a batch
  std::vector<int64_t> label;                // classification: index into `classes`
  std::vector<double> target;                // regression
  std::vector<int64_t> id;         // the sample's 0-based place in its source, the same whatever is dropped
  std::vector<std::string> group;  // samples of one group stay on one side of a split

  std::vector<std::string> classes;  // in numeric order if every label is an integer, else by bytes
  std::vector<std::string> columns;  // the features of a table, in file order
  std::vector<std::string> notes;    // for the user, of the whole file: what was understood or left out

  std::vector<KeptColumn> kept;  // what DataSource::keep asked for

  int64_t size() const { return static_cast<int64_t>(id.size()); }
  int64_t sample_size() const;  // numbers in one sample
  bool is_text() const { return !text.empty(); }
  const float* sample(int64_t row) const { return x.data() + row * sample_size(); }

  // How many samples each class has; empty for regression.
  std::vector<int64_t> class_counts() const;

  // The given rows, in the given order, with the same classes and columns, and without notes.
  Dataset subset(const std::vector<int64_t>& rows) const;
};

// SHA-256 of the features or texts, in 64 hexadecimal digits: the same whatever the labels are called.
std::string content_hash(const Dataset& data);

}  // namespace thaw
