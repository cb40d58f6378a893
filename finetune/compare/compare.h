// Compare: every strategy on equal terms, on real data, with the test set looked at once per reported run.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "finetune/compare/comparison.h"
#include "finetune/run.h"

namespace thaw {

struct CompareRequest {
  Config config;  // [compare] says strategies, seeds, tune, lr_grid
  std::string out;
  std::string looks_as;  // the folder that looks at the test data are registered for; empty: `out`
  // UTC: looks by `looks_as` from then on are its own; empty: from now on. The journal of a comparison that
  // goes on knows better.
  std::string began;
  bool is_cell = false;        // of a study: it does not say predictions and how the data were parted
  bool resume = false;         // go on with the comparison in `out`
  bool allow_missing = false;  // weights that the folder lacks stay as initialised
  std::string version, compiler;
  std::function<void(const std::string&)> message;
  // Runs done and runs in all (tuning and reported), and what runs now.
  std::function<void(std::int64_t done, std::int64_t total, const std::string& what)> progress;
};

CompareOutcome compare(const CompareRequest& request);

// The result as a table for a terminal of `width` columns. What is too wide for it is said in fewer words,
// and without peak memory and then seconds.
std::string summary_text(const CompareOutcome& outcome, std::size_t width = 120);

}  // namespace thaw
