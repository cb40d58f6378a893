// Mistakes in making and using a model from C++: the message names the mistake, not what follows from it.
#include <gtest/gtest.h>

#include "core/ops.h"
#include "nn/models/registry.h"
#include "tests/support/messages.h"

namespace thaw::test {
namespace {

ModelConfig small_mlp() {
  ModelConfig config;
  config.architecture = "mlp";
  config.sample_shape = {8};
  config.hidden = {4};
  config.outputs = 3;
  return config;
}

TEST(ModelErrors, AnUnknownArchitectureIsNoMatterOfSizes) {
  ModelConfig config;
  config.architecture = "alexnet";
  const std::string message = message_of<InputError>([&] { make_model(config); });
  expect_has(message, "unknown architecture 'alexnet'");
  for (const std::string& known : all_architectures()) expect_has(message, known);
  EXPECT_EQ(message.find("outputs"), std::string::npos) << message;
}

TEST(ModelErrors, OutputsThatWereNotSet) {
  ModelConfig config = small_mlp();
  config.outputs = 0;
  expect_worded(message_of<InputError>([&] { make_model(config); }));
}

TEST(ModelErrors, SamplesOfAnotherWidth) {
  const auto model = make_model(small_mlp());
  const std::string message = message_of([&] { model->forward(ones({4, 7})); });
  expect_has(message, "[mlp] the model takes samples [8]");
  expect_has(message, "x is [4, 7]");
  EXPECT_EQ(model->forward(ones({4, 8})).shape(), (Shape{4, 3}));
  EXPECT_EQ(model->forward(ones({4, 2, 4})).shape(), (Shape{4, 3})) << "flattened";
  EXPECT_EQ(model->forward(ones({0, 8})).shape(), (Shape{0, 3}));
}

}  // namespace
}  // namespace thaw::test
