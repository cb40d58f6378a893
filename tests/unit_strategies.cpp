// Strategies: the plan of each, options and their errors, the registry.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "core/error.h"
#include "finetune/plan/adapters.h"
#include "finetune/plan/plan_text.h"
#include "finetune/plan/plan_warnings.h"
#include "finetune/plan/selector.h"
#include "finetune/plan/strategies/registry.h"
#include "nn/models/registry.h"
#include "tests/support/messages.h"

namespace thaw::test {
namespace {

// layers.0 (with a norm), layers.1, head: parameters 0-3, 4 and 5, 6 and 7.
ModelInfo small_model() {
  ModelInfo model;
  model.groups = {"layers.0", "layers.1", "head"};
  model.parameters = {
      {"layers.0.weight", {}, 0, ParameterKind::weight, false, 12},
      {"layers.0.bias", {}, 0, ParameterKind::bias, true, 3},
      {"layers.0.norm.weight", {}, 0, ParameterKind::norm, false, 3},
      {"layers.0.norm.bias", {}, 0, ParameterKind::norm, true, 3},
      {"layers.1.weight", {}, 1, ParameterKind::weight, false, 12},
      {"layers.1.bias", {}, 1, ParameterKind::bias, true, 3},
      {"head.weight", {}, 2, ParameterKind::weight, false, 12},
      {"head.bias", {}, 2, ParameterKind::bias, true, 3},
  };
  return model;
}

ModelInfo with_adapters(ModelInfo model) {
  model.parameters.push_back({"layers.1.lora_A", {}, 1, ParameterKind::lora, false, 8});
  return model;
}

constexpr RunLength kRun{60, 20};

Strategy make(const std::string& name, const OptionMap& options = {},
              const ModelInfo& model = small_model()) {
  return make_strategy({name, options, {}}, model, kRun);
}

ResolvedPlan resolve(const Strategy& strategy, const ModelInfo& model = small_model()) {
  return ResolvedPlan(strategy.plan, model, kRun);
}

// A line per phase: "start: trainable digits".
std::string phases_of(const Strategy& strategy, const ModelInfo& model = small_model()) {
  std::string text;
  const ResolvedPlan plan = resolve(strategy, model);
  for (const ResolvedPhase& phase : plan.phases()) {
    text += (text.empty() ? "" : " | ") + std::to_string(phase.start) + ": ";
    for (size_t p = 0; p < phase.trainable.size(); ++p) {
      if (phase.trainable[p]) text += std::to_string(p);
    }
  }
  return text;
}

std::string make_error(const std::string& name, const OptionMap& options = {}) {
  return message_of<InputError>([&] { make(name, options); });
}

TEST(Registry, EveryStrategyIsCompleteAndItsDefaultsMakeAPlan) {
  std::set<std::string> names;
  for (const StrategySpec& spec : strategies()) {
    EXPECT_TRUE(names.insert(spec.name).second) << spec.name;
    EXPECT_FALSE(spec.summary.empty()) << spec.name;
    EXPECT_GT(spec.default_lr_scale, 0) << spec.name;
    for (const OptionSpec& option : spec.options) EXPECT_FALSE(option.doc.empty()) << spec.name;
    if (spec.name == "plan") continue;
    const Strategy strategy = make(spec.name);
    EXPECT_FALSE(resolve(strategy).segments().empty()) << spec.name;
    EXPECT_TRUE(resolve(strategy).state_at(0)[6].trainable) << spec.name << " begins with the head";
  }
  for (const char* name :
       {"full", "head", "top-k", "block-k", "gradual", "discriminative", "ulmfit", "chain-thaw", "lp-ft",
        "lisa", "bitfit", "norm-only", "lora", "dora", "adapter", "layer-decay", "l2-sp", "plan"}) {
    EXPECT_EQ(names.count(name), 1u) << name;
  }
}

TEST(Registry, UnknownNames) {
  EXPECT_EQ(message_of<InputError>([] { find_strategy("gradul"); }),
            "strategy \"gradul\" is unknown; did you mean \"gradual\"?; `thaw strategies` lists the " +
                std::to_string(strategies().size()) + " known ones");
  EXPECT_NE(message_of<InputError>([] { find_strategy("top-"); }), kNothingThrown);
  EXPECT_NE(message_of<InputError>([] { find_strategy("top-two"); }), kNothingThrown);
  EXPECT_NE(message_of<InputError>([] { find_strategy("top--1"); }), kNothingThrown);
  EXPECT_NE(message_of<InputError>([] { find_strategy(""); }), kNothingThrown);
  EXPECT_NE(message_of<InputError>([] { find_strategy("full-2"); }), kNothingThrown);
  EXPECT_NE(message_of<InputError>([] { find_strategy("2"); }), kNothingThrown);
  EXPECT_EQ(find_strategy("top-2").name, "top-k");
  EXPECT_EQ(find_strategy("block-12").name, "block-k");
}

TEST(Strategies, SinglePhases) {
  EXPECT_EQ(phases_of(make("full")), "0: 01234567");
  EXPECT_EQ(phases_of(make("head")), "0: 67");
  EXPECT_EQ(phases_of(make("bitfit")), "0: 13567");
  EXPECT_EQ(phases_of(make("norm-only")), "0: 2367");
}

TEST(Strategies, TopK) {
  EXPECT_EQ(phases_of(make("top-0")), "0: 67");
  EXPECT_EQ(phases_of(make("top-1")), "0: 4567");
  EXPECT_TRUE(make("top-1").warnings.empty());
  EXPECT_EQ(phases_of(make("top-9")), "0: 01234567");
  EXPECT_EQ(make("top-2").warnings,
            std::vector<std::string>{"top-2 is the same as full: the model has 2 groups below the head"});
  EXPECT_EQ(phases_of(make("top-k", {{"k", 1.0}})), "0: 4567");
  EXPECT_NE(make_error("top-2", {{"k", 1.0}}).find("k in its name"), std::string::npos);
  EXPECT_NE(make_error("top-4000000000"), kNothingThrown);
}

TEST(Strategies, Block) {
  ModelInfo adapted = small_model();
  adapted.head_is_new = false;
  EXPECT_EQ(phases_of(make("block-1", {}, adapted)), "0: 0123");
  EXPECT_EQ(phases_of(make("block-2", {}, adapted)), "0: 45");
  EXPECT_EQ(phases_of(make("block-2")), "0: 4567") << "a new head trains too";
  EXPECT_EQ(phases_of(make("block-2", {{"head", "yes"}}, adapted)), "0: 4567");
  EXPECT_EQ(phases_of(make("block-1", {{"head", "no"}}, adapted)), "0: 0123");
  EXPECT_EQ(phases_of(make("block-k", {{"k", 2.0}}, adapted)), "0: 45");
  EXPECT_TRUE(make("block-1", {{"head", "no"}}, adapted).warnings.empty());
  EXPECT_EQ(phases_of(make("block-1", {{"head", "no"}})), "0: 0123");
  EXPECT_EQ(make("block-1", {{"head", "no"}}).warnings,
            std::vector<std::string>{
                "block-1 leaves a new head as it was drawn; set strategy.head = \"new\" to train it"});
}

TEST(Strategies, BlockRefusesWhatIsNoGroupBelowTheHead) {
  EXPECT_EQ(make_error("block-3"),
            "block-3 is the head itself (the model's groups below it: \"layers.0\", \"layers.1\"); use the "
            "strategy \"head\"");
  EXPECT_EQ(make_error("block-4"),
            "block-4 is no group of the model (its groups below the head: \"layers.0\", \"layers.1\"); write "
            "block-1 to block-2");
  EXPECT_NE(make_error("block-0").find("strategy.k = 0 is not possible"), std::string::npos);
  EXPECT_NE(make_error("block-1", {{"k", 1.0}}).find("k in its name"), std::string::npos);
  EXPECT_NE(make_error("block-1", {{"head", "maybe"}}).find("write \"new\", \"yes\" or \"no\""),
            std::string::npos);
  EXPECT_NE(make_error("block-x").find("did you mean \"block-2\"?"), std::string::npos);
}

TEST(Strategies, Gradual) {
  EXPECT_EQ(phases_of(make("gradual")), "0: 67 | 20: 4567 | 40: 01234567");
  EXPECT_EQ(phases_of(make("gradual", {{"every", "5 steps"}})), "0: 67 | 5: 4567 | 10: 01234567");
  EXPECT_EQ(phases_of(make("gradual", {{"every", "0.25 run"}})), "0: 67 | 15: 4567 | 30: 01234567");
  EXPECT_EQ(phases_of(make("gradual", {{"every", "0.5 epochs"}})), "0: 67 | 10: 4567 | 20: 01234567");
  EXPECT_EQ(resolve(make("gradual")).state_at(40)[0].lr_mult, 1.0);
  const ResolvedPlan decayed = resolve(make("gradual", {{"lr_decay", 2.0}}));
  EXPECT_EQ(decayed.state_at(0)[6].lr_mult, 1.0);
  EXPECT_EQ(decayed.state_at(20)[4].lr_mult, 0.5);
  EXPECT_EQ(decayed.state_at(40)[0].lr_mult, 0.25);
}

TEST(Strategies, GradualRefusesOtherIntervals) {
  for (const char* bad :
       {"", "1", "epoch", "0 epochs", "-1 steps", "nan steps", "1.5 steps", "1 week", "1 epoch more"}) {
    EXPECT_NE(make_error("gradual", {{"every", bad}}).find("strategy.every = "), std::string::npos) << bad;
  }
  EXPECT_NE(make_error("gradual", {{"lr_decay", 0.0}}), kNothingThrown);
}

TEST(Strategies, GradualBeyondTheRunWarns) {
  const ResolvedPlan plan = resolve(make("gradual", {{"every", "3 epochs"}}));
  const auto warnings = plan_warnings(plan, [](std::int64_t) { return 0.1; });
  EXPECT_EQ(warnings.size(), 2u) << "phases after the end, and groups that never thaw";
}

TEST(Strategies, DiscriminativeAndLayerDecay) {
  const auto discriminative = resolve(make("discriminative")).state_at(0);
  EXPECT_EQ(discriminative[6].lr_mult, 1.0);
  EXPECT_DOUBLE_EQ(discriminative[4].lr_mult, 1 / 2.6);
  EXPECT_DOUBLE_EQ(discriminative[0].lr_mult, 1 / (2.6 * 2.6));
  const auto decayed = resolve(make("layer-decay", {{"decay", 0.5}})).state_at(0);
  EXPECT_EQ(decayed[7].lr_mult, 1.0);
  EXPECT_EQ(decayed[5].lr_mult, 0.5);
  EXPECT_EQ(decayed[1].lr_mult, 0.25);
  EXPECT_NE(make_error("layer-decay", {{"decay", 1.5}}), kNothingThrown);
}

TEST(Strategies, Ulmfit) {
  const Strategy ulmfit = make("ulmfit");
  EXPECT_EQ(ulmfit.schedule, ScheduleKind::slanted_triangular);
  EXPECT_EQ(phases_of(ulmfit), phases_of(make("gradual")));
  EXPECT_DOUBLE_EQ(resolve(ulmfit).state_at(40)[0].lr_mult, 1 / (2.6 * 2.6));
  EXPECT_FALSE(make("gradual").schedule.has_value());
}

TEST(Strategies, ChainThaw) {
  EXPECT_EQ(phases_of(make("chain-thaw")), "0: 67 | 15: 0123 | 30: 45 | 45: 01234567");
}

TEST(Strategies, LpFt) {
  EXPECT_EQ(phases_of(make("lp-ft")), "0: 67 | 30: 01234567");
  EXPECT_EQ(resolve(make("lp-ft")).state_at(30)[0].lr_mult, 0.1);
  EXPECT_EQ(phases_of(make("lp-ft", {{"fraction", 0.25}, {"lr_mult", 1.0}})), "0: 67 | 15: 01234567");
  EXPECT_NE(make_error("lp-ft", {{"fraction", 1.5}}), kNothingThrown);
}

TEST(Strategies, SayWhenTheyAreTheSameAsHead) {
  ModelInfo bare = small_model();
  for (ParameterInfo& parameter : bare.parameters)
    parameter.kind = ParameterKind::weight, parameter.is_bias = false;
  for (const char* name : {"bitfit", "norm-only"}) {
    EXPECT_TRUE(make(name).warnings.empty());
    ASSERT_EQ(make(name, {}, bare).warnings.size(), 1u);
    EXPECT_EQ(phases_of(make(name, {}, bare), bare), "0: 67");
  }
}

TEST(Strategies, LowRank) {
  using List = std::vector<std::string>;
  for (const char* name : {"lora", "dora"}) {
    const Strategy plain = make(name);
    ASSERT_TRUE(plain.adapters && plain.adapters->is_low_rank());
    const auto& layer = std::get<LoraOptions>(plain.adapters->layer);
    EXPECT_EQ(layer.r, 8);
    EXPECT_EQ(layer.scale(), 1);
    EXPECT_EQ(layer.dora, std::string(name) == "dora");
    EXPECT_TRUE(plain.adapters->target_modules.empty());
    EXPECT_EQ(phases_of(plain, with_adapters(small_model())), "0: 678");

    const Strategy custom = make(name, {{"r", 4.0},
                                        {"alpha", 6.0},
                                        {"rslora", true},
                                        {"dropout", 0.1},
                                        {"target_modules", List{"layers.1"}},
                                        {"modules_to_save", List{"norm"}}});
    const auto& chosen = std::get<LoraOptions>(custom.adapters->layer);
    EXPECT_EQ(chosen.r, 4);
    EXPECT_EQ(chosen.scale(), 3) << "alpha / sqrt(r)";
    EXPECT_EQ(chosen.dropout, 0.1);
    EXPECT_EQ(custom.adapters->target_modules, List{"layers.1"});
    EXPECT_EQ(phases_of(custom, with_adapters(small_model())), "0: 238");

    EXPECT_NE(make_error(name, {{"modules_to_save", List{"nrm"}}}).find("no module is named \"nrm\""),
              std::string::npos);
    EXPECT_NE(make_error(name, {{"r", 0.0}}), kNothingThrown);
    EXPECT_NE(make_error(name, {{"dropout", 1.0}}), kNothingThrown);
  }
  EXPECT_EQ(make_error("lora", {{"r", 1.5}}),
            "strategy.r = 1.5 is not possible (strategy \"lora\"); write a whole number");
}

TEST(Strategies, AdapterTrainsBottlenecksNormsAndTheHead) {
  ModelInfo adapted = small_model();
  adapted.parameters.push_back({"layers.1.adapter.up.weight", {}, 1, ParameterKind::adapter, false, 8});
  EXPECT_EQ(phases_of(make("adapter"), adapted), "0: 23678");
  const Strategy strategy = make("adapter", {{"size", 3.0}, {"activation", "tanh"}});
  EXPECT_FALSE(strategy.adapters->is_low_rank());
  const auto& layer = std::get<BottleneckOptions>(strategy.adapters->layer);
  EXPECT_EQ(layer.size, 3);
  EXPECT_EQ(layer.activation, "tanh");
  EXPECT_NE(make_error("adapter", {{"size", 0.0}}), kNothingThrown);
  EXPECT_NE(make_error("adapter", {{"activation", "relus"}}).find("relus"), std::string::npos);
}

// A model's folder has one size and one activation for all of them.
TEST(Strategies, BottlenecksOfOneModelAreAlike) {
  ModelConfig config;
  config.architecture = "mlp";
  config.hidden = {8, 7, 5};
  config.sample_shape = {6};
  config.outputs = 3;
  const auto model = make_model(config);
  attach_adapters(*model, {BottleneckOptions{.size = 4}, {"layers.0"}, {}}, 0);
  attach_adapters(*model, {BottleneckOptions{.size = 4}, {"layers.0", "layers.1"}, {}}, 0);
  const std::string refusal = message_of<InputError>([&] {
    attach_adapters(*model, {BottleneckOptions{.size = 3}, {"layers.2"}, {}}, 0);
  });
  EXPECT_NE(refusal.find("bottlenecks of size 4 with gelu already"), std::string::npos) << refusal;
}

TEST(Strategies, L2Sp) {
  const Strategy l2_sp = make("l2-sp", {{"alpha", 0.5}});
  ASSERT_TRUE(l2_sp.l2_sp.has_value());
  EXPECT_EQ(l2_sp.l2_sp->alpha, 0.5);
  EXPECT_EQ(l2_sp.l2_sp->beta, 0.01);
  EXPECT_EQ(phases_of(l2_sp), "0: 01234567");
  EXPECT_FALSE(make("full").l2_sp.has_value());
}

TEST(Strategies, PlanTakesThePhasesAsTheyAre) {
  Phase head, rest;
  head.train = "head";
  rest.at = parse_phase_start("epoch 1");
  EXPECT_EQ(phases_of(make_strategy({"plan", {}, {head, rest}}, small_model(), kRun)),
            "0: 67 | 20: 01234567");
  EXPECT_NE(make_error("plan").find("write at least one [[strategy.phase]] table"), std::string::npos);
  EXPECT_NE(message_of<InputError>([&] {
              make_strategy({"full", {}, {head}}, small_model(), kRun);
            }).find("strategy.name = \"plan\""),
            std::string::npos);
}

TEST(Strategies, PassOverGroupsWithoutParameters) {
  ModelInfo model = small_model();
  model.groups = {"layers.0", "pool", "layers.1", "head"};
  for (ParameterInfo& parameter : model.parameters) parameter.group += parameter.group > 0 ? 1 : 0;
  for (const StrategySpec& spec : strategies()) {
    if (spec.name == "plan") continue;
    EXPECT_NO_THROW(ResolvedPlan(make(spec.name, {}, model).plan, model, kRun)) << spec.name;
  }
  EXPECT_EQ(phases_of(make("gradual", {}, model), model), "0: 67 | 20: 4567 | 40: 01234567");
  EXPECT_EQ(phases_of(make("block-2", {{"head", "no"}}, model), model), "0: 45");
}

TEST(StrategyOptions, CommonOnes) {
  const Plan plan =
      make("gradual",
           {{"frozen_norm", "batch"}, {"frozen_dropout", "off"}, {"state", "drop"}, {"rewarmup", 4.0}})
          .plan;
  EXPECT_EQ(plan.frozen_norm, FrozenNorm::batch);
  EXPECT_EQ(plan.frozen_dropout, FrozenDropout::off);
  EXPECT_EQ(plan.state, StatePolicy::drop);
  EXPECT_EQ(ResolvedPlan(plan, small_model(), kRun).state_at(20)[4].lr_mult, 0.2);
  EXPECT_EQ(make("full").plan.frozen_norm, FrozenNorm::still);
  EXPECT_NE(make_error("full", {{"frozen_norm", "off"}}), kNothingThrown);
}

TEST(StrategyOptions, UnknownOnesAndOtherTypes) {
  EXPECT_EQ(make_error("gradual", {{"lr_decai", 2.0}}),
            "strategy \"gradual\" has no option \"lr_decai\"; did you mean \"lr_decay\"?; it takes every, "
            "lr_decay, "
            "frozen_norm, frozen_dropout, state, rewarmup");
  EXPECT_EQ(make_error("gradual", {{"every", 2.0}}),
            "strategy.every = 2 is not a text (strategy \"gradual\"); its default is \"1 epoch\"");
  EXPECT_NE(make_error("lora", {{"r", true}}).find("is not a number"), std::string::npos);
  EXPECT_NE(make_error("lora", {{"target_modules", "query"}}).find("is not a list of texts"),
            std::string::npos);
}

TEST(StrategyOptions, ValuesPrintAsInToml) {
  EXPECT_EQ(to_text(OptionValue(true)), "true");
  EXPECT_EQ(to_text(OptionValue(0.1)), "0.1");
  EXPECT_EQ(to_text(OptionValue("a")), "\"a\"");
  EXPECT_EQ(to_text(OptionValue(std::vector<std::string>{"a", "b"})), "[\"a\", \"b\"]");
}

}  // namespace
}  // namespace thaw::test
