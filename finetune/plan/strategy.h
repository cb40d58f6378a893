// Strategies: from a model's groups and a few options to a plan, and to what else a strategy asks of the
// trainer. Each is one file in strategies/; strategies/registry.h lists them and finds them by name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "finetune/plan/model_info.h"
#include "finetune/plan/plan.h"
#include "finetune/plan/strategies/options.h"
#include "nn/layers/adapter.h"
#include "nn/optim/schedule.h"

namespace thaw {

// A layer whose LoRA differs from the others'.
struct LayerLora {
  std::string path;
  std::int64_t r = 8;
  double alpha = 8;
};

// Adapters, which are put on Linear layers before the plan is resolved.
struct AdapterSpec {
  AdapterOptions layer;
  std::vector<std::string> target_modules;   // paths or the ends of them; empty: the architecture's default
  std::vector<std::string> modules_to_save;  // trained beside the adapters; empty: the head's
  std::vector<LayerLora> layers = {};        // as the adapter has it that training starts from

  bool is_low_rank() const { return std::holds_alternative<LoraOptions>(layer); }  // LoRA or DoRA
};

// Adds to the loss: alpha / 2 * ||w - w_start||^2 over the trainable parameters below the head, and
// beta / 2 * ||w||^2 over the head's.
struct L2SpSpec {
  double alpha = 0.01;
  double beta = 0.01;
};

struct Strategy {
  Plan plan;  // with `adapters`, to be resolved for the model that has them
  std::optional<AdapterSpec> adapters = std::nullopt;
  std::optional<L2SpSpec> l2_sp = std::nullopt;
  std::optional<ScheduleKind> schedule = std::nullopt;  // where the config sets no train.schedule
  std::vector<std::string> warnings = {};
};

struct StrategySpec {
  std::string name;
  std::string summary;
  // A good learning rate relative to full fine-tuning's: the middle of those that compare tries. Untuned, in
  // `compare` as in `train`, the learning rate is train.lr.
  double default_lr_scale = 1.0;
  std::vector<OptionSpec> options;
  Strategy (*make)(const ModelInfo& model, const StrategyOptions& options) = nullptr;
};

}  // namespace thaw
