#include "finetune/plan/strategies/shared.h"

#include <cmath>
#include <optional>

namespace thaw {
namespace {

// The option `every` as the start of the phase that comes after one interval.
PhaseStart interval_of(const StrategyOptions& options) {
  const Period every = every_of(options);
  PhaseStart start;
  start.amount = every.amount;
  start.kind = every.unit == Period::Unit::epochs  ? PhaseStart::Kind::epoch
               : every.unit == Period::Unit::steps ? PhaseStart::Kind::step
                                                   : PhaseStart::Kind::fraction;
  return start;
}

}  // namespace

std::vector<std::string> groups_below_head(const ModelInfo& model) {
  std::vector<std::string> names;
  for (int group = 0; group < model.head(); ++group)
    if (model.has_parameters(group)) names.push_back(model.groups[group]);
  return names;
}

Plan single_phase(const std::string& train, const std::map<std::string, double>& lr_mult) {
  Plan plan;
  plan.phases.resize(1);
  plan.phases[0].train = train;
  plan.phases[0].lr_mult = lr_mult;
  return plan;
}

std::map<std::string, double> multipliers_by_depth(const ModelInfo& model, double factor, int lowest) {
  std::map<std::string, double> multipliers;
  if (factor == 1.0) return multipliers;
  for (int group = lowest; group <= model.head(); ++group) {
    if (model.has_parameters(group))
      multipliers[model.groups[group]] = std::pow(factor, model.head() - group);
  }
  return multipliers;
}

Plan gradual_plan(const ModelInfo& model, const StrategyOptions& options) {
  const PhaseStart interval = interval_of(options);
  const double factor = 1.0 / lr_decay_of(options);
  Plan plan;
  int depth = 0;
  for (int group = model.head(); group >= 0; --group) {
    if (!model.has_parameters(group)) continue;
    Phase phase;
    phase.at = interval;
    phase.at.amount = interval.amount * depth++;
    phase.train = "top:" + std::to_string(model.head() - group);
    phase.lr_mult = multipliers_by_depth(model, factor, group);
    plan.phases.push_back(phase);
  }
  return plan;
}

OptionSpec lr_decay_option(double default_value) {
  return {"lr_decay",
          default_value,
          "the learning rate is divided by it from each group to the one below",
          {1.0, 1.6, 2.6}};
}

double lr_decay_of(const StrategyOptions& options) { return options.number("lr_decay", 1e-3, 1e3); }

OptionSpec every_option() {
  return {"every",
          "1 epoch",
          "time between two thaws: \"1 epoch\", \"20 steps\" or \"0.1 run\"",
          {std::string("0.1 run"), std::string("0.2 run")}};
}

Period every_of(const StrategyOptions& options) {
  const std::optional<Period> every = parse_period(options.text("every"));
  if (!every || every->unit == Period::Unit::never)
    options.refuse("every", "write a positive length such as \"1 epoch\", \"20 steps\" or \"0.1 run\"");
  return *every;
}

}  // namespace thaw
