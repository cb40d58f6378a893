// Learning-rate schedules as pure functions: what update k multiplies the base rate by depends on k and the
// length of the run alone, so a resumed run needs no state and a plot needs no run.
#pragma once

#include <cstdint>
#include <string>

namespace thaw {

enum class ScheduleKind : unsigned char {
  constant,
  linear,     // down to 0                      Hugging Face: get_linear_schedule_with_warmup
  cosine,     // half a cosine down to 0        Hugging Face: get_cosine_schedule_with_warmup
  one_cycle,  // cosine up, cosine down         torch.optim.lr_scheduler.OneCycleLR (Smith & Topin 2018)
  slanted_triangular  // short rise, long fall          Howard & Ruder 2018 (ULMFiT), equation 3
};

const char* schedule_name(
    ScheduleKind kind);  // "constant", "linear", "cosine", "one-cycle", "slanted-triangular"
// Throws InputError for another name, listing these.
ScheduleKind schedule_from_name(const std::string& name);

struct Schedule {
  ScheduleKind kind = ScheduleKind::constant;
  std::int64_t warmup_steps =
      0;  // a linear rise from 0 before the schedule proper, which gets the remaining updates

  double pct_start = 0.3;         // one_cycle: share of the run that rises,
  double div_factor = 25;         //   from 1 / div_factor up to 1
  double final_div_factor = 1e4;  //   and down to 1 / (div_factor * final_div_factor)

  double cut_frac = 0.1;  // slanted_triangular: share of the run that rises,
  double ratio = 32;      //   from 1 / ratio up to 1 and back
};

// Multiplier of the update that follows `completed` updates in a run of `total`: the first update uses
// multiplier(s, 0, total), as in PyTorch and Hugging Face, where with warm-up it is 0.
double multiplier(const Schedule& schedule, std::int64_t completed, std::int64_t total);

}  // namespace thaw
