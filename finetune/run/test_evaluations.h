// The register of test evaluations, test_looks.jsonl, which stands beside the run folders: who evaluated on which
// test data before. A choice made after a test evaluation is no longer judged by data that it has not seen.
#pragma once

#include <string>
#include <vector>

namespace thaw {

struct TestEvaluation {
  std::string test;    // SHA-256 of the test data, see PreparedData
  std::string by;      // the absolute path of the folder of the comparison or run
  std::string config;  // SHA-256 of its config, of a comparison of its data and weights too: the same one
                       // again is a repetition and no new choice
  std::string time;    // UTC, ISO 8601
};

// The evaluations on `test` before the first one by `by` itself at the time `since` or later, oldest first, from
// the register beside it. Older ones by `by` are of a folder that had the same name. A line that cannot be
// read is passed over.
std::vector<TestEvaluation> earlier_evaluations(const std::string& test, const std::string& by,
                                                const std::string& since = {});

// Before anything is computed whose result a test evaluation will judge. InputError where one by `by` could not be
// entered: the register beside it cannot be written, or its name is no UTF-8.
void check_can_record(const std::string& by);

// Before the first test evaluation. Throws Error where the register cannot be written.
void record_test_evaluation(const TestEvaluation& evaluation);

// An evaluation of a run's model, entered where later comparisons read: beside the comparison that the run is
// of, or its study; else beside the run, which is `evaluation.by`.
void record_test_evaluation_with_model(const TestEvaluation& evaluation);

// The absolute path of a folder, under which its evaluations are registered.
std::string registered_name(const std::string& folder);

std::string now_utc();

}  // namespace thaw
