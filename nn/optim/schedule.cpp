// Learning-rate schedules.
#include "nn/optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace thaw {
namespace {

// From `start` at share 0 to `end` at share 1 along half a cosine:
//   end + (start - end) / 2 * (1 + cos(pi * share))
double cosine_between(double start, double end, double share) {
  return end + (start - end) / 2 * (1 + std::cos(std::numbers::pi * share));
}

// The peak is at update pct_start * total - 1 and the end at total - 1, as in PyTorch.
double one_cycle(const Schedule& s, double k, double total) {
  const double peak = s.pct_start * total - 1;
  const double last = total - 1;
  const double start = 1 / s.div_factor;
  if (k <= peak && peak > 0) return cosine_between(start, 1, k / peak);
  if (last <= peak) return 1;
  return cosine_between(1, start / s.final_div_factor, (k - peak) / (last - peak));
}

// Howard & Ruder 2018, equation 3, for update k of T = total:
//   cut = floor(T * cut_frac)
//   p = k / cut                                      for k < cut
//   p = 1 - (k - cut) / (cut * (1 / cut_frac - 1))   otherwise
//   multiplier = (1 + p * (ratio - 1)) / ratio
double slanted_triangular(const Schedule& s, double k, double total) {
  const double cut = std::floor(total * s.cut_frac);
  // A run too short for a rise only falls.
  const double fall = cut > 0 ? cut * (1 / s.cut_frac - 1) : total;
  const double p = k < cut ? k / cut : 1 - (k - cut) / fall;
  // Where cut_frac * total is no whole number, p reaches 0 before the end: it then stays 0.
  return (1 + std::max(0.0, p) * (s.ratio - 1)) / s.ratio;
}

}  // namespace

const std::vector<std::string>& names_of(ScheduleKind) {
  static const std::vector<std::string> names = {"constant", "linear", "cosine", "one-cycle",
                                                 "slanted-triangular"};
  return names;
}

double multiplier(const Schedule& schedule, std::int64_t completed, std::int64_t total) {
  if (completed < schedule.warmup_steps)
    return static_cast<double>(completed) / static_cast<double>(schedule.warmup_steps);
  const double length = static_cast<double>(std::max<std::int64_t>(1, total - schedule.warmup_steps));
  const double k = std::min(static_cast<double>(completed - schedule.warmup_steps), length);
  switch (schedule.kind) {
    case ScheduleKind::constant:
      return 1;
    case ScheduleKind::linear:
      return 1 - k / length;
    case ScheduleKind::cosine:
      return cosine_between(1, 0, k / length);
    case ScheduleKind::one_cycle:
      return one_cycle(schedule, std::min(k, length - 1), length);
    case ScheduleKind::slanted_triangular:
      return slanted_triangular(schedule, k, length);
  }
  return 1;
}

}  // namespace thaw
