// The table of config keys: a row for each, with values of it and what a run shows of them.
// unit_config_table.cpp runs the rows, and fails for a key without one.
#pragma once

#include <functional>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "tests/support/config_run.h"
#include "tests/support/files.h"

namespace thaw::test {

struct KeyRow {
  std::string key;              // "train.lr"
  std::function<void()> check;  // with the expectations of GoogleTest
};

inline std::ostream& operator<<(std::ostream& out, const KeyRow& row) { return out << row.key; }

std::vector<KeyRow> model_key_rows();
std::vector<KeyRow> data_key_rows();
std::vector<KeyRow> column_key_rows();  // [data] too
std::vector<KeyRow> train_key_rows();
std::vector<KeyRow> compare_key_rows();

// The runs that PyTorch made for this key, which differ in nothing else: thaw's have the same numbers, and
// the key makes a difference.
KeyRow golden_row(const std::string& key);

// What a row's runs have in common: a config and the files that it names.
struct Setup {
  std::string text;
  std::map<std::string, std::string> files = {};             // name -> content
  std::function<void(const TemporaryFolder&)> prepare = {};  // what is more than text
};

// A run, or a comparison, of each value, which is TOML; an empty one leaves the key out.
using Again = std::function<ConfigRun(const Settings&)>;  // one more run, with the row's settings and these
using CheckRuns = std::function<void(const std::vector<ConfigRun>&, const Again&)>;
KeyRow train_row(const std::string& key, const std::vector<std::string>& values, const Setup& setup,
                 const Settings& with, const CheckRuns& check);
using CheckComparisons = std::function<void(const std::vector<ConfigComparison>&)>;
KeyRow compare_row(const std::string& key, const std::vector<std::string>& values, const Setup& setup,
                   const Settings& with, const CheckComparisons& check);

// Forty rows of three classes in t.csv, a network of four hidden units, batches of eight: four updates an
// epoch beside the validation data.
Setup small_table();

}  // namespace thaw::test
