// A comparison and the register of test evaluations: what it enters there, and what it finds.
#pragma once

#include <string>
#include <vector>

#include "finetune/model/model_source.h"
#include "finetune/preprocess/prepared_data.h"
#include "finetune/run/test_evaluations.h"

namespace thaw {

// SHA-256 of what training starts from: the model, and the inputs as it takes them (tokens, scaled values).
std::string starting_fingerprint(const Config& config, const ModelSource& source, const PreparedData& drawn,
                                 bool allow_missing);

// SHA-256 of all that a repetition has the same: the config, the data and `start`, starting_fingerprint(). Other
// rows or another network under the old names are a choice.
std::string comparison_fingerprint(const Config& config, const PreparedData& loaded,
                                   const std::string& start);

struct EvaluationsBefore {
  std::vector<std::string> repeated;  // of the same identity: a sentence each
  std::vector<std::string> others;    // of another: who and when
};

// Test evaluations on the same data before the first one since `began` by the folder of `own`.
EvaluationsBefore evaluations_before(const TestEvaluation& own, const std::string& began);

}  // namespace thaw
