// Learning-rate schedules as pure functions: the factor of the base rate in update k depends only on k and
// the length of the run. So a resumed run needs no state, and a plot needs no run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace thaw {

enum class ScheduleKind : unsigned char {
  constant,
  linear,             // down to 0: Hugging Face's get_linear_schedule_with_warmup
  cosine,             // half a cosine down to 0: Hugging Face's get_cosine_schedule_with_warmup
  one_cycle,          // cosine up, cosine down: torch's OneCycleLR (Smith & Topin 2018)
  slanted_triangular  // short rise, long fall: ULMFiT (Howard & Ruder 2018, equation 3)
};

// "constant", "linear", "cosine", "one-cycle", "slanted-triangular": in the order of the values.
const std::vector<std::string>& names_of(ScheduleKind);

struct Schedule {
  ScheduleKind kind = ScheduleKind::constant;
  // A linear rise from 0 before the schedule, which gets the remaining updates.
  std::int64_t warmup_steps = 0;

  // one_cycle rises from 1 / div_factor to 1 in the first pct_start of the run, and then falls to
  //   1 / (div_factor * final_div_factor)
  double pct_start = 0.3;
  double div_factor = 25;
  double final_div_factor = 1e4;

  // slanted_triangular rises from 1 / ratio to 1 in the first cut_frac of the run, and then falls back.
  double cut_frac = 0.1;
  double ratio = 32;
};

// The multiplier of the update that follows `completed` updates in a run of `total`. The first update uses
// multiplier(s, 0, total), as in PyTorch and Hugging Face; with warm-up that is 0.
double multiplier(const Schedule& schedule, std::int64_t completed, std::int64_t total);

}  // namespace thaw
