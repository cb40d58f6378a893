// RunResult: what a run found, cost and left. The trainer fills it while it trains, a checkpoint carries it, and whoever
// reports of the run reads it: run.json, the journal of a comparison, tables and reports.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "finetune/plan/plan.h"
#include "finetune/task/confusion.h"
#include "finetune/task/metrics.h"
#include "finetune/train/frozen_proof.h"
#include "finetune/train/layer_statistics.h"
#include "finetune/train/ledger.h"

namespace thaw {

enum class RunStatus { ok, diverged, interrupted, failed };
const char* status_name(RunStatus status);
// Nothing for a name that is none.
std::optional<RunStatus> status_named(const std::string& name);

// On the validation data, on the way.
struct Evaluation {
  std::int64_t step = 0;  // after so many updates
  Metrics metrics;
  double seconds = 0;  // of training before it
};

struct RunResult {
  RunStatus status = RunStatus::ok;
  std::string message;  // of a divergence

  std::int64_t completed = 0;             // updates
  std::int64_t kept = 0;                  // the weights after so many updates: the last, or the best
  bool kept_is_of_earlier_phase = false;  // than the last one that trained
  std::vector<std::string> never_began;   // phases of the plan, of a run that ended well: "phase 2 (epoch 1)"
  Triggers triggers;                      // of phases that begin when something happens
  double last_loss = 0;
  std::int64_t skipped = 0, rollbacks = 0;  // updates that train.nan passed over or undid

  // Of a run of its own: with what computing took of entries of the prefix cache that other runs had left.
  double train_seconds = 0, first_epoch_seconds = 0, evaluation_seconds = 0;
  double shared_seconds = 0;  // of train_seconds: those that it did not spend
  double flops = 0;           // of all training updates, as the kernels count them
  // Allocator's peak in training less what was there before (weights, data), and the entries of the prefix cache that
  // it used.
  std::int64_t peak_bytes = 0;
  std::int64_t trainable = 0;  // elements that some phase trained
  Ledger ledger;
  std::vector<FrozenProof> proofs;
  std::vector<LayerSample> layer_samples;

  std::vector<Evaluation> evaluations;
  Metrics validation;  // of the weights that were kept

  Metrics test;                    // empty: not evaluated
  std::vector<float> test_scores;  // of each test example, see example_scores()
  Confusion confusion;             // of the test data; empty: regression
  std::int64_t test_evaluations = 0;

  bool was_finished = false;  // the run had ended before it was asked to go on: nothing was done
};

}  // namespace thaw
