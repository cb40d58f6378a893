// What the user typed, as data. Only arguments.cpp knows the command-line library.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace thaw::cli {

// One struct for all commands; each reads what its usage names.
struct Arguments {
  std::string command;
  std::string config;
  std::string path;             // inspect: what to look at
  std::string action = "list";  // cache
  std::string topic;            // help: a command, or empty

  std::vector<std::string> set;
  int threads = 0;
  std::string device = "cpu";
  bool json = false;
  bool allow_missing = false;

  std::string strategy;  // empty: the config's
  std::string out;
  bool resume = false;
  std::string trace;  // train: the file for one update's kernels
  std::string model;
  std::string input;
  std::string output;
  std::string text;                      // the column of texts; empty: as in training
  std::optional<std::string> text_pair;  // of the second text of a pair, as data.text_pair
  std::string separator, quote;          // of the input's fields, as data.separator and data.quote
  std::string format;                    // predict: jsonl or csv; empty: by the output's ending
  std::vector<std::string> keep;         // predict: columns to echo

  double low = 1e-7, high = 10;  // lr-find
  std::int64_t updates = 100;

  std::vector<std::string> strategies;  // empty: the config's
  std::optional<std::int64_t> seeds, tune;
  std::string budget;  // empty: the config's
  std::int64_t workers = 1;

  std::int64_t batch = 32, length = 128;  // bench
  int steps = 10;
  std::string precision = "fp32";
};

// InputError for anything that the command does not take, naming the nearest thing that it does. `--help` and
// `--version` come back as the commands "help" and "version".
Arguments parse_arguments(int argc, const char* const* argv);

// Usage of one command with its options and an example, or the list of all commands for "".
std::string help_text(const std::string& command);

}  // namespace thaw::cli
