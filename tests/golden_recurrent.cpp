// LSTM and GRU layers beside PyTorch's, whole and packed sequences; golden/make_recurrent.py made what is compared.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "core/autograd.h"
#include "core/ops.h"
#include "kernels/kernels.h"
#include "nn/layers/recurrent.h"
#include "tests/golden/golden.h"

namespace thaw::test {
namespace {

class GoldenRecurrent : public ::testing::TestWithParam<std::string> {
 protected:
  GoldenRecurrent() {
    const std::string& name = GetParam();
    const bool is_lstm = name.starts_with("lstm");
    const std::string sizes = name.substr(name.find('.'));
    Recurrent::Cell cell = is_lstm ? Recurrent::Cell::lstm : Recurrent::Cell::gru;
    module_ = std::make_unique<Recurrent>(
        cell, 3, 4, Init{},
        RecurrentOptions{.layers = sizes.starts_with(".1") ? 1 : 2, .bidirectional = sizes[3] == '2'});
    module_->set_path("");
    const NoGrad no_grad;
    for (const ParameterPtr& parameter : module_->parameters()) {
      const Tensor value = load("p." + parameter->name);
      parameter->tensor = value.clone();
      parameter->tensor.set_requires_grad();
    }
    x_ = load("x");
    x_.set_requires_grad();
    if (golden_.contains(name + ".mask")) mask_ = load("mask");
  }

  Tensor load(const std::string& part) const { return golden_.load(GetParam() + "." + part); }

  SafetensorsFile golden_ = open_golden("recurrent.safetensors");
  std::unique_ptr<Recurrent> module_;
  Tensor x_, mask_;
};

TEST_P(GoldenRecurrent, OutputsStatesAndGradientsEqualPyTorch) {
  const Recurrent::Result result = module_->forward(x_, mask_);
  EXPECT_TRUE(all_close(result.y, load("y"), 0, 1e-12));
  EXPECT_TRUE(all_close(result.h, load("h"), 0, 1e-12));
  Tensor total = sum(result.y * load("dy")) + sum(result.h * load("dh"));
  EXPECT_EQ(result.c.defined(), GetParam().starts_with("lstm"));
  if (result.c.defined()) {
    EXPECT_TRUE(all_close(result.c, load("c"), 0, 1e-12));
    total = total + sum(result.c * load("dc"));
  }
  total.backward();
  EXPECT_TRUE(all_close(x_.grad(), load("g.x"), 0, 1e-11));
  for (const ParameterPtr& parameter : module_->parameters())
    EXPECT_TRUE(all_close(parameter->tensor.grad(), load("g." + parameter->name), 0, 1e-11))
        << parameter->name;
}

// What trains alone gets the gradient that it gets beside all others; what is frozen gets none.
TEST_P(GoldenRecurrent, EachParameterAlone) {
  for (const ParameterPtr& only : module_->parameters()) {
    for (const ParameterPtr& parameter : module_->parameters()) {
      parameter->tensor.clear_grad();
      parameter->set_requires_grad(parameter == only);
    }
    const Recurrent::Result result = module_->forward(load("x"), mask_);
    Tensor total = sum(result.y * load("dy")) + sum(result.h * load("dh"));
    if (result.c.defined()) total = total + sum(result.c * load("dc"));
    total.backward();
    for (const ParameterPtr& parameter : module_->parameters())
      EXPECT_EQ(parameter->tensor.grad().defined(), parameter == only) << parameter->name;
    EXPECT_TRUE(all_close(only->tensor.grad(), load("g." + only->name), 0, 1e-11)) << only->name;
  }
}

TEST_P(GoldenRecurrent, InputsOfAnotherShapeAreRefused) {
  EXPECT_THROW(module_->forward(slice(x_, 2, 0, 2), mask_), Error);
  EXPECT_THROW(module_->forward(slice(x_, 1, 0, 0)), Error);
  EXPECT_THROW(module_->forward(select(x_, 0, 0)), Error);
}

std::vector<std::string> cases() {
  std::vector<std::string> names;
  for (const char* cell : {"lstm", "gru"})
    for (const char* layers : {".1", ".2"})
      for (const char* directions : {".1", ".2"})
        for (const char* kind : {".whole", ".packed"})
          names.push_back(std::string(cell) + layers + directions + kind);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Layers, GoldenRecurrent, ::testing::ValuesIn(cases()), [](const auto& test) {
  std::string name = test.param;
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
});

}  // namespace
}  // namespace thaw::test
