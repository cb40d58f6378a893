// What a run says of itself when it has ended: run.json.
#pragma once

#include <string>

#include "finetune/config/config.h"
#include "finetune/train/run_result.h"

namespace thaw {

// The status in the text of a run.json; one that cannot be read counts as ok, for its run did end.
RunStatus recorded_status(const std::string& run_json);

struct RunContext {  // what run.json says beside the result
  std::string version, compiler;
  std::string model;
  double load_seconds = 0, calibration_seconds = 0, test_seconds = 0;
  std::string test_hash;  // of the test data; empty: none
};
std::string run_json(const Config& config, const RunResult& result, const RunContext& context);

// CPU name, threads, compiler, thaw's version: for run.json and bench reports.
std::string cpu_name();

}  // namespace thaw
