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
  const bool diverged = json.is_object() && json.value("status", Json()) == status_name(RunStatus::diverged);
  return diverged ? RunStatus::diverged : RunStatus::ok;
}

std::string run_json(const Config& config, const RunOutcome& outcome, const RunContext& context) {
  Json phases = Json::array();
  for (const FrozenProof& proof : outcome.proofs) phases.push_back(proof_json(proof));
  Json triggers = Json::array();
  for (const Trigger& trigger : outcome.triggers)
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
            {"status", status_name(outcome.status)},
            {"message", outcome.message},
            {"updates", outcome.completed},
            {"kept_update", outcome.kept},
            {"phases_that_never_began", outcome.never_began},
            {"final_loss", json_number(outcome.last_loss)},
            {"skipped_updates", outcome.skipped},
            {"rollbacks", outcome.rollbacks},
            {"seconds",
             {{"load", context.load_seconds},
              {"train", outcome.train_seconds},
              {"evaluate", outcome.evaluation_seconds}}},
            {"flops", outcome.flops},
            {"peak_bytes", outcome.peak_bytes},
            {"trainable", outcome.trainable},
            {"validation", metrics_json(outcome.validation)},
            {"test_evaluations", context.test_evaluations},
            {"test_sha256", context.test_hash},
            {"test", metrics_json(context.test)},
            {"triggers", triggers},
            {"phases", phases}};
  return json.dump(2) + "\n";
}

std::string cpu_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "unknown";
}

}  // namespace thaw
