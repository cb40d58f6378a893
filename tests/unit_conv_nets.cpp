// Convolutional networks from folders: their groups, what strategies make of them, images of any size, hostile configs.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/ops.h"
#include "core/random.h"
#include "finetune/plan/adapters.h"
#include "finetune/plan/strategies/registry.h"
#include "nn/layers/linear.h"
#include "nn/models/registry.h"
#include "tests/support/files.h"
#include "tests/support/messages.h"
#include "tests/support/small_models.h"
#include "tests/training_fixture.h"

namespace thaw::test {
namespace {

using nlohmann::json;
using Names = std::vector<std::string>;

Names group_names(const Model& model) {
  Names names;
  for (const Group& group : model.groups()) names.push_back(group.name);
  return names;
}

struct ConvNets : ::testing::TestWithParam<std::string> {
  // Trains a small one.
  TestRun run_of(const StrategyRequest& strategy) const {
    TestRun run("mlp", strategy);
    run.model_config = small_model(GetParam());
    run.data.train = make_clusters(run.model_config.sample_shape, 24, 2);
    run.data.validation = make_clusters(run.model_config.sample_shape, 12, 3);
    return run;
  }

  // The parameters that training changed, by name.
  Names changed_by(const StrategyRequest& strategy) const {
    TestRun run = run_of(strategy);
    run.config.train = harsh_training(run.config.train, "sgd");
    run.config.train.weight_decay = 0;
    const auto before = run.make();
    run.train();
    Names names;
    const auto parameters = before->parameters();
    for (std::size_t i = 0; i < parameters.size(); ++i)
      if (!same_bits(parameters[i]->tensor, run.model->parameters()[i]->tensor))
        names.push_back(parameters[i]->name);
    return names;
  }

