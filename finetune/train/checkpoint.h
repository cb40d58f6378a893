// Checkpoints: everything a run needs to go on with the same bits. One safetensors file each, checksummed,
// written so that a kill at any moment leaves the older one whole.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "finetune/model/snapshot.h"
#include "finetune/train/run_result.h"
#include "nn/module.h"
#include "nn/optim/optimizer.h"

namespace thaw {

// How far a run has come, beside its tensors.
struct RunState {
  RunResult result;              // so far
  std::int64_t phase_began = 0;  // the phase in force, after so many updates
  double best_value = 0;
  std::int64_t best_step = -1;     // -1: none yet
  std::int64_t metrics_bytes = 0;  // length of metrics.jsonl: what came later is cut off on resume
};

// What a run and the one that goes on with it have the same.
struct RunIdentity {
  std::string fingerprint;     // run_fingerprint(): config and data
  std::string starting_model;  // hash_of_model() of the one that training begins with
};

struct CheckpointView {
  const Model& model;
  const Optimizer& optimizer;
  const RunState& state;
  const Snapshot& best;      // empty: none kept
  const Snapshot& rollback;  // likewise
  const RunIdentity& identity;
};

// Writes folder/step-N.safetensors and removes older ones beyond `keep`.
void save_checkpoint(const std::string& folder, const CheckpointView& view, std::int64_t keep);

// The newest checkpoint of a folder that is whole (checksum right); damaged ones are passed over with a note.
struct FoundCheckpoint {
  std::string path;
  std::vector<std::string> notes;
};
std::optional<FoundCheckpoint> find_checkpoint(const std::string& folder);

// InputError: what the checkpoint at `path` holds is not what a run saves.
[[noreturn]] void refuse_checkpoint(const std::string& path, const std::string& why);

// Puts a checkpoint's contents in place. InputError when it belongs to another run, or holds what no run
// saves.
RunState load_checkpoint(const std::string& path, Model& model, Optimizer& optimizer, Snapshot& best,
                         Snapshot& rollback, const RunIdentity& identity);

}  // namespace thaw
