#include "finetune/plan/model_info.h"

#include <algorithm>

#include "nn/module.h"

namespace thaw {

bool ModelInfo::has_parameters(int group) const {
  return std::any_of(parameters.begin(), parameters.end(),
                     [group](const ParameterInfo& parameter) { return parameter.group == group; });
}

ModelInfo describe(const Model& model) {
  ModelInfo info;
  for (const Group& group : model.groups()) info.groups.push_back(group.name);
  for (const ParameterPtr& parameter : model.parameters()) {
    info.parameters.push_back({parameter->name, parameter->aliases, parameter->group, parameter->kind,
                               parameter->is_bias, parameter->tensor.numel()});
  }
  return info;
}

}  // namespace thaw
