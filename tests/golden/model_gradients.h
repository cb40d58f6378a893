// The gradients of a model's parameters beside those of a golden file.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "nn/module.h"
#include "tests/golden/golden.h"

namespace thaw::test {

// After backward: `prefix` stands in the file before a parameter's name in checkpoints. Of one group alone: the others have
// none.
inline void expect_model_gradients(const Model& model, const SafetensorsFile& golden,
                                   const std::string& prefix, int group = -1) {
  Gradients gradients;
  for (const ParameterPtr& parameter : model.parameters()) {
    const Tensor gradient = parameter->tensor.grad();
    const bool trains = group < 0 || parameter->group == group;
    if (group >= 0) {
      EXPECT_EQ(gradient.defined(), trains) << parameter->name;
    }
    if (trains)
      gradients[parameter->name] = {gradient, golden.load(prefix + model.name_in_file(parameter->name))};
  }
  expect_gradients(gradients);
}

// That gradients are asked of one group alone, and none is left from before.
inline void train_group_alone(const Model& model, int group) {
  for (const ParameterPtr& parameter : model.parameters()) {
    parameter->tensor.clear_grad();
    parameter->set_requires_grad(parameter->group == group);
  }
}

}  // namespace thaw::test
