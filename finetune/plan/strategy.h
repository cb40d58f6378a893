// Strategies: from a model's groups and a few options to a plan, and to what else a strategy asks of the
// trainer. Each is one file in strategies/ with a line in strategies/registry.cpp.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "finetune/plan/model_info.h"
#include "finetune/plan/plan.h"
#include "finetune/plan/plan_text.h"
#include "nn/layers/adapter.h"

namespace thaw {

// Adapters, which are put on Linear layers before the plan is resolved.
// A layer whose LoRA differs from the others'.
struct LayerLora {
  std::string path;
  std::int64_t r = 8;
  double alpha = 8;
};

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
  std::optional<std::string> schedule = std::nullopt;  // where the config sets no train.schedule
  std::vector<std::string> warnings = {};
};

// Numbers are doubles, whole ones too.
using OptionValue = std::variant<bool, double, std::string, std::vector<std::string>>;
using OptionMap = std::map<std::string, OptionValue>;
std::string to_text(const OptionValue& value);  // as in TOML
// "alpha = 8, r = 4"; empty for none.
std::string options_text(const OptionMap& options);

struct OptionSpec {
  std::string name;
  OptionValue default_value;
  std::string doc;
  std::vector<OptionValue> tried = {};  // a knob: what compare draws from beside the default
};

// What a config's [strategy] table says: options, and the [[strategy.phase]] tables.
struct StrategyRequest {
  std::string name;
  OptionMap options;
  std::vector<Phase> phases;
};

// The options of one strategy, every one with a value. The getters throw InputError where the value is not
// what they ask for; asking for an option of another type than its default is a mistake in the strategy and
// asserts.
class StrategyOptions {
 public:
  // InputError for an option that `specs` lacks (names the nearest) and for a value of another type.
  StrategyOptions(const std::string& strategy, const std::vector<OptionSpec>& specs,
                  const StrategyRequest& request);

  double number(const std::string& name, double least, double most) const;
  std::int64_t whole_number(const std::string& name, std::int64_t least, std::int64_t most) const;
  bool flag(const std::string& name) const;
  const std::string& text(const std::string& name) const;
  const std::vector<std::string>& list(const std::string& name) const;
  const std::vector<Phase>& phases() const { return phases_; }

  // For the message of a check that a getter does not make.
  [[noreturn]] void refuse(const std::string& name, const std::string& mend) const;

 private:
  std::string strategy_;
  OptionMap values_;
  std::vector<Phase> phases_;
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

const std::vector<StrategySpec>& strategies();

// By name; "top-2" is top-k with k = 2, "block-2" is block-k. InputError for an unknown name.
const StrategySpec& find_strategy(const std::string& name);

// Options that every strategy takes: frozen_norm, frozen_dropout, state and rewarmup.
const std::vector<OptionSpec>& common_options();

Strategy make_strategy(const StrategyRequest& request, const ModelInfo& model);

}  // namespace thaw
