// Plans for a small model, short to write.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "finetune/plan/plan.h"
#include "finetune/plan/plan_text.h"

namespace thaw::test {

// layers.0, layers.1, head; a weight and a bias each: parameters 0 and 1, 2 and 3, 4 and 5.
inline ModelInfo mlp() {
  ModelInfo model;
  model.groups = {"layers.0", "layers.1", "head"};
  for (int group = 0; group < 3; ++group) {
    const std::string name = model.groups[group];
    model.parameters.push_back({name + ".weight", {}, group, ParameterKind::weight, false, 12});
    model.parameters.push_back({name + ".bias", {}, group, ParameterKind::bias, true, 3});
  }
  return model;
}

inline Phase phase(const std::string& at, const std::string& train,
                   const std::map<std::string, double>& lr_mult = {}) {
  Phase result;
  if (!at.empty()) result.at = parse_phase_start(at);
  result.train = train;
  result.lr_mult = lr_mult;
  return result;
}

inline Plan plan_of(const std::vector<Phase>& phases) {
  Plan plan;
  plan.phases = phases;
  return plan;
}

constexpr RunLength kRun{60, 20};

inline ResolvedPlan resolved(const std::vector<Phase>& phases, RunLength run = kRun) {
  return ResolvedPlan(plan_of(phases), mlp(), run);
}

inline double constant(std::int64_t) { return 0.001; }

}  // namespace thaw::test
