// The learning-rate range test: a strategy trains while its rate rises from far too low to far too high, and
// the loss says which rates are of use. Smith 2017, "Cyclical Learning Rates for Training Neural Networks",
// arXiv 1506.01186; on a logarithmic scale and with a smoothed loss, as fastai made it common.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "finetune/config/config.h"

namespace thaw {

struct SweepOptions {
  double low = 1e-7, high = 10;  // rates of the first and of the last update
  std::int64_t updates = 100;
};

struct SweepPoint {
  std::int64_t update = 0;  // from 1
  double lr = 0;            // before multipliers
  double loss = 0;          // of the update's samples, before it
  double smoothed = 0;      // mean of the losses so far, each older one of less weight
};

struct Sweep {
  std::vector<SweepPoint> points;              // their losses are finite
  std::string ended;                           // why, in words
  int phases = 1;                              // that the strategy has; the sweep trains as the first
  std::vector<std::string> groups;             // of which something trains
  std::int64_t trainable = 0, parameters = 0;  // elements
};

// Trains what the strategy's first phase trains, on the training samples and in the order of a run, at rates
// that grow by the same factor from update to update. Nothing is evaluated, no model is kept. It ends early
// where the smoothed loss is four times its least, or something is not finite. Error where that is so at
// once, InputError where the phase trains nothing.
struct SweepHooks {
  std::function<void(const std::string&)> message;
  std::function<void(const SweepPoint&)> progress;
};
Sweep sweep_rates(const Config& config, const SweepOptions& options, bool allow_missing,
                  const SweepHooks& hooks);

// Readings of a sweep: places in its points, after the first tenth of them.
struct RateReadings {
  std::size_t quarter = 0;   // where a quarter of the fall of the smoothed loss is made: what is suggested
  std::size_t valley = 0;    // the middle of the longest descent, as fastai suggests
  std::size_t steepest = 0;  // where it falls fastest by the logarithm of the rate
  std::size_t least = 0;     // the least smoothed loss, a tenth of whose rate is another rule
};
inline constexpr const char* kWhyQuarter =
    "a quarter of the fall is made there: the descent is under way, and its end is far";

// Nothing where the loss does not fall, or hardly: then no rate is better than another.
std::optional<RateReadings> read_sweep(const std::vector<SweepPoint>& points);

}  // namespace thaw
