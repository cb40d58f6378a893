// lora: low-rank adapters on Linear layers train, and the modules to save; nothing else
// (Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models"). Options are named as in PEFT.
#include <algorithm>

#include "core/error.h"
#include "finetune/data/text.h"
#include "finetune/nearest.h"
#include "finetune/strategies/strategies.h"

namespace thaw {
namespace {

// The paths of modules that hold parameters, inner ones and those around them.
std::vector<std::string> module_paths(const ModelInfo& model) {
  std::vector<std::string> paths;
  for (const ParameterInfo& parameter : model.parameters) {
    for (size_t dot = parameter.name.find('.'); dot != std::string::npos;
         dot = parameter.name.find('.', dot + 1)) {
      const std::string path = parameter.name.substr(0, dot);
      if (std::find(paths.begin(), paths.end(), path) == paths.end()) paths.push_back(path);
    }
  }
  return paths;
}

// A module is named by its path or the end of it, as in PEFT.
bool is_named(const std::string& path, const std::string& module) {
  const std::string end = "." + module;
  return path == module || (path.size() > end.size() && path.substr(path.size() - end.size()) == end);
}

std::string selector_of(const std::vector<std::string>& modules, const ModelInfo& model) {
  std::string selector;
  const std::vector<std::string> paths = module_paths(model);
  for (const std::string& module : modules) {
    const size_t length = selector.size();
    for (const std::string& path : paths) {
      if (is_named(path, module)) selector += "," + path + ".*";
    }
    if (selector.size() > length) continue;
    fail_input("no module is named ", in_quotes(module), " (strategy.modules_to_save)",
               did_you_mean(module, paths), "; the modules are ", name_list(paths));
  }
  return selector;
}

Strategy make_lora(const ModelInfo& model, const StrategyOptions& options) {
  LoraSpec lora;
  lora.r = options.whole_number("r", 1, 65536);
  lora.alpha = options.number("alpha", 1e-6, 1e6);
  lora.dropout = options.number("dropout", 0, 0.99);
  lora.target_modules = options.list("target_modules");
  lora.modules_to_save = options.list("modules_to_save");
  const std::string saved =
      lora.modules_to_save.empty() ? ",top:0" : selector_of(lora.modules_to_save, model);
  return {.plan = single_phase("kind:lora" + saved), .lora = lora};
}

}  // namespace

StrategySpec lora_strategy() {
  const std::vector<std::string> none;
  return {"lora",
          "train low-rank adapters and the head",
          10.0,
          {{"r", 8.0, "rank of the adapters", {2.0, 4.0, 16.0}},
           {"alpha", 8.0, "the adapters' output is scaled by alpha / r"},
           {"dropout", 0.0, "dropout of the adapters' input"},
           {"target_modules", none, "Linear layers to adapt; by default every one below the head"},
           {"modules_to_save", none, "modules trained beside the adapters; by default the head's"}},
          make_lora};
}

}  // namespace thaw
