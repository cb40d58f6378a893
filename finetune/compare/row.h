// From what a run gave to a row of the comparison's results.
#pragma once

#include <string>
#include <vector>

#include "finetune/compare/candidate.h"
#include "finetune/report/comparison.h"

namespace thaw {

// A run is no result where its answers are not finite, though its weights may be.
void settle(ReportedRun& row);

// All but who ran and on which draw; test evaluations are added to those that `row` has.
void fill_row(ReportedRun& row, RunResult result);

void fill_trial(TuningTrial& trial, const RunResult& result, const std::string& metric);

// In the order of these strategies, then of seeds.
void sort_rows(std::vector<ReportedRun>& rows, const std::vector<std::string>& strategies);
// In the order of the candidates, each one's as they are.
void sort_trials(std::vector<TuningTrial>& trials, const std::vector<Candidate>& candidates);

// The first run of a strategy that ended well; null: none did.
const ReportedRun* first_run_of(const std::string& strategy, const std::vector<ReportedRun>& runs);

}  // namespace thaw
