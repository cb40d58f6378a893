// Gradients against central differences, with PyTorch's default tolerances: eps 1e-6, atol 1e-5, rtol 1e-3,
// in f64.
#pragma once

#include <gtest/gtest.h>

#include "tests/op_table.h"

namespace thaw::test {

// A function of several inputs with several outputs; an undefined output counts as zeros without a gradient.
using Function = std::function<std::vector<Tensor>(const std::vector<Tensor>&)>;

// Compares the whole Jacobian of every output with respect to every differentiable input of the sample.
::testing::AssertionResult gradcheck(const Function& function, const OpSample& sample);

// The gradients of `op` as a function of its inputs and of dy: the gradcheck of this is the second
// derivative's. `dy` is the sample's last input.
Function gradient_function(const std::function<Tensor(const std::vector<Tensor>&)>& op,
                           const OpSample& sample);

}  // namespace thaw::test
