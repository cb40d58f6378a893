// A RunResult as JSON, and back: for checkpoints and for the journal of a comparison. For the few sources that hold
// nlohmann/json.
#pragma once

#include "finetune/common/json.h"
#include "finetune/train/run_result.h"

namespace thaw {

// All of it but was_finished and what is predicted of the ledger: who reads it predicts that again.
Json result_json(const RunResult& result);
// Throws Json::exception for JSON that is none of a result's.
RunResult read_result(const Json& json);
// Throws Json::exception for a name that is none.
RunStatus read_status(const Json& json);

}  // namespace thaw
