// What PEFT's adapter_config.json says of an adapter, and where the rest of its folder is.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "finetune/common/name_pattern.h"
#include "nn/io/weight_files.h"
#include "nn/layers/adapter.h"

namespace thaw {

inline constexpr const char* kAdapterConfigName = "/adapter_config.json";

// PEFT's rank_pattern and alpha_pattern: of the keys, in the file's order, the first that matches a module's
// name says its value.
struct LoraPattern {
  std::string key;
  NamePattern pattern;
  double value = 0;
};

struct AdapterFolder {
  std::string path;
  LoraOptions options;  // of the layers that no pattern names
  std::vector<LoraPattern> ranks, alphas;
  std::string task_type;            // as PEFT calls it: "SEQ_CLS"; empty: not said
  std::string base;                 // base_model_name_or_path; empty: not said
  std::vector<std::string> labels;  // the classes of its head, where thaw's preprocess.json says them
  std::string pooling;              // how its head takes a text, likewise
  std::shared_ptr<const WeightFiles> weights;
  // `module` as transformers calls it, without ".lora_A.weight".
  LoraOptions options_of(const std::string& module) const;
};

// It has an adapter_config.json and no config.json of a whole model.
bool is_adapter_folder(const std::string& path);

// InputError for what thaw has not: another peft_type, biases that train, starts that changed the base's
// weights, and any other key that would change the adapter.
AdapterFolder read_adapter_folder(const std::string& path);

}  // namespace thaw
