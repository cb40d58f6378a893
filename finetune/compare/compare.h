// Compare: every strategy on equal terms, on real data. What is wrong with the input is found first; then
// every choice is made on validation data with a seed that is not reported; then, and not before, the test
// data are evaluated on, once per reported run.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "finetune/common/stop.h"
#include "finetune/report/comparison.h"
#include "finetune/run/run.h"

namespace thaw {

struct CompareProgress {
  std::int64_t done = 0, total = 0;    // runs, of tuning and reported
  std::string what;                    // runs now
  std::optional<double> seconds_left;  // nothing: not known yet
};

struct CompareRequest {
  Config config;  // [compare] says strategies, seeds, tune, lr_grid
  std::string out;
  std::string registered_as;  // the folder that test evaluations are registered for; empty: `out`
  // UTC: evaluations by `registered_as` from then on are its own; empty: from now on. The journal of a comparison that
  // goes on knows better.
  std::string began;
  bool is_cell = false;        // of a study: it does not say predictions and how the data were parted
  bool resume = false;         // go on with the comparison in `out`
  bool allow_missing = false;  // weights that the folder lacks stay as initialised
  std::string version, compiler;
  std::function<void(const std::string&)> message;
  std::function<void(const CompareProgress&)> progress;
  std::function<void()> opened;     // called when the folder has taken the comparison
  const StopToken* stop = nullptr;  // once requested, what runs is saved and the comparison ends
  PrefixStore* prefixes = nullptr;  // where runs keep what they compute once; null: each for itself
};

CompareOutcome compare(const CompareRequest& request);

}  // namespace thaw
