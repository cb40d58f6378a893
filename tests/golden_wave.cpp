// Tiny wav2vec 2.0 and HuBERT models over raw sounds of several lengths: states, logits, CTC loss and gradients as
// transformers and PyTorch compute them, each sound by itself. golden/make_models.py made them.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "core/autograd.h"
#include "core/ops.h"
#include "finetune/data/inputs.h"
#include "nn/models/wav2vec2.h"
#include "tests/golden/golden.h"
#include "tests/golden/model_gradients.h"
#include "tests/golden/written_back.h"
#include "tests/support/files.h"
#include "tests/training_fixture.h"

namespace thaw::test {
namespace {

struct GoldenWave : ::testing::TestWithParam<const char*> {
  GoldenWave()
      : folder(std::string("models/") + GetParam()),
        golden(open_golden(folder + "/golden.safetensors")),
        model(make_model(read_model_config(golden_path(folder + "/config.json")))) {
    EXPECT_EQ(describe_problems(load_weights(*model, WeightFiles(golden_path(folder)))), "");
    x = ModelInput(golden.load("x"));
    x.sizes = golden.load("sizes");
    const Tensor places = golden.load("places");
    const auto* count = std::as_const(places).data<std::int64_t>();
    x.padding = padding_of_lengths({count, count + places.numel()});
  }

  Tensor loss_of(const Tensor& logits) const {
    return ctc_loss(logits, golden.load("places"), golden.load("targets"), golden.load("target_lengths"));
  }

  std::string folder;
  SafetensorsFile golden;
  std::unique_ptr<Model> model;
  ModelInput x;
};

TEST_P(GoldenWave, StatesLogitsLossAndGradientsEqualPyTorch) {
  ModelState state = model->begin(x);
  for (int group = 0; group < model->head(); ++group) {
    model->run_group(group, state);
    if (group == 0) continue;
    EXPECT_TRUE(all_close(state.h, golden.load("hidden." + std::to_string(group - 1)), 0, 2e-5)) << group;
  }
  const Tensor logits = model->forward(x);
  EXPECT_TRUE(all_close(logits, golden.load("ctc.logits"), 0, 2e-5));
  const Tensor loss = loss_of(logits);
  EXPECT_TRUE(all_close(loss, golden.load("ctc.loss"), 0, 2e-5));
  loss.backward();
  expect_model_gradients(*model, golden, "ctc.g.");
}

TEST_P(GoldenWave, EachGroupAloneHasTheSameGradients) {
  for (int group = 0; group <= model->head(); ++group) {
    train_group_alone(*model, group);
    loss_of(model->forward(x)).backward();
    expect_model_gradients(*model, golden, "ctc.g.", group);
  }
}

// A sound has the same bits alone as in a batch that is longer.
TEST_P(GoldenWave, NeitherPaddingNorNeighboursChangeASound) {
  const NoGrad no_grad;
  const Tensor logits = model->forward(x), sizes = golden.load("sizes"), places = golden.load("places");
  std::int64_t first = 0;
  for (std::int64_t row = 0; row < sizes.numel(); ++row) {
    const std::int64_t size = std::as_const(sizes).data<std::int64_t>()[row];
    const std::int64_t length = std::as_const(places).data<std::int64_t>()[row];
    const Tensor alone = slice(slice(golden.load("x"), 0, row, row + 1), 1, 0, size).contiguous();
    EXPECT_TRUE(same_bits(model->forward(ModelInput(alone)), slice(logits, 0, first, first + length))) << row;
    first += length;
  }
}

TEST_P(GoldenWave, WeightsAreWrittenBackAsTheyWere) {
  // What masks a place in pretraining is no part of the recogniser.
  const std::string path = golden_path(folder + "/model.safetensors");
  const bool has_mask =
      SafetensorsFile(path).contains(std::string(model->prefix_in_file()) + "masked_spec_embed");
  expect_written_back(*model, path, has_mask ? 1 : 0);
}

TEST_P(GoldenWave, CountsPlaces) {
  const WaveConfig wave = read_model_config(golden_path(folder + "/config.json")).wave;
  for (std::int64_t places = 1; places < 40; ++places) {
    const std::int64_t samples = samples_of_places(wave, places);
    EXPECT_EQ(places_of_samples(wave, samples), places);
    EXPECT_EQ(places_of_samples(wave, samples - 1), places - 1);
  }
  EXPECT_THROW(model->begin(ModelInput(zeros({1, samples_of_places(wave, 1) - 1}))), InputError);
}

INSTANTIATE_TEST_SUITE_P(Models, GoldenWave, ::testing::Values("wav2vec2", "hubert"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace thaw::test
