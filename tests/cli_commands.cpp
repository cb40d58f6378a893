// Every command, run as a user does.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/support/files.h"
#include "tests/support/json_lines.h"
#include "tests/support/program.h"

namespace thaw::test {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr const char* kDigits = R"(
[model]
hidden = [16]
[data]
train = "builtin:digits"
test_fraction = 0.2
samples_per_class = 10
[train]
epochs = 2
[compare]
strategies = ["full", "head"]
seeds = 2
tune = 0
)";

// Two features: y is the sign of the first; a second task predicts their sum.
std::string table(bool regression) {
  std::string text = "a,b,label\n";
  for (int i = 0; i < 40; ++i) {
    const double a = (i % 8) - 3.5, b = i * 0.1;
    text += std::to_string(a) + "," + std::to_string(b) + "," +
            (regression ? std::to_string(a + b) : (a > 0 ? "plus" : "minus")) + "\n";
  }
  return text;
}

struct CliCommands : ::testing::Test {
  TemporaryFolder folder;
  std::string config = folder.write("digits.toml", kDigits);
  std::string run = folder.path("run");
  ProgramResult train(const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"train", config, "--out", run};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments);
  }
};

TEST_F(CliCommands, TrainWritesARunFolder) {
  const ProgramResult result = train({"--strategy", "gradual", "--json"});
  ASSERT_EQ(result.code, 0) << result.err;
  const json summary = json::parse(result.out);
  EXPECT_EQ(summary["status"], "ok");
  EXPECT_EQ(summary["strategy"], "gradual");
  EXPECT_TRUE(summary["test"].contains("accuracy"));
  for (const char* name : {"config.toml", "model.safetensors", "config.json", "preprocess.json",
                           "metrics.jsonl", "ledger.json", "run.json", "events.out.tfevents.0.thaw"})
    EXPECT_TRUE(fs::exists(run + "/" + name)) << name;
  const json report = json::parse(file_text(run + "/run.json"));
  EXPECT_EQ(report["test_evaluations"], 1);
  for (const json& phase : report["phases"]) EXPECT_EQ(phase["frozen"]["equal"], true);
  EXPECT_FALSE(json_lines(file_text(run + "/metrics.jsonl")).empty());
}

TEST_F(CliCommands, ResolvedConfigRepeatsTheRun) {
  ASSERT_EQ(train().code, 0);
  const std::string again = folder.path("again");
  ASSERT_EQ(run_program({"train", run + "/config.toml", "--out", again}).code, 0);
  EXPECT_EQ(file_text(run + "/model.safetensors"), file_text(again + "/model.safetensors"));
}

TEST_F(CliCommands, ProgressIsPlainAndSparseWithoutATerminal) {
  const ProgramResult result = train({"--set", "train.epochs=200"});
  EXPECT_EQ(result.err.find('\r'), std::string::npos);
  EXPECT_LE(std::count(result.err.begin(), result.err.end(), '\n'), 30) << result.err;
}

TEST_F(CliCommands, EvaluationsAreShownAndTheBestIsNamed) {
  const ProgramResult result =
      train({"--strategy", "gradual", "--json", "--set", "train.epochs=3", "--set", "train.lr=0.01"});
  ASSERT_EQ(result.code, 0) << result.err;
  std::vector<std::string> rows;
  std::istringstream lines(result.err);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("  ")) rows.push_back(line);
  ASSERT_EQ(rows.size(), 4u) << result.err;
  for (const char* column : {"epoch", "update", "loss", "accuracy", "macro_f1", "lr", "phase"})
    EXPECT_NE(rows[0].find(column), std::string::npos) << column;
  // The numbers are those of metrics.jsonl.
  std::vector<json> evaluations;
  for (const json& line : json_lines(file_text(run + "/metrics.jsonl")))
    if (line.value("split", "") == "validation") evaluations.push_back(line);
  ASSERT_EQ(evaluations.size(), 3u);
  std::size_t best = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    std::istringstream words(rows[i + 1]);
    double epoch = 0, update = 0, loss = 0, validation_loss = 0, accuracy = 0, macro_f1 = 0, lr = 0;
    int phase = 0;
    words >> epoch >> update >> loss >> validation_loss >> accuracy >> macro_f1 >> lr >> phase;
    EXPECT_EQ(epoch, static_cast<double>(i + 1));
    EXPECT_EQ(update, evaluations[i]["step"].get<double>());
    EXPECT_NEAR(validation_loss, evaluations[i]["loss"].get<double>(), 1e-3);
    EXPECT_NEAR(accuracy, evaluations[i]["accuracy"].get<double>(), 1e-4);
    EXPECT_NEAR(macro_f1, evaluations[i]["macro_f1"].get<double>(), 1e-4);
    EXPECT_EQ(lr, 0.01);
    EXPECT_EQ(phase, i == 0 ? 1 : 2);
    if (evaluations[i]["loss"] < evaluations[best]["loss"]) best = i;
  }
  EXPECT_EQ(json::parse(result.out)["best"]["step"], evaluations[best]["step"]);
  EXPECT_EQ(json::parse(result.out)["best"]["metrics"]["loss"], evaluations[best]["loss"]);
}

