// What each candidate of a comparison may spend, as a number of updates and sizes of batches.
#pragma once

#include "finetune/common/stop.h"
#include "finetune/compare/candidate.h"
#include "finetune/compare/journal.h"
#include "finetune/compare/with_budget.h"
#include "finetune/preprocess/prepared_data.h"

namespace thaw {

class CandidateBudgets {
 public:
  // `data`: drawn as for tuning. `measure` trains a config and returns what it took.
  // A measure that `stop` cut short is none.
  CandidateBudgets(Budget budget, PreparedData data, Journal& journal, Measure measure,
                   const StopToken* stop);

  // The config of a run. A measure of time is not the same twice: it is taken once for each set of options,
  // and a comparison that goes on takes what it found before. Throws OverBudget.
  Config config_of(const Candidate& candidate, const Hyperparameters& choice);

 private:
  Budget budget_;
  PreparedData data_;
  Journal& journal_;
  Measure measure_;
  const StopToken* stop_;
};

}  // namespace thaw
