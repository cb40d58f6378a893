// What selectors, plans and strategies need to know of a model: names, groups, kinds and sizes, no tensors. A
// plan can so be made, checked and drawn without a model in memory.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nn/parameter.h"

namespace thaw {

class Model;

struct ParameterInfo {
  std::string name;
  std::vector<std::string> aliases;  // further names of a tied weight
  int group = 0;                     // index into ModelInfo::groups
  ParameterKind kind = ParameterKind::weight;
  bool is_bias = false;  // a norm's bias is of kind norm, with is_bias
  std::int64_t numel = 0;
};

struct ModelInfo {
  std::vector<std::string> groups;  // from bottom to top; the last is the head
  std::vector<ParameterInfo> parameters;

  bool head_is_new = true;  // it begins with random weights; false where they come with the model

  int head() const { return static_cast<int>(groups.size()) - 1; }
  bool has_parameters(int group) const;
};

// In the order of Model::parameters(). Adapters added later are not in it: describe the model again.
ModelInfo describe(const Model& model);

}  // namespace thaw