// In percent. The last batch of an epoch is a smaller one, which costs less in both.
TEST_F(CliCommands, WorkIsRelativeToTrainingEverything) {
  const auto share = [&](const std::string& strategy) {
    const ProgramResult result = run_program({"train", config, "--strategy", strategy, "--set",
                                              "train.cache=off", "--out", folder.path(strategy)});
    const std::size_t line = result.out.find("\nwork "),
                      end = result.out.find(" % of training everything\n", line);
    const std::size_t begin = result.out.rfind(' ', end - 1);
    return end == std::string::npos ? -1 : std::stod(result.out.substr(begin, end - begin));
  };
  const double full = share("full"), head = share("head");
  EXPECT_NEAR(full, 100, 0.1);
  EXPECT_GT(head, 0.1);
  EXPECT_LT(head, 60);
}

TEST_F(CliCommands, TheBestEvaluationNeedNotBeTheLast) {
  const std::vector<std::string> options = {
      "--set", "train.epochs=6",           "--set", "train.lr=3",
      "--set", "train.eval_every=1 steps", "--set", "train.optimizer=sgd"};
  const ProgramResult result = train(options);
  ASSERT_EQ(result.code, 0) << result.err;
  json best;
  std::int64_t last = 0;
  for (const json& line : json_lines(file_text(run + "/metrics.jsonl"))) {
    last = line["step"];
    if (line.value("split", "") == "validation" && (best.is_null() || line["loss"] < best["loss"]))
      best = line;
  }
  ASSERT_LT(best["step"], last) << "at this rate the loss goes up and down";
  const std::string wanted = "after update " + best["step"].dump();
  EXPECT_NE(
      result.out.find(wanted + "; the last weights are kept (train.restore_best = true keeps the best)"),
      std::string::npos)
      << result.out;
  run = folder.path("restored");
  std::vector<std::string> restored = options;
  restored.insert(restored.end(), {"--set", "train.restore_best=true"});
  EXPECT_NE(train(restored).out.find(wanted + "\n"), std::string::npos) << "nothing to say: it is kept";
}

TEST_F(CliCommands, ThreadsDoNotChangeBits) {
  ASSERT_EQ(train({"--threads", "1"}).code, 0);
  const std::string one = file_text(run + "/model.safetensors");
  run = folder.path("two");
  ASSERT_EQ(train({"--threads", "2"}).code, 0);
  EXPECT_EQ(file_text(run + "/model.safetensors"), one);
}

TEST_F(CliCommands, DivergedRunExitsWith1) {
  const ProgramResult result = train({"--set", "train.lr=1e30", "--set", "train.optimizer=sgd"});
  EXPECT_EQ(result.code, 1);
  EXPECT_NE(result.err.find("thaw: error: "), std::string::npos);
}

TEST_F(CliCommands, EvalGivesTheRunsOwnMetrics) {
  const json summary = json::parse(train({"--json"}).out);
  const ProgramResult result = run_program({"eval", config, "--model", run});
  ASSERT_EQ(result.code, 0) << result.err;
  const json metrics = json::parse(result.out);
  EXPECT_EQ(metrics["split"], "test");
  EXPECT_EQ(metrics["accuracy"], summary["test"]["accuracy"]);
  EXPECT_EQ(metrics["loss"], summary["test"]["loss"]);
  const std::string looks = file_text(folder.path("test_looks.jsonl"));
  EXPECT_EQ(std::count(looks.begin(), looks.end(), '\n'), 2) << "the run's and this one: " << looks;
}

