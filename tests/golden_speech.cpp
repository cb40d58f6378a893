// A tiny Whisper encoder with a layer for CTC: states, logits, loss and gradients as transformers and PyTorch compute
// them, over sounds of several lengths. golden/make_models.py made them.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "core/autograd.h"
#include "core/ops.h"
#include "nn/models/whisper.h"
#include "tests/golden/golden.h"
#include "tests/golden/model_gradients.h"
#include "tests/golden/written_back.h"
#include "tests/support/files.h"
#include "tests/training_fixture.h"

namespace thaw::test {
namespace {

constexpr const char* kFolder = "models/whisper";

std::unique_ptr<Model> whisper() {
  auto model = make_model(read_model_config(golden_path(std::string(kFolder) + "/config.json")));
  EXPECT_EQ(describe_problems(load_weights(*model, WeightFiles(golden_path(kFolder)))), "");
  return model;
}

ModelInput sounds(const SafetensorsFile& golden) {
  ModelInput x(golden.load("x"));
  x.padding = padding_of(golden.load("mask"));
  return x;
}

Tensor loss_of(const Tensor& logits, const SafetensorsFile& golden) {
  return ctc_loss(logits, golden.load("lengths"), golden.load("targets"), golden.load("target_lengths"));
}

SafetensorsFile golden_file() { return open_golden(std::string(kFolder) + "/golden.safetensors"); }

TEST(GoldenWhisper, StatesLogitsLossAndGradientsEqualPyTorch) {
  const SafetensorsFile golden = golden_file();
  const auto model = whisper();
  const ModelInput x = sounds(golden);
  ModelState state = model->begin(x);
  for (int group = 0; group < model->head(); ++group) {
    model->run_group(group, state);
    EXPECT_TRUE(all_close(state.h, golden.load("hidden." + std::to_string(group)), 0, 1e-5)) << group;
  }
  const Tensor logits = model->forward(x);
  EXPECT_TRUE(all_close(logits, golden.load("ctc.logits"), 0, 1e-5));
  const Tensor loss = loss_of(logits, golden);
  EXPECT_TRUE(all_close(loss, golden.load("ctc.loss"), 0, 1e-5));
  loss.backward();
  expect_model_gradients(*model, golden, "ctc.g.");
}

TEST(GoldenWhisper, AFrozenPrefixIsNotRecordedAndChangesNoOtherGradient) {
  const SafetensorsFile golden = golden_file();
  const auto model = whisper();
  for (const ParameterPtr& parameter : model->parameters())
    parameter->set_requires_grad(parameter->group > 1);
  const Tensor loss = loss_of(model->forward(sounds(golden)), golden);
  loss.backward();
  Gradients gradients;
  for (const ParameterPtr& parameter : model->parameters()) {
    EXPECT_EQ(parameter->tensor.grad().defined(), parameter->group > 1) << parameter->name;
    if (parameter->group > 1)
      gradients[parameter->name] = {parameter->tensor.grad(),
                                    golden.load("ctc.g." + model->name_in_file(parameter->name))};
  }
  expect_gradients(gradients);
}

// A sound has the same bits alone as in a batch that is longer.
TEST(GoldenWhisper, NeitherPaddingNorNeighboursChangeASound) {
  const SafetensorsFile golden = golden_file();
  const auto model = whisper();
  const NoGrad no_grad;
  const Tensor logits = model->forward(sounds(golden));
  const Tensor lengths = golden.load("lengths");
  std::int64_t first = 0;
  for (std::int64_t row = 0; row < lengths.numel(); ++row) {
    const std::int64_t length = lengths.data<std::int64_t>()[row];
    const Tensor alone = slice(slice(golden.load("x"), 0, row, row + 1), 1, 0, 2 * length).contiguous();
    EXPECT_TRUE(same_bits(model->forward(ModelInput(alone)), slice(logits, 0, first, first + length))) << row;
    first += length;
  }
}

TEST(GoldenWhisper, WeightsAreWrittenBackAsTheyWere) {
  expect_written_back(*whisper(), golden_path(std::string(kFolder) + "/model.safetensors"));
}

}  // namespace
}  // namespace thaw::test
