#include "finetune/run/run_report.h"

#include <cmath>
#include <fstream>

#include "core/error.h"
#include "finetune/common/json.h"
#include "finetune/task/metrics_json.h"
#include "kernels/kernels.h"
#include "nn/io/files.h"

namespace thaw {
namespace {

Json proof_json(const FrozenProof& proof) {
  return Json{{"phase", proof.phase},
              {"updates", {proof.begin + 1, proof.end}},
              {"frozen",
               {{"tensors", proof.tensors},
                {"bytes", proof.bytes},
                {"sha256_start", proof.sha256_start},
                {"sha256_end", proof.sha256_end},
                {"equal", proof.equal()}}}};
}

}  // namespace

RunStatus recorded_status(const std::string& run_json) {
  const Json json = Json::parse(run_json, nullptr, false);
  const Json status = json.is_object() ? json.value("status", Json()) : Json();
  const bool diverged = status.is_string() && status_named(status.get<std::string>()) == RunStatus::diverged;
  return diverged ? RunStatus::diverged : RunStatus::ok;
}

std::string run_json(const Config& config, const RunResult& result, const RunContext& context) {
  Json phases = Json::array();
  for (const FrozenProof& proof : result.proofs) phases.push_back(proof_json(proof));
  Json triggers = Json::array();
  for (const Trigger& trigger : result.triggers)
    triggers.push_back({{"phase", trigger.phase}, {"step", trigger.step}});
  Json json{{"thaw", context.version},
            {"compiler", context.compiler},
            {"cpu", cpu_name()},
            {"threads", num_threads()},
            {"device", "cpu"},
            {"strategy", config.strategy.name},
            {"model", context.model},
            {"seed", config.train.seed},
            {"split_seed", config.data.split_seed},
            {"status", status_name(result.status)},
            {"message", result.message},
            {"updates", result.completed},
            {"kept_update", result.kept},
            {"phases_that_never_began", result.never_began},
            {"final_loss", json_number(result.last_loss)},
            {"skipped_updates", result.skipped},
            {"rollbacks", result.rollbacks},
            {"seconds",
             {{"load", context.load_seconds},
              {"calibrate", context.calibration_seconds},
              {"train", result.train_seconds},
              {"evaluate", result.evaluation_seconds},
              {"test", context.test_seconds}}},
            {"flops", result.flops},
            {"peak_bytes", result.peak_bytes},
            {"trainable", result.trainable},
            {"validation", metrics_json(result.validation)},
            {"test_evaluations", result.test_evaluations},
            {"test_sha256", context.test_hash},
            {"test", metrics_json(result.test)},
            {"triggers", triggers},
            {"phases", phases}};
  return json_document(json);
}

std::string cpu_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "unknown";
}

}  // namespace thaw