TEST_F(CliCommands, EvalReadsANamedFileAsTrainingDid) {
  const std::vector<std::string> set = {
      "--set", "data.test=builtin:digits", "--set", "data.merge={ low = ['1', '2'], high = ['3'] }",
      "--set", "data.rows=[0, 900]",       "--set", "data.corrupt=noise"};
  std::vector<std::string> options = {"--json"};
  options.insert(options.end(), set.begin(), set.end());
  const json summary = json::parse(train(options).out);
  std::vector<std::string> arguments = {"eval", config, "--model", run};
  arguments.insert(arguments.end(), set.begin(), set.end());
  const ProgramResult result = run_program(arguments);
  ASSERT_EQ(result.code, 0) << result.err;
  const json metrics = json::parse(result.out);
  EXPECT_EQ(metrics["samples"], 182 + 177 + 183) << "the rows are of the training file alone";
  EXPECT_EQ(metrics["loss"], summary["test"]["loss"]);
}

TEST_F(CliCommands, EvalMapsLabelsByName) {
  ASSERT_EQ(train({"--set", "data.classes=['3', '1', '2']"}).code, 0);
  const auto eval = [&](const char* classes) {
    const ProgramResult result =
        run_program({"eval", config, "--model", run, "--set", std::string("data.classes=") + classes});
    EXPECT_EQ(result.code, 0) << result.err;
    return json::parse(result.out)["samples"].get<int>();
  };
  EXPECT_GT(eval("['1', '2', '3']"), 0);
  EXPECT_EQ(run_program({"eval", config, "--model", run}).code, 2);  // digits that the model does not know
}

TEST_F(CliCommands, PredictGivesALinePerInput) {
  folder.write("t.csv", table(false));
  config = folder.write(
      "t.toml",
      "[data]\ntrain = \"t.csv\"\nstandardize = true\n[train]\nepochs = 60\nlr = 0.01\nbatch_size = 0\n");
  ASSERT_EQ(train().code, 0);
  const ProgramResult result =
      run_program({"predict", "--model", run, "--input", "-"}, "b,a\n0.5,3\n0.5,-3\n");
  ASSERT_EQ(result.code, 0) << result.err;
  const std::vector<json> lines = json_lines(result.out);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0]["label"], "plus");
  EXPECT_EQ(lines[1]["label"], "minus");
  EXPECT_EQ(lines[0]["logits"].size(), 2u);
  EXPECT_NEAR(lines[0]["probabilities"][0].get<double>() + lines[0]["probabilities"][1].get<double>(), 1,
              1e-12);
  const std::string output = folder.path("p.jsonl");
  ASSERT_EQ(
      run_program({"predict", "--model", run, "--input", folder.path("t.csv"), "--output", output}).code, 0);
  EXPECT_EQ(json_lines(file_text(output)).size(), 40u);
}

TEST_F(CliCommands, RegressionPredictsValues) {
  folder.write("r.csv", table(true));
  config = folder.write("r.toml",
                        "[data]\ntrain = \"r.csv\"\ntask = \"regression\"\n[train]\nepochs = 2\nmonitor = "
                        "\"validation_rmse\"\n");
  ASSERT_EQ(train().code, 0);
  const ProgramResult result = run_program({"predict", "--model", run, "--input", folder.path("r.csv")});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_TRUE(json_lines(result.out).front()["value"].is_number());
  const ProgramResult metrics = run_program({"eval", config, "--model", run});
  EXPECT_TRUE(json::parse(metrics.out).contains("r2")) << metrics.err;
}

TEST_F(CliCommands, PlanTrainsNothing) {
  const ProgramResult text = run_program({"plan", config, "--strategy", "gradual"});
  ASSERT_EQ(text.code, 0) << text.err;
  EXPECT_NE(text.out.find("layers.0"), std::string::npos);
  const json plan = json::parse(run_program({"plan", config, "--strategy", "head", "--json"}).out);
  EXPECT_EQ(plan["segments"].size(), 1u);
  EXPECT_EQ(plan["segments"][0]["groups"][0]["trainable"], 0);
  EXPECT_GT(plan["ledger"]["phases"][0]["predicted"]["saved_bytes"], 0);
  EXPECT_EQ(run_program({"plan", config, "--strategy", "lora"}).code, 0);
}

