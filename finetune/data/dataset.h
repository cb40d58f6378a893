// A labelled data set: what every reader gives and what splits, standardisation and the trainer take.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "finetune/data/inputs.h"

namespace thaw {

// What a label is: nothing that is known, the name of a class, a number to predict, or a transcript: a sequence of
// characters, which are the classes.
enum class Targets { none, classes, numbers, transcripts };

// A cell of a table as it stands there, for results that name their rows by it.
struct KeptCell {
  std::string text;
  bool is_text = true;  // false: a number, true or false of JSON, or null, which has no text
};

// A sample but for its input.
struct Sample {
  std::int64_t id = 0;     // its 0-based place in its source, the same whatever is dropped
  std::int64_t label = 0;  // of classes: index into Dataset::classes
  double target = 0;       // of numbers
  // Of transcripts: its text, and which of the classes its characters are. Those that are none of them are left out. For a
  // model that writes tokens: those of the text, and the one that ends it.
  std::string transcript = {};
  std::vector<std::int64_t> characters = {};
  std::string group = {};  // samples of one group stay on one side of a split; empty: there are no groups
  std::vector<KeptCell> kept = {};  // of Dataset::kept_columns
};

struct Dictation;  // finetune/data/dictation.h
// Of numbers as targets: Sample::target is (value - mean) / deviation, and a model's output is such a number too.
struct TargetScale {
  double mean = 0, deviation = 1;
  bool operator==(const TargetScale&) const = default;

  double value(double target) const { return target * deviation + mean; }
};

struct Dataset {
  std::vector<Sample> samples;
  std::shared_ptr<const Inputs> inputs;  // row i is that of samples[i]; null where there are no samples

  Targets targets = Targets::none;
  TargetScale target_scale;  // of numbers
  // In numeric order if every label is an integer, else by bytes. Of transcripts: readers/transcripts.h.
  std::vector<std::string> classes;
  std::shared_ptr<const Dictation> dictation;  // of transcripts that a model writes; null: others
  std::vector<std::string> columns;            // the features of a table, in file order
  std::vector<std::string> kept_columns;       // what DataSource::keep asked for
  std::vector<std::string> notes;  // for the user, of the whole file: what was understood or left out

  std::int64_t size() const { return static_cast<std::int64_t>(samples.size()); }
  const Sample& operator[](std::int64_t row) const { return samples[static_cast<std::size_t>(row)]; }
  Sample& operator[](std::int64_t row) { return samples[static_cast<std::size_t>(row)]; }
  // As Inputs has it; {} where there are no samples.
  std::vector<std::int64_t> sample_shape() const;

  std::vector<std::int64_t> labels() const;   // of classes
  std::vector<double> target_values() const;  // of numbers
  // How many samples each class has; empty where there are no classes.
  std::vector<std::int64_t> class_counts() const;
  std::set<std::string> groups() const;

  // The given rows, in the given order, with all that is said of them but the notes.
  Dataset subset(const std::vector<std::int64_t>& rows) const;
};

// Adds the labels or targets to the hash.
void hash_answers(const Dataset& data, Sha256& hash);

// SHA-256 of the inputs as they were read, in 64 hexadecimal digits: the same whatever the labels are called.
std::string content_hash(const Dataset& data);

}  // namespace thaw
