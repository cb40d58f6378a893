// The runs of a comparison's candidates and baselines: for budgets, of tuning, and reported.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "finetune/compare/candidate.h"
#include "finetune/compare/compare.h"
#include "finetune/model/model_source.h"
#include "finetune/preprocess/prepared_data.h"

namespace thaw {

class CandidateRuns {
 public:
  using Say = std::function<void(const std::string&)>;
  // `config`: of the comparison; `loaded`: its data before a training set is drawn.
  CandidateRuns(const CompareRequest& request, const Config& config, const ModelSource& source,
                const PreparedData& loaded, Say say)
      : request_(request), config_(config), source_(source), loaded_(loaded), say_(std::move(say)) {}

  PreparedData draw(std::uint64_t seed) const;
  std::uint64_t tuning_seed() const;  // which is not reported
  // Fills the trial with what a run of `config` gives. False where a signal came in between.
  bool run_trial(const Candidate& candidate, const Config& config, const std::string& metric,
                 TuningTrial& trial) const;
  // Fills the row, with its run's folder. False where a signal came in between.
  bool report(const Candidate& candidate, const Config& config, ReportedRun& row) const;
  void report_baseline(ReportedRun& row) const;

 private:
  RunRequest request_for(const Config& config, std::uint64_t seed, const ModelSource& source,
                         const PreparedData& data) const;

  const CompareRequest& request_;
  const Config& config_;
  const ModelSource& source_;
  const PreparedData& loaded_;
  Say say_;
};

}  // namespace thaw
