// The register of test evaluations, as comparisons and `thaw eval` keep it.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/compare_run.h"
#include "tests/support/files.h"
#include "tests/support/messages.h"
#include "tests/support/program.h"
#include "tests/support/untuned_comparison.h"

namespace thaw::test {
namespace {

using nlohmann::json;

struct CliTestEvaluations : UntunedComparison {
  ProgramResult quick(std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"--strategies", "full"});
    return untuned(1, more);
  }
};

// Reading a device or a pipe might never end.
TEST_F(CliTestEvaluations, ARegisterThatIsNoFileIsRefused) {
  std::filesystem::create_symlink("/dev/zero", folder.path("test_looks.jsonl"));
  const ProgramResult result = quick();
  EXPECT_EQ(result.code, 2);
  expect_has(result.err, "not a regular file (" + folder.path("test_looks.jsonl"));
}

TEST_F(CliTestEvaluations, ALaterLookIsExploratory) {
  const auto looks = [&](const ProgramResult& result) {
    EXPECT_EQ(result.code, 0) << result.err;
    const json earlier = results()["earlier_looks"];
    EXPECT_EQ(result.out.find("Exploratory: ") != std::string::npos, !earlier.empty());
    return earlier;
  };
  const std::string first = run;
  EXPECT_TRUE(looks(quick()).empty());
  run = folder.path("second");
  // The same again chooses nothing anew.
  const ProgramResult again = quick();
  EXPECT_TRUE(looks(again).empty());
  expect_has(again.err,
             "this repeats what was done with the same config, data and weights by " + first + " on 20");
  run = folder.path("third/");
  json earlier = looks(quick({"--set", "train.lr=0.1"}));
  ASSERT_EQ(earlier.size(), 2u);
  for (const json& look : earlier) expect_has(look, ", with another config");
  run = folder.path("fourth");
  earlier = looks(quick());
  ASSERT_EQ(earlier.size(), 1u);
  expect_has(earlier[0], "third");
  run = folder.path("other-data");
  EXPECT_TRUE(looks(quick({"--set", "data.split_seed=9"})).empty());
}

// The names in the config are the same, what they name is not.
TEST_F(CliTestEvaluations, OtherRowsOrWeightsUnderTheSameNameAreNoRepetition) {
  folder.write("base.csv", clusters_csv(60, 3));
  folder.write("test.csv", clusters_csv(30, 2));
  const std::string base =
      folder.write("base.toml", "[data]\ntrain = \"base.csv\"\ntest_fraction = 0\n[model]\nfrom = \"mlp\"\n");
  config =
      folder.write("task.toml", "[data]\ntrain = \"t.csv\"\ntest = \"test.csv\"\n[model]\nfrom = \"base\"\n");
  const auto train_base = [&](const char* rate) {
    std::filesystem::remove_all(folder.path("base"));
    return run_program({"train", base, "--out", folder.path("base"), "--set", rate});
  };
  const auto looks_of = [&](const char* name) {
    run = folder.path(name);
    const ProgramResult result = quick();
    EXPECT_EQ(result.code, 0) << result.err;
    return results()["earlier_looks"].size();
  };
  ASSERT_EQ(train_base("train.lr=0.001").code, 0);
  EXPECT_EQ(looks_of("first"), 0u);
  EXPECT_EQ(looks_of("again"), 0u);
  ASSERT_EQ(train_base("train.lr=0.002").code, 0);
  EXPECT_EQ(looks_of("weights"), 2u);
  folder.write("t.csv", clusters_csv(90, 5));
  EXPECT_EQ(looks_of("rows"), 3u);
}

// The run lies deep in a comparison's folder: later comparisons read the register beside that.
TEST_F(CliTestEvaluations, EvalOfAComparisonsRunIsALook) {
  ASSERT_EQ(quick().code, 0);
  const std::string model = run + "/full/seed-0";
  ASSERT_EQ(run_program({"eval", run + "/config.toml", "--model", model}).code, 0);
  EXPECT_FALSE(std::filesystem::exists(run + "/full/test_looks.jsonl"));
  ASSERT_EQ(quick({"--resume"}).code, 0);
  EXPECT_TRUE(results()["earlier_looks"].empty()) << "it came later";
  run = folder.path("second");
  ASSERT_EQ(quick().code, 0);
  const json earlier = results()["earlier_looks"];
  ASSERT_EQ(earlier.size(), 1u);
  expect_has(earlier[0], model + " on ");
}

// Of a study too, whose cells register beside it.
TEST_F(CliTestEvaluations, EvalOfAStudysRunIsALook) {
  config = folder.write("study.toml", file_text(config) +
                                          "[[axis]]\nname = \"part\"\nvalues = [ { name = \"p0\" }, { name = "
                                          "\"p1\", data.split_seed = 1 } ]\n");
  ASSERT_EQ(quick().code, 0);
  const std::string cell = run + "/p0", model = cell + "/full/seed-0";
  ASSERT_EQ(run_program({"eval", cell + "/config.toml", "--model", model}).code, 0);
  expect_has(file_text(folder.path("test_looks.jsonl")), model);
}

}  // namespace
}  // namespace thaw::test
