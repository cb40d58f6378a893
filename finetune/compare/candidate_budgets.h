// What each candidate of a comparison may spend, as a number of updates and sizes of batches.
#pragma once

#include <functional>

#include "finetune/common/stop.h"
#include "finetune/compare/candidate.h"
#include "finetune/compare/journal.h"
#include "finetune/compare/with_budget.h"
#include "finetune/preprocess/prepared_data.h"

namespace thaw {

class CandidateBudgets {
 public:
  // Told of a config before it is calibrated, which takes a while.
  using Announce = std::function<void(const Config&)>;
  // `data`: drawn as for tuning. A calibration that `stop` cut short is none.
  CandidateBudgets(Budget budget, PreparedData data, Journal& journal, Announce announce,
                   const StopToken* stop);

  // The config of a run. A calibration is not the same twice: it is taken once for each set of options,
  // and a comparison that goes on takes what it found before. Throws OverBudget.
  Config config_of(const Candidate& candidate, const Hyperparameters& choice);
  // For a run that is to begin: InputError where the journal has budgets of seconds of another machine.
  void check_machine() const;

 private:
  Budget budget_;
  PreparedData data_;
  Journal& journal_;
  Announce announce_;
  const StopToken* stop_;
};

}  // namespace thaw
