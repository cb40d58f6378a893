// What `thaw train` makes of a config, one step at a time; what the config names is opened for each.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "finetune/model/starting_model.h"
#include "finetune/plan/adapters.h"
#include "finetune/run/prepare_data.h"
#include "finetune/run/run.h"

namespace thaw::test {

inline PreparedData data_of(const Config& config, bool want_test = false) {
  return prepare_data(config, open_source(config.model), config.train.seed, want_test, false);
}

// Before the training samples are drawn.
inline PreparedData loaded_of(const Config& config, bool want_test, bool refuse_duplicates = false) {
  return load_data(config, open_source(config.model), want_test, refuse_duplicates);
}

inline PreparedModel model_of(const Config& config, const PreparedData& data, std::uint64_t seed = 0,
                              const std::optional<AdapterSpec>& adapters = std::nullopt) {
  const ModelSource source = open_source(config.model);
  return prepare_model(model_config(source, data), source, data, seed, adapters, false);
}

inline Strategy strategy_of(const Config& config, const PreparedData& data) {
  return set_up_run(config, open_source(config.model), data).strategy;
}

inline bool has_new_head(const Config& config, const PreparedData& data) {
  const ModelSource source = open_source(config.model);
  return head_is_new(source, data, *make_meta_model(model_config(source, data)));
}

inline RunResult train_on(const PreparedData& data, const Config& config, const std::string& out = "") {
  const ModelSource source = open_source(config.model);
  return run_training({.config = config, .source = source, .data = data, .out = out});
}

inline RunResult train(const Config& config, const std::string& out = "", const Trainer::Hooks& hooks = {}) {
  const ModelSource source = open_source(config.model);
  const PreparedData data = prepare_data(config, source, config.train.seed, false, false);
  return run_training({.config = config, .source = source, .data = data, .out = out, .hooks = hooks});
}

}  // namespace thaw::test
