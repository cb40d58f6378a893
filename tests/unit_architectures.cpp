// What every architecture has to keep to, whoever added it: the parts of a forward pass are the whole, each group's work
// is counted as its own, the output layer is the head's, and no two layers draw their weights by one name.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/ops.h"
#include "core/random.h"
#include "finetune/data/texts.h"
#include "finetune/train/ledger.h"
#include "nn/layers/linear.h"
#include "nn/models/registry.h"
#include "tests/support/made_sounds.h"
#include "tests/support/small_models.h"

namespace thaw::test {
namespace {

// Two samples of it.
ModelInput input_of(const ModelConfig& config) {
  if (takes_text(config)) {
    const std::int64_t tokens[] = {4, 5, 6, 7, 8, 9};
    return from_data(tokens, {2, 3});
  }
  if (takes_sound(config)) return MadeSounds({{3, 1}, {2, 2}}, config).batch({0, 1});
  std::vector<std::int64_t> shape{2};
  shape.insert(shape.end(), config.sample_shape.begin(), config.sample_shape.end());
  return randn(Shape(shape), random_key(0, "input"));
}

// Texts or sounds of these lengths, or as many images or rows of a table.
class ManySamples {
 public:
  ManySamples(const ModelConfig& config, std::vector<std::int64_t> lengths)
      : lengths_(std::move(lengths)), of_text_(takes_text(config)) {
    std::vector<std::int64_t> shape{size()};
    shape.insert(shape.end(), config.sample_shape.begin(), config.sample_shape.end());
    if (takes_sound(config)) {
      std::vector<std::pair<std::int64_t, std::uint64_t>> sounds;
      for (const std::int64_t length : lengths_) sounds.emplace_back(length, sounds.size());
      sounds_ = std::make_shared<const MadeSounds>(std::move(sounds), config);
    }
    if (!has_own_lengths(config)) images_ = randn(Shape(shape), random_key(1, "input"));
  }

  std::int64_t size() const { return static_cast<std::int64_t>(lengths_.size()); }
  ModelInput batch(const std::vector<std::int64_t>& rows) const {
    if (sounds_ != nullptr) return sounds_->batch(rows);
    if (!of_text_) return index_select(images_, 0, from_data(rows.data(), {std::ssize(rows)}));
    std::vector<Text> texts;
    for (const std::int64_t row : rows) {
      texts.push_back({"", ""});
      for (std::int64_t i = 0; i < lengths_[static_cast<std::size_t>(row)]; ++i)
        texts.back().tokens.push_back(1 + (row * 7 + i * 3) % 19);
    }
    std::vector<std::int64_t> order(rows.size());
    std::iota(order.begin(), order.end(), 0);
    return Texts(std::move(texts)).batch(order);
  }

