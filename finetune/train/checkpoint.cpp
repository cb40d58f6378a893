#include "finetune/train/checkpoint.h"

#include <algorithm>
#include <filesystem>

#include "core/autograd.h"
#include "core/error.h"
#include "finetune/common/json.h"
#include "finetune/model/weights_hash.h"
#include "finetune/train/run_result_json.h"
#include "kernels/kernels.h"
#include "nn/io/safetensors.h"
#include "nn/io/sha256.h"

namespace thaw {
namespace {

namespace fs = std::filesystem;

Json state_json(const RunState& state) {
  return {{"result", result_json(state.result)},
          {"phase_began", state.phase_began},
          {"best_value", state.best_value},
          {"best_step", state.best_step},
          {"metrics_bytes", state.metrics_bytes}};
}

RunState read_state(const Json& json) {
  RunState state;
  state.result = read_result(json.at("result"));
  state.phase_began = json.at("phase_began");
  state.best_value = json.at("best_value");
  state.best_step = json.at("best_step");
  state.metrics_bytes = json.at("metrics_bytes");
  return state;
}

// Over names, bytes and state, in a fixed order.
std::string checksum(const NamedTensors& tensors, const std::string& state) {
  NamedTensors sorted = tensors;
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  Sha256 hash;
  for (const auto& [name, tensor] : sorted) add_tensor(hash, name, tensor);
  hash.update(state);
  return hash.hex();
}

std::vector<fs::path> checkpoint_files(const std::string& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("step-") && name.ends_with(".safetensors")) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());  // zero-padded names: by step
  return files;
}

std::string file_name(std::int64_t completed) {
  std::string digits = std::to_string(completed);
  return "step-" + std::string(std::max<std::size_t>(10, digits.size()) - digits.size(), '0') + digits +
         ".safetensors";
}

bool is_whole(const std::string& path, std::string& why) {
  try {
    const SafetensorsFile file(path);
    NamedTensors tensors;
    for (const auto& entry : file.entries()) tensors.emplace_back(entry.name, file.load(entry.name));
    const auto& metadata = file.metadata();
    if (!metadata.contains("state") || !metadata.contains("sha256"))
      why = "it is no checkpoint";
    else if (metadata.at("sha256") != checksum(tensors, metadata.at("state")))
      why = "its checksum is wrong";
    return why.empty();
  } catch (const Error& error) {
    why = error.what();
    return false;
  }
}

}  // namespace

void save_checkpoint(const std::string& folder, const CheckpointView& view, std::int64_t keep) {
  const NamedModelTensors all = model_tensors(view.model);
  NamedTensors tensors;
  for (std::size_t i = 0; i < all.names.size(); ++i) {
    tensors.emplace_back("model." + all.names[i], all.tensors[i]);
    if (!view.best.empty()) tensors.emplace_back("best." + all.names[i], view.best[i]);
    if (!view.rollback.empty()) tensors.emplace_back("rollback." + all.names[i], view.rollback[i]);
  }
  Json steps = Json::object();
  const std::vector<const char*> slots = view.optimizer.slot_names();
  for (const ParameterPtr& parameter : view.optimizer.parameters()) {
    const OptimizerState& state = view.optimizer.state(*parameter);
    if (state.slots.empty() && state.steps == 0) continue;
    steps[parameter->name] = state.steps;
    for (std::size_t s = 0; s < state.slots.size(); ++s)
      tensors.emplace_back(concat("optimizer.", slots[s], '.', parameter->name), state.slots[s]);
  }
  const Json fields{{"run", state_json(view.state)},
                    {"optimizer_steps", steps},
                    {"fingerprint", view.identity.fingerprint},
                    {"starting_model", view.identity.starting_model}};
  const std::string everything = json_line(fields);
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    fail("cannot make the folder ", folder, ": ", error.message(), "; free space or choose another --out");
  save_safetensors(folder + "/" + file_name(view.state.result.completed), tensors,
                   {{"state", everything}, {"sha256", checksum(tensors, everything)}});
  std::vector<fs::path> files = checkpoint_files(folder);
  // What has a later step is of a future that this run has left: it was passed over when the run was resumed.
  while (!files.empty() && files.back().filename() > file_name(view.state.result.completed)) {
    fs::remove(files.back(), error);
    files.pop_back();
  }
  for (std::size_t i = 0; i + static_cast<std::size_t>(std::max<std::int64_t>(keep, 1)) < files.size(); ++i)
    fs::remove(files[i], error);
}

