#include "finetune/train/run_records.h"

#include <cmath>

#include "core/error.h"
#include "finetune/common/json.h"
#include "finetune/config/config_text.h"
#include "finetune/task/metrics_json.h"
#include "finetune/train/ledger.h"
#include "nn/io/sha256.h"

namespace thaw {
namespace {

void add_array(Json& json, const std::array<double, kSections>& values) {
  for (const double value : values) json.push_back(value);
}
void read_array(const Json& json, std::array<double, kSections>& values) {
  for (std::size_t s = 0; s < values.size(); ++s) values[s] = json.at(s);
}

}  // namespace

std::string update_line(std::int64_t step, std::int64_t updates_per_epoch, double loss, double lr,
                        int phase) {
  const double epoch = static_cast<double>(step) / static_cast<double>(updates_per_epoch);
  return Json{{"step", step}, {"epoch", epoch}, {"loss", json_number(loss)}, {"lr", lr}, {"phase", phase}}
      .dump();
}

std::string evaluation_line(std::int64_t step, const std::string& split, const Metrics& metrics, int phase) {
  Json json{{"step", step}, {"split", split}, {"phase", phase}};
  json.update(metrics_json(metrics));
  return json.dump();
}

std::string hash_of_inputs(const PreparedData& data) {
  Sha256 hash;
  for (const Dataset* part : {&data.train, &data.validation}) {
    hash.update(part->x.data(), part->x.size() * sizeof(float));
    for (const std::vector<std::int64_t>& tokens : part->tokens) {
      hash.update(std::to_string(tokens.size()) + '\n');
      hash.update(tokens.data(), tokens.size() * sizeof(std::int64_t));
    }
    for (const std::vector<std::int64_t>& types : part->types)
      hash.update(types.data(), types.size() * sizeof(std::int64_t));
    hash.update(std::to_string(part->pad_id));
    hash.update(part->label.data(), part->label.size() * sizeof(std::int64_t));
    hash.update(part->target.data(), part->target.size() * sizeof(double));
    hash.update(part->id.data(), part->id.size() * sizeof(std::int64_t));
    for (const auto* names : {&part->columns, &part->classes})
      for (const std::string& name : *names) hash.update(name.c_str(), name.size() + 1);
  }
  return hash.hex();
}

std::string run_fingerprint(const Config& config, const PreparedData& data) {
  return sha256_hex(to_toml(config) + hash_of_inputs(data));
}

std::string phase_records(const RunOutcome& outcome) {
  Json proofs = Json::array();
  for (const FrozenProof& p : outcome.proofs)
    proofs.push_back({p.phase, p.begin, p.end, p.tensors, p.bytes, p.sha256_start, p.sha256_end});
  Json rows = Json::array();
  for (const LedgerPhase& row : outcome.ledger.phases) {
    Json flops = Json::array(), seconds = Json::array(), group_flops = Json::array(),
         group_seconds = Json::array();
    add_array(flops, row.measured.flops);
    add_array(seconds, row.measured.seconds);
    for (const auto& values : row.measured.group_flops) add_array(group_flops, values);
    for (const auto& values : row.measured.group_seconds) add_array(group_seconds, values);
    rows.push_back(
        {{"phase", row.phase},
         {"wall", row.seconds},
         {"measured", row.was_measured},
         {"flops", flops},
         {"seconds", seconds},
         {"group_flops", group_flops},
         {"group_seconds", group_seconds},
         {"bytes", {row.measured.saved_bytes, row.measured.gradient_bytes, row.measured.optimizer_bytes}}});
  }
  return Json{{"proofs", proofs}, {"rows", rows}, {"validation", outcome.validation}}.dump();
}

namespace {

[[noreturn]] void refuse_records(const std::string& why) {
  fail_input("the records of its phases are damaged: ", why);
}

void restore_records(const Json& json, RunOutcome& outcome) {
  outcome.proofs.clear();
  for (const Json& p : json.at("proofs"))
    outcome.proofs.push_back({p.at(0), p.at(1), p.at(2), p.at(3), p.at(4), p.at(5), p.at(6)});
  if (outcome.proofs.empty()) refuse_records("there is no proof of what is frozen");
  if (outcome.proofs.back().begin < 0) refuse_records("a phase begins before the run");
  outcome.validation.clear();
  for (const Json& pair : json.at("validation"))  // null: not finite
    outcome.validation.emplace_back(pair.at(0),
                                    pair.at(1).is_null() ? std::nan("") : pair.at(1).get<double>());
  for (const Json& saved : json.at("rows"))
    for (LedgerPhase& row : outcome.ledger.phases) {
      if (row.phase != saved.at("phase").get<int>()) continue;
      row.seconds = saved.at("wall");
      row.was_measured = saved.at("measured");
      StepCost& cost = row.measured;
      read_array(saved.at("flops"), cost.flops);
      read_array(saved.at("seconds"), cost.seconds);
      const std::size_t values = saved.at("group_flops").size(), groups = values / kSections;
      if (row.was_measured && (groups < outcome.ledger.groups.size() || values % kSections != 0))
        refuse_records(
            concat("'group_flops' has ", values, " values for ", outcome.ledger.groups.size(), " groups"));
      cost.group_flops.resize(groups);
      cost.group_seconds.resize(groups);
      for (std::size_t i = 0; i < groups * kSections; ++i) {
        cost.group_flops[i / kSections][i % kSections] = saved.at("group_flops").at(i);
        cost.group_seconds[i / kSections][i % kSections] = saved.at("group_seconds").at(i);
      }
      cost.saved_bytes = saved.at("bytes").at(0);
      cost.gradient_bytes = saved.at("bytes").at(1);
      cost.optimizer_bytes = saved.at("bytes").at(2);
    }
}

}  // namespace

void restore_phase_records(const std::string& text, RunOutcome& outcome) {
  try {
    restore_records(Json::parse(text), outcome);
  } catch (const Json::exception& error) {
    refuse_records(error.what());
  }
}

void restore_phase_records(const std::string& text, RunOutcome& outcome, const std::string& path) {
  try {
    restore_phase_records(text, outcome);
  } catch (const InputError& error) {
    refuse_checkpoint(path, error.what());
  }
}

Ledger with_measurements(Ledger next, const Ledger& before) {
  for (LedgerPhase& row : next.phases)
    for (const LedgerPhase& old : before.phases) {
      if (old.phase != row.phase) continue;
      row.measured = old.measured;
      row.was_measured = old.was_measured;
      row.seconds = old.seconds;
    }
  return next;
}

}  // namespace thaw
