// What a comparison tells of itself beside its tables: a sentence each.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "finetune/compare/with_budget.h"
#include "finetune/config/config.h"
#include "finetune/preprocess/prepared_data.h"
#include "finetune/report/comparison.h"
#include "finetune/run/prepare_data.h"

namespace thaw {

// InputError where there is nothing to compare, no test data (in `loaded`, see load_data) or no update, and
// where nothing can be chosen on.
void check_comparable(const Config& config, const PreparedData& loaded);

// Where it runs.
void note_machine(CompareOutcome& outcome);

// That in words: on what seconds are measured.
std::string machine_of(const CompareOutcome& outcome);
// That the runs' seconds were measured on several.
std::vector<std::string> machine_notes(const std::vector<ReportedRun>& runs);

// What the config asks for and does not get: nothing learnt to freeze, a strategy that is not compared.
std::vector<std::string> config_notes(const Config& config, const ModelSource& source);

// That `now` seeds are compared, and `before` were when the first result came.
std::string added_seeds_note(std::int64_t before, std::int64_t now);

// That others evaluated on the test data; `evaluations` has one at least.
std::string earlier_evaluations_note(const std::vector<std::string>& evaluations);

// How long a budget of seconds takes over `runs` runs that train.
std::vector<std::string> budget_notes(const Budget& budget, std::int64_t runs);

// Which strategies trained for more than 20 % longer or shorter than a budget of seconds, on average.
std::vector<std::string> missed_budget_notes(const Budget& budget,
                                             const std::vector<StrategySummary>& summaries);

// What is to be said of the runs when all have ended: both of these.
std::vector<std::string> closing_notes(const Budget& budget, const CompareOutcome& outcome);

}  // namespace thaw