std::optional<FoundCheckpoint> find_checkpoint(const std::string& folder) {
  FoundCheckpoint found;
  std::vector<fs::path> files = checkpoint_files(folder);
  for (auto file = files.rbegin(); file != files.rend(); ++file) {
    std::string why;
    if (is_whole(file->string(), why)) {
      found.path = file->string();
      return found;
    }
    found.notes.push_back("the checkpoint " + file->string() + " is passed over: " + why);
  }
  if (!found.notes.empty()) return found;
  return std::nullopt;
}

void refuse_checkpoint(const std::string& path, const std::string& why) {
  fail_input("the checkpoint ", path, " holds what no run saves: ", why,
             "; remove it to go on from an older one");
}

namespace {

// A right checksum says that the file is as it was written, not that a run of thaw wrote it.
void check_state(const RunState& state, const std::string& path) {
  const auto check = [&](bool good, const char* key) {
    if (!good) refuse_checkpoint(path, concat("'", key, "' is out of range"));
  };
  const RunResult& r = state.result;
  const auto is_step = [&](std::int64_t step) { return step >= 0 && step <= r.completed; };
  check(r.completed >= 1, "completed");
  check(is_step(state.phase_began), "phase_began");
  check(state.best_step == -1 || (state.best_step >= 1 && is_step(state.best_step)), "best_step");
  check(r.rollbacks >= 0, "rollbacks");
  check(r.skipped >= 0, "skipped");
  check(state.metrics_bytes >= 0, "metrics_bytes");
  check(!r.proofs.empty(), "proofs");
  // What only the end of a run knows.
  check(r.status == RunStatus::ok && r.message.empty(), "status");
  check(r.never_began.empty(), "never_began");
  check(r.test.empty() && r.test_scores.empty() && r.confusion.empty() && r.test_evaluations == 0, "test");
  for (const Trigger& trigger : r.triggers) check(trigger.phase >= 0 && is_step(trigger.step), "triggers");
  for (const Evaluation& evaluation : r.evaluations) check(is_step(evaluation.step), "evaluations");
}

void check_identity(const Json& json, const RunIdentity& identity, const std::string& path) {
  if (json.at("fingerprint") != identity.fingerprint)
    fail_input(
        "the checkpoint ", path,
        " was made with another config or other data; resume with the same ones, or choose another --out");
  if (json.value("starting_model", "") != identity.starting_model)
    fail_input("the checkpoint ", path,
               " is of a run that began with another model: what model.from or model.init names has changed; "
               "put back what was there, or choose another --out");
}

RunState load_parts(const std::string& path, Model& model, Optimizer& optimizer, Snapshot& best,
                    Snapshot& rollback, const RunIdentity& identity) {
  const SafetensorsFile file(path);
  const Json json = Json::parse(file.metadata().at("state"));
  check_identity(json, identity, path);
  const NamedModelTensors all = model_tensors(model);
  best.clear();
  rollback.clear();
  for (std::size_t i = 0; i < all.names.size(); ++i) {
    copy_into(all.tensors[i], file.load("model." + all.names[i]));
    const CategoryScope category(memory::Category::snapshot);
    if (file.contains("best." + all.names[i])) best.push_back(file.load("best." + all.names[i]));
    if (file.contains("rollback." + all.names[i])) rollback.push_back(file.load("rollback." + all.names[i]));
  }
  for (const Snapshot* kept : {&best, &rollback})
    if (!kept->empty() && kept->size() != all.names.size())
      refuse_checkpoint(path, "a snapshot of the weights lacks some of them");
  const std::vector<const char*> slots = optimizer.slot_names();
  const Json& steps = json.at("optimizer_steps");
  for (const ParameterPtr& parameter : optimizer.parameters()) {
    if (!steps.contains(parameter->name)) continue;
    OptimizerState state;
    state.steps = steps.at(parameter->name);
    if (state.steps < 1) refuse_checkpoint(path, "'optimizer_steps' is out of range");
    const CategoryScope category(memory::Category::optimizer);
    for (const char* slot : slots) {
      const std::string name = concat("optimizer.", slot, '.', parameter->name);
      if (file.contains(name)) state.slots.push_back(file.load(name));
    }
    optimizer.restore_state(*parameter, std::move(state));
  }
  RunState state = read_state(json.at("run"));
  check_state(state, path);
  return state;
}

}  // namespace

RunState load_checkpoint(const std::string& path, Model& model, Optimizer& optimizer, Snapshot& best,
                         Snapshot& rollback, const RunIdentity& identity) {
  try {
    return load_parts(path, model, optimizer, best, rollback, identity);
  } catch (const Json::exception& error) {
    refuse_checkpoint(path, error.what());
  }
}

}  // namespace thaw
