// A tiny Whisper with its decoder: the encoder's states, logits, loss and gradients of given texts, and the texts that it
// writes, as transformers computes them over sounds of several lengths. golden/make_models.py made them.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "core/autograd.h"
#include "core/ops.h"
#include "nn/models/whisper_writer.h"
#include "tests/golden/golden.h"
#include "tests/golden/model_gradients.h"
#include "tests/golden/written_back.h"
#include "tests/support/files.h"
#include "tests/training_fixture.h"

namespace thaw::test {
namespace {

constexpr const char* kFolder = "models/whisper-writer";

std::unique_ptr<Model> writer() {
  auto model = make_model(read_model_config(golden_path(std::string(kFolder) + "/config.json")));
  EXPECT_EQ(describe_problems(load_weights(*model, WeightFiles(golden_path(kFolder)))), "");
  return model;
}

SafetensorsFile golden_file() { return open_golden(std::string(kFolder) + "/golden.safetensors"); }

std::vector<std::int64_t> integers(const Tensor& tensor) {
  const auto* data = std::as_const(tensor).data<std::int64_t>();
  return {data, data + tensor.numel()};
}

ModelInput sounds(const SafetensorsFile& golden) {
  ModelInput x(golden.load("x"));
  x.padding = padding_of(golden.load("mask"));
  x.written = golden.load("ids");
  x.written_padding = padding_of_lengths(integers(golden.load("id_lengths")));
  return x;
}

WritingRules rules() { return {{1, 3}, 2, {5, 6}, {2, 9}}; }

ModelState encoded(Model& model, const ModelInput& x) {
  ModelState state = model.begin(x);
  model.run_stages(0, model.encoder_stages(), state);
  return state;
}

TEST(GoldenWhisperWriter, StatesLogitsLossAndGradientsEqualTransformers) {
  const SafetensorsFile golden = golden_file();
  const auto model = writer();
  EXPECT_TRUE(all_close(encoded(*model, sounds(golden)).h, golden.load("memory"), 0, 1e-5));
  const Tensor logits = model->forward(sounds(golden));
  EXPECT_TRUE(all_close(logits, golden.load("logits"), 0, 1e-5));
  const Tensor loss = cross_entropy(logits, golden.load("target"));
  EXPECT_TRUE(all_close(loss, golden.load("loss"), 0, 1e-5));
  loss.backward();
  expect_model_gradients(*model, golden, "g.");
}

// Every group alone: what trains gets the gradient that it gets beside all others, what is frozen none.
TEST(GoldenWhisperWriter, EachGroupAloneHasTheSameGradients) {
  const SafetensorsFile golden = golden_file();
  const auto model = writer();
  for (int group = 0; group <= model->head(); ++group) {
    train_group_alone(*model, group);
    cross_entropy(model->forward(sounds(golden)), golden.load("target")).backward();
    expect_model_gradients(*model, golden, "g.", group);
  }
}

// Recomputing any group in backward changes no bit.
TEST(GoldenWhisperWriter, RecomputedGroupsGiveTheSameBits) {
  const SafetensorsFile golden = golden_file();
  const auto plain = writer(), recomputed = writer();
  std::vector<int> all;
  for (int group = 0; group < recomputed->head(); ++group) all.push_back(group);
  recomputed->recompute(all);
  for (Model* model : {plain.get(), recomputed.get()})
    cross_entropy(model->forward(sounds(golden)), golden.load("target")).backward();
  for (std::size_t i = 0; i < plain->parameters().size(); ++i)
    EXPECT_TRUE(same_bits(plain->parameters()[i]->tensor.grad(), recomputed->parameters()[i]->tensor.grad()))
        << plain->parameters()[i]->name;
}

TEST(GoldenWhisperWriter, WritesTheSameTexts) {
  const SafetensorsFile golden = golden_file();
  const auto model = writer();
  const std::vector<std::int64_t> expected = integers(golden.load("written"));
  const std::vector<std::int64_t> lengths = integers(golden.load("written_lengths"));
  const auto texts = model->write(encoded(*model, sounds(golden)), rules());
  ASSERT_EQ(texts.size(), lengths.size());
  auto from = expected.begin();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(texts[i], std::vector<std::int64_t>(from, from + lengths[i])) << i;
    from += lengths[i];
  }
}

// Logits have the same bits whatever else is in the batch, sounds or texts.
TEST(GoldenWhisperWriter, NeitherPaddingNorNeighboursChangeAText) {
  const SafetensorsFile golden = golden_file();
  const auto model = writer();
  const NoGrad no_grad;
  const Tensor logits = model->forward(sounds(golden));
  const Tensor lengths = sum(cast(golden.load("mask"), DType::f32), {1});
  const std::vector<std::int64_t> written = integers(golden.load("id_lengths"));
  std::int64_t first = 0;
  for (std::int64_t row = 0; row < lengths.numel(); ++row) {
    const auto length = static_cast<std::int64_t>(std::as_const(lengths).data<float>()[row]);
    const std::int64_t tokens = written[static_cast<std::size_t>(row)];
    ModelInput alone(slice(slice(golden.load("x"), 0, row, row + 1), 1, 0, 2 * length).contiguous());
    alone.written = slice(slice(golden.load("ids"), 0, row, row + 1), 1, 0, tokens).contiguous();
    EXPECT_TRUE(same_bits(model->forward(alone), slice(logits, 0, first, first + tokens))) << row;
    first += tokens;
  }
}

TEST(GoldenWhisperWriter, WeightsAreWrittenBackAsTheyWere) {
  expect_written_back(*writer(), golden_path(std::string(kFolder) + "/model.safetensors"));
}

}  // namespace
}  // namespace thaw::test