  Names parameters_where(const std::function<bool(const Parameter&)>& is_one) const {
    Names names;
    for (const ParameterPtr& parameter : make_model(small_model(GetParam()))->parameters())
      if (is_one(*parameter)) names.push_back(parameter->name);
    return names;
  }
  Names of_groups_from(int group) const {
    return parameters_where([&](const Parameter& parameter) { return parameter.group >= group; });
  }
  int head() const { return make_model(small_model(GetParam()))->head(); }
};

INSTANTIATE_TEST_SUITE_P(Models, ConvNets,
                         ::testing::Values("resnet", "convnext", "efficientnet-lite", "squeezenet"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST_P(ConvNets, StrategiesTrainWhatTheySay) {
  EXPECT_EQ(changed_by({"head", {}, {}}), of_groups_from(head()));
  EXPECT_EQ(changed_by({"top-1", {}, {}}), of_groups_from(head() - 1));
  EXPECT_EQ(changed_by({"full", {}, {}}), of_groups_from(0));
  EXPECT_EQ(changed_by({"norm-only", {}, {}}), parameters_where([&](const Parameter& parameter) {
              return parameter.kind == ParameterKind::norm || parameter.group == head();
            }));
  EXPECT_EQ(changed_by({"bitfit", {}, {}}), parameters_where([&](const Parameter& parameter) {
              return parameter.is_bias || parameter.group == head();
            }));
}

TEST_P(ConvNets, GradualThawsEveryGroup) {
  TestRun run = run_of({"gradual", {}, {}});
  run.config.train.steps = 30;
  const auto before = run.make();
  run.train();
  EXPECT_EQ(run.strategy().plan.phases.size(), before->groups().size());
  for (std::size_t i = 0; i < before->parameters().size(); ++i)
    EXPECT_FALSE(same_bits(before->parameters()[i]->tensor, run.model->parameters()[i]->tensor))
        << before->parameters()[i]->name;
}

// A batch norm in a frozen stage keeps its statistics and normalises by them, unless frozen_norm says otherwise.
struct BatchNormNets : ConvNets {};
INSTANTIATE_TEST_SUITE_P(Models, BatchNormNets, ::testing::Values("resnet", "efficientnet-lite"),
                         [](const auto& test) { return std::string(test.param).substr(0, 6); });

TEST_P(BatchNormNets, InFrozenStagesFollowTheSwitches) {
  for (const char* frozen_norm : {"still", "batch"}) {
    StrategyRequest strategy{"head", {}, {}};
    strategy.options["frozen_norm"] = std::string(frozen_norm);
    TestRun run = run_of(strategy);
    const auto before = run.make();
    run.train();
    for (std::size_t i = 0; i < before->buffers().size(); ++i)
      EXPECT_EQ(same_bits(before->buffers()[i]->tensor, run.model->buffers()[i]->tensor),
                std::string(frozen_norm) == "still")
          << before->buffers()[i]->name;
  }
}

TEST_P(ConvNets, ImagesHaveAnySizeThatIsLargeEnough) {
  const ModelConfig config = small_model(GetParam());
  const auto model = make_model(config);
  model->train(false);
  const NoGrad no_grad;
  for (const auto& [height, width] : {std::pair<std::int64_t, std::int64_t>{8, 8}, {15, 9}, {32, 20}}) {
    EXPECT_TRUE(takes_shape(config, {2, height, width}));
    const Tensor images = randn({3, 2, height, width}, random_key(1, "images"));
    EXPECT_EQ(model->forward(images).shape(), (Shape{3, 3}));
  }
  EXPECT_FALSE(takes_shape(config, {3, 8, 8}));
  EXPECT_FALSE(takes_shape(config, {64}));
  expect_worded(message_of<InputError>([&] { model->forward(zeros({3, 1, 8, 8})); }));
}

TEST_P(ConvNets, ItsConfigIsReadAsItWasWritten) {
  ModelConfig config = small_model(GetParam());
  config.sample_shape = {2, 9, 14};
  config.labels = {"a", "b", "c"};
  config.conv_net.norm_eps = 1e-3;
  const TemporaryFolder folder;
  if (GetParam() == "resnet" || GetParam() == "convnext")  // their sizes are kept from the source
    config.source = json({{"hidden_sizes", {8, 12}},
                          {"depths", {1, 2}},
                          {"embedding_size", 4},
                          {"patch_size", 2},
                          {"layer_norm_eps", 1e-3}})
                        .dump();
  const ModelConfig read = read_model_config(folder.write("config.json", write_model_config(config)));
  EXPECT_EQ(read.sample_shape, config.sample_shape);
  EXPECT_EQ(read.labels, config.labels);
  const auto names = [](const ModelConfig& c) {
    std::vector<std::string> all;
    for (const ParameterPtr& p : make_model(c, {.device = kMeta})->parameters())
      all.push_back(concat(p->name, ' ', p->tensor.shape()));
    return all;
  };
  EXPECT_EQ(names(read), names(config));
}

TEST(ConvNetGroups, GoFromTheStemToTheHead) {
  const auto groups = [](const char* architecture) {
    return group_names(*make_model(small_model(architecture)));
  };
  EXPECT_EQ(groups("resnet"), (Names{"stem", "stages.0", "stages.1", "head"}));
  EXPECT_EQ(groups("convnext"), (Names{"stem", "stages.0", "stages.1", "head"}));
  EXPECT_EQ(groups("efficientnet-lite"), (Names{"stem", "stages.0", "stages.1", "conv_head", "head"}));
  EXPECT_EQ(groups("squeezenet"), (Names{"stem", "fire2", "fire3", "head"}));
}

// A convolution takes no adapter. What is adapted by default: the Linear layers of a ConvNeXt's blocks; a bottleneck
// follows the last of each.
TEST(ConvNetAdapters, StandAtLinearLayers) {
  const auto adapted = [](const char* architecture, AdapterOptions options) {
    const auto model = make_model(small_model(architecture));
    Names paths;
    for (const Linear* layer : adapted_layers(*model, AdapterSpec{options, {}, {}}))
      paths.push_back(layer->path());
    return paths;
  };
  const std::string block = "encoder.stages.0.layers.0.", first = "encoder.stages.1.layers.0.",
                    second = "encoder.stages.1.layers.1.";
  EXPECT_EQ(adapted("convnext", LoraOptions{}),
            (Names{block + "pwconv1", block + "pwconv2", first + "pwconv1", first + "pwconv2",
                   second + "pwconv1", second + "pwconv2"}));
  EXPECT_EQ(adapted("convnext", BottleneckOptions{}),
            (Names{block + "pwconv2", first + "pwconv2", second + "pwconv2"}));
  for (const auto& [architecture, classifier] :
       {std::pair{"resnet", "classifier.1"}, {"efficientnet-lite", "_fc"}, {"squeezenet", "conv10"}}) {
    const std::string message =
        message_of<NothingToAdapt>([&, name = architecture] { adapted(name, LoraOptions{}); });
    expect_has(message, "lora finds no layer to adapt");
    expect_has(message, classifier);
  }
}

struct ConvNetConfigs : ::testing::Test {
  ModelConfig read(const json& config) const {
    return read_model_config(folder.write("config.json", config.dump()));
  }
  void expect_refused(json config, const json& changes, const std::string& what) const {
    config.merge_patch(changes);
    const std::string message = message_of<InputError>([&] { read(config); });
    expect_worded(message);
    expect_has(message, what);
    expect_has(message, folder.path("config.json"));
  }

  TemporaryFolder folder;
  json resnet = {{"model_type", "resnet"}, {"hidden_sizes", {8, 8}}, {"depths", {1, 1}}};
  json convnext = {{"model_type", "convnext"}, {"hidden_sizes", {8, 8}}, {"depths", {1, 1}}};
  json lite = {{"model_type", "thaw-efficientnet-lite"},
               {"stem_channels", 4},
               {"last_channels", 8},
               {"batch_norm_eps", 1e-3},
               {"batch_norm_momentum", 0.01},
               {"dropout", 0.2},
               {"stages", {{{"channels", 8}, {"depth", 1}, {"kernel", 3}, {"stride", 1}, {"expansion", 1}}}}};
  json squeezenet = {{"model_type", "thaw-squeezenet"},
                     {"stem_channels", 4},
                     {"dropout", 0.5},
                     {"stages", {{{"squeeze", 2}, {"channels", 8}, {"stride", 2}}}}};
};

TEST_F(ConvNetConfigs, HaveTheOriginalsDefaults) {
  EXPECT_EQ(read(resnet).sample_shape, (std::vector<std::int64_t>{3, 224, 224}));
  EXPECT_EQ(read(resnet).conv_net.stem_channels, 64);
  EXPECT_TRUE(read(resnet).conv_net.bottleneck);
  EXPECT_EQ(read(resnet).conv_net.stages[0].stride, 1);
  EXPECT_EQ(read(resnet).conv_net.stages[1].stride, 2);
  EXPECT_EQ(read(convnext).conv_net.norm_eps, 1e-12);
  EXPECT_EQ(read(convnext).conv_net.patch_size, 4);
  EXPECT_EQ(read(convnext).conv_net.activation, "gelu");
  EXPECT_EQ(read(lite).dropout, 0.2);
  EXPECT_EQ(read(squeezenet).dropout, 0.5);
  resnet["image_size"] = {30, 40};
  EXPECT_EQ(read(resnet).sample_shape, (std::vector<std::int64_t>{3, 30, 40}));
}

TEST_F(ConvNetConfigs, WhatIsWrongIsSaid) {
  const std::int64_t huge = std::int64_t{1} << 40;
  expect_refused(resnet, {{"hidden_sizes", {8}}}, "'hidden_sizes' has 1 stages and 'depths' 2");
  expect_refused(resnet, {{"hidden_sizes", json::array()}, {"depths", json::array()}},
                 "number of stages is 0");
  expect_refused(resnet, {{"hidden_sizes", {8, huge}}}, "number of channels");
  expect_refused(resnet, {{"depths", {1, huge}}}, "number of blocks");
  expect_refused(resnet, {{"depths", {1, 0}}}, "number of blocks");
  expect_refused(resnet, {{"hidden_sizes", {8, 3}}}, "a bottleneck of 3 channels");
  expect_refused(resnet, {{"embedding_size", -1}}, "the stem's channels is -1");
  expect_refused(resnet, {{"layer_type", "deep"}}, "layer_type \"deep\"");
  expect_refused(resnet, {{"hidden_act", "wave"}}, "unknown activation 'wave'");
  expect_refused(resnet, {{"image_size", {3, 4, 5}}}, "'image_size' has 3 sizes");
  expect_refused(resnet, {{"image_size", {3, huge}}}, "image size");
  expect_refused(resnet, {{"num_channels", 0}}, "number of channels is 0");
  expect_refused(convnext, {{"num_stages", 4}}, "'num_stages' is 4");
  expect_refused(convnext, {{"drop_path_rate", 0.1}}, "drop_path_rate = 0.1");
  expect_refused(convnext, {{"patch_size", 0}}, "patch size is 0");
  expect_refused(convnext, {{"layer_norm_eps", -1}}, "epsilon is -1");
  expect_refused(lite, {{"stages", 3}}, "'stages' is no list");
  expect_refused(lite, {{"stages", {3}}}, "a stage is no object");
  expect_refused(lite, {{"stages", json::array({{{"channels", 8}}})}}, "'depth' is missing");
  expect_refused(lite, {{"last_channels", 0}}, "last convolution's channels is 0");
  expect_refused(lite, {{"batch_norm_momentum", 2}}, "momentum is 2");
  expect_refused(lite, {{"dropout", 1}}, "dropout is 1");
  const auto fire = [](std::int64_t squeeze, std::int64_t channels, std::int64_t stride) {
    return json{{"stages", {{{"squeeze", squeeze}, {"channels", channels}, {"stride", stride}}}}};
  };
  expect_refused(squeezenet, fire(0, 8, 1), "squeezed channels is 0");
  expect_refused(squeezenet, fire(2, 7, 1), "make it even");
  expect_refused(squeezenet, fire(2, 8, 3), "stride is 3");
}

TEST_F(ConvNetConfigs, ImagesThatAreTooSmallAreRefused) {
  for (const auto& [config, least] : {std::pair{convnext, 8}, {squeezenet, 5}}) {
    ModelConfig model = read(config);
    model.sample_shape = {3, least, least};
    EXPECT_EQ(make_model(model)->forward(zeros({1, 3, least, least})).shape(), (Shape{1, 2}));
    model.sample_shape = {3, least, least - 1};
    expect_worded(message_of<InputError>([&] { make_model(model); }));
  }
  ModelConfig table = read(resnet);
  table.sample_shape = {5};
  expect_worded(message_of<InputError>([&] { make_model(table); }));
}

}  // namespace
}  // namespace thaw::test
