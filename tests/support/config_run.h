// Runs of a config in a folder of their own: what they leave in their files, and what they say. Tests of
// what a config's keys do look at nothing else.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/compare_run.h"
#include "tests/support/files.h"

namespace thaw::test {

using Settings = std::vector<std::string>;  // KEY=VALUE, as --set takes them
using Weights = std::map<std::string, std::vector<double>>;

Settings operator+(Settings first, const Settings& more);

struct ConfigRun {
  std::string error;                        // what it was refused with; then the rest is empty
  nlohmann::json report;                    // run.json
  nlohmann::json preprocess;                // preprocess.json
  nlohmann::json model;                     // config.json
  std::vector<nlohmann::json> updates;      // of metrics.jsonl
  std::vector<nlohmann::json> evaluations;  // likewise
  Weights weights;                          // of model.safetensors; empty where the run diverged
  std::vector<std::string> messages;
  std::string folder;

  bool said(const std::string& part) const;
  std::vector<double> losses() const;  // of the updates
  std::vector<double> rates() const;
  double validation(const std::string& metric) const;                // of the weights that were kept
  std::int64_t samples_in(const std::string& part) const;            // "validation", "test", as it was said
  std::vector<std::string> files_in(const std::string& name) const;  // of a folder of its own, sorted
};

// `thaw train` of the config `text` with `settings`, into the folder `name`. Files of the config are in
// `folder`.
ConfigRun train(const TemporaryFolder& folder, const std::string& text, const Settings& settings = {},
                const std::string& name = "run");

struct ConfigComparison {
  std::string error;  // as above
  std::string out, messages;
  nlohmann::json results;      // results.json
  std::vector<CsvRow> rows;    // results.csv
  std::vector<CsvRow> trials;  // tuning.csv
};

// `thaw compare`.
ConfigComparison compare(const TemporaryFolder& folder, const std::string& text,
                         const Settings& settings = {}, const std::string& name = "comparison");

}  // namespace thaw::test