 private:
  std::vector<std::int64_t> lengths_;
  bool of_text_;
  std::shared_ptr<const MadeSounds> sounds_;
  Tensor images_;
};

// What each stage gives.
std::vector<Tensor> states_of(Model& model, const ModelInput& x) {
  std::vector<Tensor> states;
  ModelState state = model.begin(x);
  for (int stage = 0; stage < model.stages(); ++stage) {
    model.run_stages(stage, stage + 1, state);
    states.push_back(state.h);
  }
  return states;
}

struct EveryArchitecture : ::testing::TestWithParam<std::string> {
  EveryArchitecture()
      : config(small_model(GetParam())), model(make_model(config, {.seed = 1})), x(input_of(config)) {
    model->train(false);
  }
  ModelConfig config;
  std::unique_ptr<Model> model;
  ModelInput x;
};

TEST_P(EveryArchitecture, ItsPartsAreTheWhole) {
  const NoGrad no_grad;
  ModelState state = model->begin(x);
  for (int group = 0; group < model->head(); ++group) model->run_group(group, state);
  const Tensor features = model->head_features(model->pool(std::move(state)));
  EXPECT_EQ(features.size(1), model->output_layer().matrix().size(1));
  EXPECT_EQ(model->output(features).to_vector(), model->forward(x).to_vector());
}

TEST_P(EveryArchitecture, APassMayBeginAfterAnyStage) {
  const NoGrad no_grad;
  const std::vector<double> whole = model->forward(x).to_vector();
  for (int stages = 0; stages <= model->stages(); ++stages) {
    ModelState below = model->begin(x);
    model->run_stages(0, stages, below);
    ModelState state = model->begin(x);
    if (stages > 0) state.h = below.h;
    EXPECT_EQ(model->forward_after(stages, std::move(state)).to_vector(), whole) << stages;
  }
}

// What frozen groups gave a sample is used again in other batches.
TEST_P(EveryArchitecture, ASamplesStatesDependOnItAlone) {
  const NoGrad no_grad;
  const std::vector<std::int64_t> lengths{1, 70, 9, 33, 17, 8, 64, 25};
  const ManySamples samples(config, lengths);
  std::vector<std::int64_t> all(lengths.size());
  std::iota(all.begin(), all.end(), 0);
  const std::vector<Tensor> whole = states_of(*model, samples.batch(all));
  for (const std::vector<std::int64_t>& rows : std::vector<std::vector<std::int64_t>>{
           {0}, {1}, {2}, {3}, {4}, {5}, {6}, {7}, {5, 2}, {2, 5, 4, 3}, {7, 6, 4, 3, 2, 0}}) {
    const std::vector<Tensor> part = states_of(*model, samples.batch(rows));
    for (std::size_t stage = 0; stage < whole.size(); ++stage) {
      const bool is_pooled = stage + 1 == whole.size() && !model->gives_sequences();
      const bool by_token = has_own_lengths(config) && !is_pooled;
      std::int64_t at = 0;
      for (const std::int64_t row : rows) {
        const std::int64_t per_image = whole[stage].size(0) / samples.size();
        std::int64_t begin = by_token ? 0 : row * per_image;
        for (std::int64_t r = 0; by_token && r < row; ++r) begin += lengths[static_cast<std::size_t>(r)];
        const std::int64_t count = by_token ? lengths[static_cast<std::size_t>(row)] : per_image;
        EXPECT_EQ(slice(part[stage], 0, at, at + count).to_vector(),
                  slice(whole[stage], 0, begin, begin + count).to_vector())
            << "stage " << stage << ", sample " << row << " of " << rows.size();
        at += count;
      }
    }
  }
}

// Without a TraceScope, work would be counted for the head.
TEST_P(EveryArchitecture, EachGroupsWorkIsItsOwn) {
  const NoGrad no_grad;
  std::vector<double> whole;
  {
    const StepObserver observer(*model);
    model->forward(x);
    for (const auto& flops : observer.finish(kCpu).group_flops) whole.push_back(flops[0]);
  }
  ModelState state = model->begin(x);
  for (int group = 0; group < model->head(); ++group) {
    const StepObserver observer(*model);
    model->run_group(group, state);
    const auto cost = observer.finish(kCpu);
    const auto own = static_cast<std::size_t>(group);
    EXPECT_GT(cost.group_flops[own][0], 0) << model->groups()[own].name;
    EXPECT_EQ(cost.group_flops[own][0], whole[own]) << model->groups()[own].name;
    for (std::size_t other = 0; other + 1 < whole.size(); ++other)
      if (other != own) {
        EXPECT_EQ(cost.group_flops[other][0], 0) << model->groups()[other].name;
      }
  }
  EXPECT_GT(whole.back(), 0);
}

TEST_P(EveryArchitecture, TheOutputLayerIsTheHeads) {
  EXPECT_EQ(model->group_of(model->output_layer().path()), model->head());
  EXPECT_EQ(model->output_layer().matrix().size(0), config.outputs);
}

// Draws are keyed by a parameter's name: two that are given one name would begin with the same weights.
TEST_P(EveryArchitecture, NoTwoParametersAreDrawnAlike) {
  std::set<std::vector<double>> seen;
  for (const ParameterPtr& parameter : model->parameters()) {
    const std::vector<double> values = parameter->tensor.detach().to_vector();
    const bool is_drawn = std::set<double>(values.begin(), values.end()).size() > 1;
    if (is_drawn) {
      EXPECT_TRUE(seen.insert(values).second) << parameter->name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, EveryArchitecture, ::testing::ValuesIn(models_without_decoder()),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace thaw::test