TEST_F(CliCommands, InspectListsGroupsAndTensors) {
  ASSERT_EQ(train().code, 0);
  const json all = json::parse(run_program({"inspect", run, "--json"}).out);
  EXPECT_EQ(all["groups"][1]["name"], "head");
  EXPECT_EQ(all["tensors"].size(), 4u);
  EXPECT_EQ(all["elements"], 64 * 16 + 16 + 16 * 10 + 10);
  const ProgramResult file = run_program({"inspect", run + "/model.safetensors"});
  EXPECT_NE(file.out.find("head.weight"), std::string::npos);
}

TEST_F(CliCommands, GraphWritesDot) {
  const std::string out = folder.path("step.dot");
  for (const char* strategy : {"head", "l2-sp", "lora"}) {
    const ProgramResult result = run_program({"graph", config, "--strategy", strategy, "--out", out});
    ASSERT_EQ(result.code, 0) << result.err;
    EXPECT_NE(file_text(out).find("digraph"), std::string::npos);
    EXPECT_NE(result.out.find("nodes, which keep"), std::string::npos) << result.out;
  }
}

TEST_F(CliCommands, StrategiesHelpAndVersion) {
  const json list = json::parse(run_program({"strategies", "--json"}).out);
  EXPECT_GE(list["strategies"].size(), 13u);
  EXPECT_NE(run_program({"strategies"}).out.find("gradual"), std::string::npos);
  EXPECT_NE(run_program({"help"}).out.find("compare"), std::string::npos);
  for (const char* command :
       {"compare", "train", "eval", "predict", "plan", "inspect", "graph", "strategies", "help"}) {
    const ProgramResult help = run_program({"help", command});
    EXPECT_EQ(help.code, 0) << command;
    EXPECT_NE(help.out.find("Example: thaw "), std::string::npos) << command;
    EXPECT_EQ(run_program({command, "--help"}).out, help.out);
  }
  for (const char* command : {"inspect", "strategies"})
    EXPECT_NE(run_program({"help", command}).out.find("No effect here"), std::string::npos) << command;
  EXPECT_EQ(run_program({"help", "train"}).out.find("No effect here"), std::string::npos);
  const std::string plan = run_program({"help", "plan"}).out;
  const std::size_t only = plan.find("No effect here");  // of --allow-missing: a plan loads no weights
  EXPECT_GT(only, plan.find("--allow-missing"));
  EXPECT_EQ(plan.find("No effect here", only + 1), std::string::npos);
  const ProgramResult set = run_program({"strategies", "--set", "foo.bar=1"});
  EXPECT_EQ(set.code, 0);
  EXPECT_EQ(set.err, "--set has no effect: thaw strategies reads no config\n");
  const ProgramResult keys = run_program({"help", "config"});
  for (const char* line :
       {"\n[[axis]] ", "\nat = \"step 0\" ", "\nbetas = [0.9, 0.999]          adamw: decay"})
    EXPECT_NE(keys.out.find(line), std::string::npos) << line;
  std::istringstream lines(keys.out);
  for (std::string line; std::getline(lines, line);)
    EXPECT_TRUE(line.empty() || line[0] == '[' || line.find("  ") + 2 < line.size())
        << "says nothing: " << line;
  EXPECT_NE(keys.out.find("batch_size = 32"), std::string::npos) << keys.out;
  EXPECT_NE(keys.out.find("samples_per_class"), std::string::npos) << keys.out;
  for (const char* version : {"--version", "version"})
    EXPECT_EQ(run_program({version}).out.rfind("thaw ", 0), 0u);
}

TEST_F(CliCommands, CompareWritesResults) {
  const ProgramResult result = run_program({"compare", config, "--out", run});
  ASSERT_EQ(result.code, 0) << result.err;
  const std::string rows = file_text(run + "/results.csv");
  EXPECT_EQ(
      rows.rfind("strategy,seed,status,lr,metric,value,loss,seconds,flops,peak_bytes,trainable,steps\n", 0),
      0u);
  for (const char* name : {"results.json", "tuning.csv", "report.html", "head/seed-1/run.json"})
    EXPECT_TRUE(fs::exists(run + "/" + name)) << name;
  const json results = json::parse(file_text(run + "/results.json"));
  for (const json& strategy : results["strategies"]) {
    const json& difference = strategy["difference_to_full"];
    ASSERT_EQ(difference.is_null(), strategy["strategy"] == "full") << strategy;
    if (difference.is_null()) continue;
    EXPECT_FALSE(difference["verdict"].get<std::string>().empty());
  }
}

}  // namespace
}  // namespace thaw::test
