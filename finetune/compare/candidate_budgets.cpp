#include "finetune/compare/candidate_budgets.h"

#include <utility>

namespace thaw {

CandidateBudgets::CandidateBudgets(Budget budget, PreparedData data, Journal& journal, Announce announce,
                                   const StopToken* stop)
    : budget_(budget),
      data_(std::move(data)),
      journal_(journal),
      announce_(std::move(announce)),
      stop_(stop) {}

void CandidateBudgets::check_machine() const {
  if (budget_.kind == Budget::Kind::seconds) journal_.check_machine();
}

Config CandidateBudgets::config_of(const Candidate& candidate, const Hyperparameters& choice) {
  Config config = with_hyperparameters(candidate, choice);
  if (budget_.kind == Budget::Kind::epochs) return config;
  const std::string options = options_text(choice.options);
  if (journal_.restore_budget(candidate.name, options, config.train)) return config;
  if (budget_.kind == Budget::Kind::seconds) announce_(config);
  copy_budget(with_budget(config, candidate.source, budget_, data_, stop_).train, config.train);
  if (!stop_requested(stop_)) journal_.add_budget(candidate.name, options, config.train);
  return config;
}

}  // namespace thaw
