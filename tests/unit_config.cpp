// Configs: what is read, what is written, what is refused and how.
#include <gtest/gtest.h>

#include <filesystem>

#include "core/error.h"
#include "finetune/config/config.h"
#include "finetune/config/config_keys.h"
#include "finetune/config/config_text.h"
#include "finetune/plan/plan_text.h"
#include "tests/support/files.h"
#include "tests/support/messages.h"

namespace thaw::test {
namespace {

constexpr const char* kFull = R"(
[model]
from = "mlp"
hidden = [64, 32]
activation = "gelu"
init = "w.safetensors"
dropout = 0.1
[data]
train = "train.csv"
validation = "sub/valid.csv"
test = "/abs/test.csv"
label = "y \" z"
group = "patient"
standardize = true
samples_per_class = 20
limit = 100
rows = [10, 500]
merge = { "a" = ["0", "6 \" x"], b = ["7"] }
classes = ["a", "b"]
corrupt = "noise"
duplicates = "warn"
split_seed = 7
[train]
steps = 60
batch_size = 0
accumulation = 2
shuffle = false
optimizer = "sgd"
momentum = 0.9
nesterov = true
no_decay = "kind:bias"
lr = 1e-5
schedule = "one-cycle"
warmup_fraction = 0.1
clip_norm = 1
label_smoothing = 0.1
eval_every = "100 steps"
restore_best = true
monitor = "validation_accuracy"
nan = "skip"
seed = 3
[strategy]
name = "plan"
frozen_norm = "batch"
[[strategy.phase]]
train = "head"
[[strategy.phase]]
at = "epoch 1.5"
train = "all"
lr_mult = { "head" = 1.0, "layers.0" = 0.38 }
state = "drop"
rewarmup = 5
[compare]
strategies = ["full", "top-2"]
lr_grid = [1e-3, 3e-4]
)";

struct ConfigTest : ::testing::Test {
  TemporaryFolder folder;
  Config load(const std::string& text, const std::vector<std::string>& set = {}) {
    return load_config(folder.write("task.toml", text), set);
  }
  std::string error_of(const std::string& text, const std::vector<std::string>& set = {}) {
    return message_of<InputError>([&] { load(text, set); });
  }
};

TEST_F(ConfigTest, EveryKeyIsRead) {
  const Config c = load(kFull);
  EXPECT_EQ(c.name, "task");
  EXPECT_EQ(c.model.hidden, (std::vector<std::int64_t>{64, 32}));
  EXPECT_EQ(c.model.init, folder.path("w.safetensors"));
  EXPECT_EQ(c.data.validation, folder.path("sub/valid.csv"));
  EXPECT_EQ(c.data.test, "/abs/test.csv");
  EXPECT_EQ(c.data.label, "y \" z");
  EXPECT_EQ(c.data.rows, (std::vector<std::int64_t>{10, 500}));
  EXPECT_EQ(c.data.merge, (LabelLists{{"a", {"0", "6 \" x"}}, {"b", {"7"}}}));
  EXPECT_EQ(c.data.corrupt, Corruption::noise);
  EXPECT_EQ(c.train.steps, 60);
  EXPECT_EQ(c.train.lr, 1e-5);
  EXPECT_EQ(c.train.schedule, ScheduleKind::one_cycle);
  ASSERT_EQ(c.strategy.phases.size(), 2u);
  EXPECT_EQ(to_text(c.strategy.phases[1].at), "epoch 1.5");
  EXPECT_EQ(c.strategy.phases[1].lr_mult.at("layers.0"), 0.38);
  EXPECT_EQ(c.strategy.phases[1].rewarmup, 5);
  EXPECT_EQ(std::get<std::string>(c.strategy.options.at("frozen_norm")), "batch");
  EXPECT_EQ(c.compare.strategies, (std::vector<std::string>{"full", "top-2"}));
}

TEST_F(ConfigTest, WrittenConfigReadsBackTheSame) {
  for (const char* text :
       {kFull, "", "[strategy]\nname = \"top-2\"\n", "[strategy]\nname = \"lora\"\nr = 4\n",
        "[strategy]\nname = \"block-3\"\nhead = \"no\"\n",
        "[train]\nwarmup_steps = 5\n[model]\nfrom = \"cnn\"\n"}) {
    const std::string written = to_toml(load(text));
    EXPECT_EQ(to_toml(load(written)), written) << text;
  }
}

TEST_F(ConfigTest, DefaultsAreWrittenOut) {
  const std::string written = to_toml(load(""));
  for (const char* line :
       {"hidden = [64]", "epochs = 3.0", "lr = 0.001", "weight_decay = 0.01", "betas = [0.9, 0.999]",
        "eval_every = \"1 epoch\"", "cache = \"auto\"", "frozen_dropout = \"keep\"", "seeds = 5"})
    EXPECT_NE(written.find(line), std::string::npos) << line << "\n" << written;
}

TEST_F(ConfigTest, WeightDecayFollowsTheOptimizer) {
  EXPECT_EQ(load("").train.weight_decay, 0.01);
  EXPECT_EQ(load("[train]\noptimizer = \"sgd\"\n").train.weight_decay, 0);
  EXPECT_EQ(load("[train]\noptimizer = \"sgd\"\nweight_decay = 0.1\n").train.weight_decay, 0.1);
}

TEST(ConfigRule, AnOptionMayHaveSeveralOwners) {
  const Rule rule = Rule{}.of({"mlp", "cnn"});
  EXPECT_TRUE(rule.is_of("mlp"));
  EXPECT_TRUE(rule.is_of("cnn"));
  EXPECT_FALSE(rule.is_of("vit"));
  EXPECT_TRUE(Rule{}.is_of("vit"));
}

TEST_F(ConfigTest, AStudysVariantMayTakeCorruptBack) {
  EXPECT_EQ(load("[data]\ncorrupt = \"\"\n").data.corrupt, Corruption::none);
}

TEST_F(ConfigTest, OverridesWin) {
  const Config c =
      load("[train]\nlr = 1\nepochs = 5\n", {"train.lr=1e-4", "strategy.name=top-2", "data.train=x/y.csv",
                                             "train.steps = 7", "model.hidden=[8, 4]"});
  EXPECT_EQ(c.train.lr, 1e-4);
  EXPECT_EQ(c.train.steps, 7);  // in place of the file's epochs
  EXPECT_EQ(c.strategy.name, "top-2");
  EXPECT_EQ(c.data.train, folder.path("x/y.csv"));
  EXPECT_EQ(c.model.hidden, (std::vector<std::int64_t>{8, 4}));
}

TEST_F(ConfigTest, LabelsMayBeWholeNumbers) {
  const Config c = load("[data]\nclasses = [1, \"0\", -2]\n");
  EXPECT_EQ(c.data.classes, (std::vector<std::string>{"1", "0", "-2"}));
  EXPECT_EQ(load("[data]\nmerge = { a = [0, 6], b = [7] }\n").data.merge,
            (LabelLists{{"a", {"0", "6"}}, {"b", {"7"}}}));
  EXPECT_NE(error_of("[data]\nclasses = [1.5]\n").find("data.classes[0] = 1.5"), std::string::npos);
}

TEST_F(ConfigTest, OverridesOfATableReplaceItOrOneOfItsKeys) {
  const std::string text = "[data]\nlabel = \"y\"\nmerge = { a = [\"0\"], b = [\"1\"] }\n";
  EXPECT_EQ(load(text, {"data.merge={ c = ['2'] }"}).data.merge, (LabelLists{{"c", {"2"}}}));
  EXPECT_TRUE(load(text, {"data.merge={}"}).data.merge.empty());
  EXPECT_EQ(load(text, {"data.merge.b=['5', '6']"}).data.merge,
            (LabelLists{{"a", {"0"}}, {"b", {"5", "6"}}}));
  EXPECT_EQ(load(text, {"data={ limit = 3 }"}).data.label, "y");
}

TEST_F(ConfigTest, AnotherStrategyKeepsCommonOptionsAlone) {
  const Config c = load("[strategy]\nname = \"lora\"\nr = 4\nfrozen_norm = \"batch\"\n");
  EXPECT_EQ(strategy_request(c, "lora").options.size(), 2u);
  const StrategyRequest full = strategy_request(c, "full");
  EXPECT_EQ(full.name, "full");
  EXPECT_EQ(full.options.size(), 1u);
}

TEST_F(ConfigTest, WhatTheProgramWroteIsReadWithoutANote) {
  EXPECT_TRUE(load("").notes.empty());
  EXPECT_TRUE(load(to_toml(load(""))).notes.empty());
  EXPECT_TRUE(load("[train]\ncache = \"off\"\n").notes.empty());
}

TEST_F(ConfigTest, ErrorsSayWhatWhereAndHow) {
  struct Case {
    const char* text;
    std::vector<const char*> parts;
  };
  const Case cases[] = {
      {"[train]\nlrr = 1\n", {"unknown key \"train.lrr\"", "task.toml:2:1", "did you mean \"lr\"?"}},
      {"[trian]\n", {"unknown key \"trian\"", ":1:", "\"train\""}},
      {"[train]\nlr = \"fast\"\n", {"train.lr = \"fast\" is not a number", ":2:6", "write a number"}},
      {"[train]\nlr = 0\n", {"train.lr = 0 is out of range", "above 0"}},
      {"[train]\nlr = nan\n", {"not finite"}},
      {"[train]\nbatch_size = 1.5\n", {"not a whole number"}},
      {"[train]\noptimizer = \"adam\"\n", {"did you mean \"adamw\"?", "\"sgd\""}},
      {"[train]\nmomentum = 0.9\n", {"is an option of \"sgd\", not of \"adamw\""}},
      {"[train]\nrecompute = \"auto\"\n", {"train.recompute needs train.memory"}},
      {"[train]\nprecision = \"bf16\"\n", {"is not in this version", "fp32"}},
      {"[train]\nsteps = 5\nepochs = 2\n", {"stands beside steps"}},
      {"[train]\neval_every = \"often\"\n", {"is no interval"}},
      {"[train]\nmonitor = \"validation_rmse\"\n", {"classification does not give", "validation_accuracy"}},
      {"[model]\npooling = \"max\"\n", {"model.pooling", "mean", "task.toml:2"}},
      {"[model]\nfrom = \"mpl\"\n", {"is an unknown architecture", "mlp, cnn", "task.toml:2:8"}},
      {"[model]\nhidden = [64, \"x\"]\n", {"model.hidden[1] = \"x\" is not a whole number"}},
      {"[data]\ntrain = \"a.txt\"\n", {"is text without labels"}},
      {"[data]\nvalidation_fraction = 1\n", {"out of range", "below 1"}},
      {"[data]\nrows = [5]\n", {"data.rows is no range", "task.toml", "[0, 40000]"}},
      {"[data]\nrows = [5, 5]\n", {"data.rows is no range"}},
      {"[data]\nrows = [-1, 5]\n", {"data.rows[0] = -1 is out of range"}},
      {"[data]\ncorrupt = \"blurr\"\n", {"did you mean \"blur\"?"}},
      {"[data]\nstandardize = \"\"\n", {"data.standardize = \"\" is unknown", "\"train\""}},
      {"[data]\nduplicates = \"\"\n", {"data.duplicates = \"\" is unknown", "\"warn\""}},
      {"[data]\nmerge = [\"a\"]\n", {"data.merge = an array is not a table"}},
      {"[data]\nmerge = { a = 0 }\n", {"data.merge.\"a\" = 0 is not an array"}},
      {"[data]\nmerge = { a = [] }\n", {"a class without a label"}},
      {"[data]\nmerge = { \"\" = [\"0\"] }\n", {"a class without a name"}},
      {"[data]\nmerge = { a = [\"0\", \"1\"], b = [\"1\"] }\n",
       {"the label \"1\" twice, in \"a\" and in \"b\""}},
      {"[data]\nmerge = { a = [\"1\"], b = [\"1.0\"] }\n",
       {"the label \"1.0\" twice, in \"a\" and in \"b\""}},
      {"[data]\nmerge = { 1 = [\"a\"], \"1.0\" = [\"b\"] }\n",
       {"the class \"1\" twice, as \"1\" and as \"1.0\""}},
      {"[data]\ntask = \"regression\"\nmerge = { a = [\"0\"] }\n", {"data.merge are for classification"}},
      {"[strategy]\nname = \"gradul\"\n", {"did you mean \"gradual\"", ":2:8"}},
      {"[strategy]\nname = \"gradual\"\nevry = \"1 epoch\"\n",
       {"unknown key \"strategy.evry\"", "\"every\""}},
      {"[strategy]\nname = \"plan\"\n[[strategy.phase]]\nat = \"someday\"\n", {"is not a time", ":4:6"}},
      {"[strategy]\nname = \"plan\"\n[[strategy.phase]]\nlr_mult = { head = -1 }\n", {"out of range"}},
      {"[[strategy.phase]]\ntrain = \"head\"\n", {"belongs to the strategy \"plan\""}},
      {"[compare]\nbudget = \"60m\"\n", {"\"60m\" is no budget", "\"60s\""}},
      {"[compare]\npredict = [\"bitfit\"]\n", {"\"bitfit\"", "compare.strategies"}},
      {"[compare]\nstrategies = [\"full\", \"haed\"]\n", {"\"haed\" is unknown", "\"head\""}},
      {"lr = \n", {"no valid TOML", ":1:"}},
  };
  for (const Case& c : cases) {
    const std::string message = error_of(c.text);
    for (const char* part : c.parts) EXPECT_NE(message.find(part), std::string::npos) << c.text << message;
    EXPECT_NE(message.find(';'), std::string::npos) << message;
  }
}

// toml++ 3.3 asks whether letters like these are white space and takes a No for unreachable
// (finetune/config/toml.h).
TEST_F(ConfigTest, LettersBeyondAsciiAreNoWhiteSpace) {
  for (const std::string letter : {"\u00e9", "\u3042", "\ufbaf"}) {
    EXPECT_EQ(load("[data]\nlabel = \"\"\"\\\n  " + letter + "\"\"\"\n").data.label, letter);
    EXPECT_NE(error_of("[data]\nlimit = 5" + letter + "\n").find(":2:10); mend the line"), std::string::npos);
  }
}

TEST_F(ConfigTest, KeysOfOtherProgramsAndSectionsAreKnown) {
  const std::pair<const char*, const char*> meant[] = {
      {"[train]\nlearning_rate = 1\n", "train.lr"},
      {"[train]\nbatch = 8\n", "train.batch_size"},
      {"[train]\nnum_epochs = 1\n", "train.epochs"},
      {"[train]\nn_epochs = 1\n", "train.epochs"},
      {"[train]\nmetric = \"x\"\n", "train.monitor"},
      {"[data]\ntarget = \"y\"\n", "data.label"},
      {"[data]\ntest_size = 0.2\n", "data.test_fraction"},
      {"[model]\nlr = 1\n", "train.lr"},
      {"[data]\nbs = 1\n", "train.batch_size"},
      {"[compare]\nlrs = [1]\n", "compare.lr_grid"},
      {"lr = 1\n", "train.lr"},
  };
  for (const auto& [text, key] : meant)
    EXPECT_NE(error_of(text).find(std::string("did you mean \"") + key + "\"?"), std::string::npos)
        << error_of(text);
}

TEST_F(ConfigTest, AnOverrideSaysWhatGivesWayToIt) {
  const std::vector<std::string> notes =
      load("[data]\ntest = \"t.csv\"\n[train]\nsteps = 10\n", {"data.test_fraction=0.2", "train.epochs=2"})
          .notes;
  ASSERT_EQ(notes.size(), 2u);
  EXPECT_EQ(notes[0], "data.test = \"t.csv\" gives way to data.test_fraction = 0.2 (--set)");
  EXPECT_EQ(notes[1], "train.steps = 10 gives way to train.epochs = 2 (--set)");
  EXPECT_TRUE(load("[data]\ntest = \"t.csv\"\n", {"data.test=u.csv"}).notes.empty());
  EXPECT_TRUE(load("[data]\nvalidation_fraction = 0\n", {"data.validation=u.csv"}).notes.empty());
}

// As a README's `--set model.from=runs/pretrained` on a config that gives sizes.
TEST_F(ConfigTest, OptionsOfAnotherArchitectureOrOptimizerGiveWayToAnOverride) {
  const Config model = load("[model]\nfrom = \"cnn\"\nwidth = 4\ndropout = 0.1\n", {"model.from=mlp"});
  EXPECT_EQ(model.notes,
            std::vector<std::string>{"model.width = 4 gives way to model.from = \"mlp\" (--set)"});
  EXPECT_EQ(model.model.dropout, 0.1);
  const Config train = load("[train]\nbetas = [0.8, 0.9]\n", {"train.optimizer=sgd", "train.momentum=0.9"});
  EXPECT_EQ(train.notes.size(), 1U);
  EXPECT_NE(error_of("[model]\nwidth = 4\n", {"train.lr=1"}).find("is an option of \"cnn\""),
            std::string::npos);
  EXPECT_NE(error_of("", {"model.from=cnn", "model.hidden=[3]"}).find("is an option of \"mlp\""),
            std::string::npos);
}

TEST_F(ConfigTest, AFileOfOverridesGivesItsKeys) {
  std::filesystem::create_directory(folder.path("more"));
  const std::string plan = folder.write("more/plan.toml",
                                        "[train]\nlr = 0.5\n[data]\ntest = \"other.csv\"\n[strategy]\nname = "
                                        "\"plan\"\n[[strategy.phase]]\ntrain = \"head\"\n"
                                        "[[strategy.phase]]\nat = \"step 3\"\ntrain = \"all\"\n");
  const std::string text =
      "[data]\ntest = \"a.csv\"\n[train]\nlr = 0.1\nsteps = 9\n[strategy]\nname = \"gradual\"\nevery = \"2 "
      "steps\"\n";
  const Config config = load(text, {"@" + plan, "train.steps=8"});
  EXPECT_EQ(config.train.lr, 0.5);
  EXPECT_EQ(config.train.steps, 8);
  EXPECT_EQ(config.data.test,
            folder.path("more/other.csv"));  // paths are relative to the file that they stand in
  EXPECT_EQ(config.strategy.name, "plan");
  ASSERT_EQ(config.strategy.phases.size(), 2U);
  EXPECT_TRUE(config.strategy.options.empty());
  // What comes later wins, and takes with it what is not its own.
  const Config later = load(text, {"@" + plan, "strategy.name=gradual", "strategy.every=3 steps"});
  EXPECT_EQ(later.strategy.name, "gradual");
  EXPECT_TRUE(later.strategy.phases.empty());
}

TEST_F(ConfigTest, ErrorsOfAFileOfOverridesNameItsLine) {
  const std::string file = folder.write("plan.toml", "[train]\nlrr = 1\n");
  EXPECT_NE(error_of("", {"@" + file}).find("(" + file + ":2:1)"), std::string::npos)
      << error_of("", {"@" + file});
  EXPECT_NE(error_of("", {"@" + folder.write("bad.toml", "[train\n")}).find("no valid TOML"),
            std::string::npos);
  EXPECT_NE(error_of("", {"@" + folder.path("none.toml")}).find("file not found"), std::string::npos);
  EXPECT_NE(error_of("", {"@"}).find("names no file"), std::string::npos) << error_of("", {"@"});
  const std::string empty = "@" + folder.write("empty.toml", "# nothing\n");
  EXPECT_NE(error_of("", {empty}).find("has no keys"), std::string::npos) << error_of("", {empty});
}

TEST_F(ConfigTest, OverrideErrorsNameTheOption) {
  EXPECT_NE(error_of("", {"train.lr=-1"}).find("(--set train.lr=-1)"), std::string::npos)
      << error_of("", {"train.lr=-1"});
  EXPECT_NE(error_of("", {"data.test=t.csv", "data.test_fraction=0.2"}).find("both given"),
            std::string::npos);
  EXPECT_NE(error_of("", {"train.lrr=1"}).find("did you mean \"lr\""), std::string::npos);
  EXPECT_NE(error_of("", {"nonsense"}).find("KEY=VALUE"), std::string::npos);
  EXPECT_NE(error_of("", {"model.hidden=[1"}).find("no TOML value"), std::string::npos);
}

}  // namespace
}  // namespace thaw::test
