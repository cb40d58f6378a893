// Tiny classifiers of sounds, on Whisper's encoder, wav2vec 2.0 and HuBERT, over sounds of several lengths: logits, loss and
// gradients as transformers' classes compute them of each sound by itself. golden/make_models.py made them.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/autograd.h"
#include "core/ops.h"
#include "finetune/data/inputs.h"
#include "tests/golden/golden.h"
#include "tests/golden/model_gradients.h"
#include "tests/golden/written_back.h"
#include "tests/support/files.h"
#include "tests/training_fixture.h"

namespace thaw::test {
namespace {

using Strings = std::vector<std::string>;

struct GoldenSoundClassifier : ::testing::TestWithParam<const char*> {
  GoldenSoundClassifier()
      : folder(golden_path(std::string("models/") + GetParam() + "-classifier")),
        golden(folder + "/golden.safetensors"),
        config(read_model_config(folder + "/config.json")),
        model(make_model(config)),
        x(golden.load("x")) {
    EXPECT_EQ(describe_problems(load_weights(*model, WeightFiles(folder))), "");
    if (takes_raw_sound(config)) {
      x.sizes = golden.load("sizes");
      x.padding = padding_of_lengths(counts("places"));
    } else {
      x.padding = padding_of(golden.load("mask"));
    }
  }

  std::vector<std::int64_t> counts(const char* name) const {
    const Tensor tensor = golden.load(name);
    const auto* count = std::as_const(tensor).data<std::int64_t>();
    return {count, count + tensor.numel()};
  }
  Tensor loss_of(const Tensor& logits) const { return cross_entropy(logits, golden.load("labels")); }

  std::string folder;
  SafetensorsFile golden;
  ModelConfig config;
  std::unique_ptr<Model> model;
  ModelInput x;
};

TEST_P(GoldenSoundClassifier, LogitsLossAndGradientsEqualTransformers) {
  const Tensor logits = model->forward(x);
  EXPECT_TRUE(all_close(logits, golden.load("classify.logits"), 0, 2e-5));
  const Tensor loss = loss_of(logits);
  EXPECT_TRUE(all_close(loss, golden.load("classify.loss"), 0, 2e-5));
  loss.backward();
  expect_model_gradients(*model, golden, "classify.g.");
}

TEST_P(GoldenSoundClassifier, EachGroupAloneHasTheSameGradients) {
  for (int group = 0; group <= model->head(); ++group) {
    train_group_alone(*model, group);
    loss_of(model->forward(x)).backward();
    expect_model_gradients(*model, golden, "classify.g.", group);
  }
}

// A sound has the same bits alone as in a batch that is longer.
TEST_P(GoldenSoundClassifier, NeitherPaddingNorNeighboursChangeASound) {
  const NoGrad no_grad;
  const Tensor logits = model->forward(x);
  for (std::int64_t row = 0; row < logits.size(0); ++row) {
    Tensor alone = slice(golden.load("x"), 0, row, row + 1);
    const std::int64_t size =
        takes_raw_sound(config)
            ? counts("sizes")[static_cast<std::size_t>(row)]
            : 2 * static_cast<std::int64_t>(
                      sum(cast(slice(golden.load("mask"), 0, row, row + 1), DType::f32)).item());
    alone = slice(alone, 1, 0, size).contiguous();
    EXPECT_TRUE(same_bits(model->forward(ModelInput(alone)), slice(logits, 0, row, row + 1))) << row;
  }
}

TEST_P(GoldenSoundClassifier, WeightsAreWrittenBackAsTheyWere) {
  const std::string path = folder + "/model.safetensors";
  // What masks a place in pretraining is no part of the classifier.
  const bool has_mask =
      SafetensorsFile(path).contains(std::string(model->prefix_in_file()) + "masked_spec_embed");
  expect_written_back(*model, path, has_mask ? 1 : 0);
}

// A classifier begins from a recogniser's folder and the other way round: all but the head is there.
TEST_P(GoldenSoundClassifier, TheOtherHeadIsPassedOver) {
  ModelConfig other = config;
  other.pools_places = false;
  const LoadReport of_classifier = load_weights(*make_model(other), WeightFiles(folder));
  EXPECT_EQ(of_classifier.missing, (Strings{"lm_head.weight", "lm_head.bias"}));
  EXPECT_EQ(of_classifier.unexpected, Strings{});
  const std::string recogniser = golden_path(std::string("models/") + GetParam());
  other = read_model_config(recogniser + "/config.json");
  EXPECT_FALSE(other.pools_places);
  other.pools_places = true;
  const LoadReport of_recogniser = load_weights(*make_model(other), WeightFiles(recogniser));
  EXPECT_EQ(of_recogniser.missing,
            (Strings{"projector.weight", "projector.bias", "classifier.weight", "classifier.bias"}));
  EXPECT_EQ(of_recogniser.unexpected, Strings{});
}

TEST_P(GoldenSoundClassifier, TheConfigThatIsWrittenIsTransformersOwn) {
  EXPECT_EQ(config.labels, (Strings{"bell", "horn", "rain"}));
  EXPECT_EQ(config.projection, 6);
  const auto read = nlohmann::json::parse(file_text(folder + "/config.json"));
  const auto written = nlohmann::json::parse(write_model_config(config));
  for (const char* key : {"architectures", "classifier_proj_size", "id2label", "model_type", "vocab_size"})
    EXPECT_EQ(written.at(key), read.at(key)) << key;
}

// Such a head is none of this version's: the folder is one to start from.
TEST_P(GoldenSoundClassifier, AHeadOnAllLayersIsForeign) {
  auto json = nlohmann::json::parse(file_text(folder + "/config.json"));
  json["use_weighted_layer_sum"] = true;
  const TemporaryFolder written;
  const ModelConfig weighted = read_model_config(written.write("config.json", json.dump()));
  EXPECT_EQ(weighted.foreign_head, "one on a weighted sum of all layers (use_weighted_layer_sum)");
  written.write("model.safetensors", file_text(folder + "/model.safetensors"));
  const LoadReport report = load_weights(*make_model(weighted), WeightFiles(written.path("")));
  EXPECT_EQ(report.missing,
            (Strings{"projector.weight", "projector.bias", "classifier.weight", "classifier.bias"}));
  EXPECT_EQ(report.notes.size(), 1U);
}

INSTANTIATE_TEST_SUITE_P(Models, GoldenSoundClassifier, ::testing::Values("whisper", "wav2vec2", "hubert"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace thaw::test
