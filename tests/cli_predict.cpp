// `thaw predict`: the formats of its lines, and the columns of the input that stand in them.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/support/files.h"
#include "tests/support/json_lines.h"
#include "tests/support/messages.h"
#include "tests/support/program.h"
#include "tests/support/text_model.h"

namespace thaw::test {
namespace {

using nlohmann::json;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// A model that tells "in, \"side\"" from "außen" by the sign of x.
struct CliPredict : ::testing::Test {
  TemporaryFolder folder;
  std::string run = folder.path("run");

  CliPredict() {
    std::string table = "x,y,kind\n";
    for (int i = 0; i < 40; ++i)
      table += std::to_string(i % 8 - 3.5) + ",1," + (i % 8 > 3 ? "\"in, \"\"side\"\"\"" : "außen") + "\n";
    folder.write("t.csv", table);
    const std::string config = folder.write(
        "t.toml", "[data]\ntrain = \"t.csv\"\nlabel = \"kind\"\n[train]\nepochs = 60\nlr = 0.01\n");
    EXPECT_EQ(run_program({"train", config, "--out", run}).code, 0);
  }
  ProgramResult predict(const std::string& name, const std::string& content,
                        const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {"predict", "--model", run, "--input", folder.write(name, content)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments);
  }
  void expect_refused(const ProgramResult& result, const std::vector<std::string>& parts) const {
    EXPECT_EQ(result.code, 2) << result.err;
    for (const std::string& part : parts) expect_has(result.err, part);
  }
};

TEST_F(CliPredict, JsonNamesTheClassesOfTheProbabilities) {
  const std::vector<json> lines = json_lines(predict("n.csv", "y,x\n1,3\n1,-3\n").out);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0]["label"], "in, \"side\"");
  EXPECT_EQ(lines[1]["label"], "außen");
  EXPECT_EQ(lines[0]["classes"], (json{"außen", "in, \"side\""})) << "the order by bytes" << lines[0].dump();
  EXPECT_GT(lines[1]["probabilities"][lines[1]["classes"][0] == "außen" ? 0 : 1], 0.5);
}

TEST_F(CliPredict, CsvHasAColumnPerClass) {
  const std::string output = folder.path("p.CSV");
  ASSERT_EQ(predict("n.csv", "y,x\n1,3\n1,-3\n", {"--output", output}).code, 0);
  const std::vector<std::string> rows = lines_of(file_text(output));
  ASSERT_EQ(rows.size(), 3u);
  const std::vector<json> wanted = json_lines(predict("n.csv", "y,x\n1,3\n1,-3\n").out);
  const bool first = wanted[0]["classes"][0] == "außen";
  EXPECT_EQ(rows[0], first ? "label,probability,p_außen,\"p_in, \"\"side\"\"\""
                           : "label,probability,\"p_in, \"\"side\"\"\",p_außen");
  for (std::size_t i = 0; i < 2; ++i) {
    const json& p = wanted[i]["probabilities"];
    const json best = std::max(p[0].get<double>(), p[1].get<double>());
    EXPECT_EQ(rows[i + 1], (i == 0 ? "\"in, \"\"side\"\"\"," : "außen,") + best.dump() + "," + p[0].dump() +
                               "," + p[1].dump());
  }
  EXPECT_EQ(predict("n.csv", "y,x\n1,3\n1,-3\n", {"--format", "csv"}).out, file_text(output));
}

TEST_F(CliPredict, AnIdIsKeptAndColumnsOnRequest) {
  const std::string table = "note,x,id,y\n\"a \"\"b\"\", c\nd\",3,007,1\nü,-3,8,1\n";
  const std::vector<json> by_itself = json_lines(predict("n.csv", table).out);
  EXPECT_EQ(by_itself[0]["id"], "007");
  EXPECT_FALSE(by_itself[0].contains("note"));
  const std::string lines = predict("n.csv", table, {"--keep", "n*,x"}).out;
  EXPECT_TRUE(lines.starts_with("{\"id\":\"007\",\"note\":\"a \\\"b\\\", c\\nd\",\"x\":\"3\",\"label\":"))
      << lines;
  const std::string csv = predict("n.csv", table, {"--keep", "note,!id", "--format", "csv"}).out;
  EXPECT_TRUE(csv.starts_with("note,label,probability,")) << csv;
  expect_has(csv, "\n\"a \"\"b\"\", c\nd\",\"in, \"\"side\"\"\",");
  expect_has(csv, "\nü,außen,");
  expect_refused(predict("n.csv", table, {"--keep", "nota"}),
                 {"there is no column \"nota\" to keep", "\"note\""});
}

TEST_F(CliPredict, JsonValuesKeepTheirTypes) {
  const std::string line =
      predict("n.jsonl",
              "{\"id\": 12345678901234567, \"x\": 3, \"y\": 1.0, \"a\": null, \"b\": true, "
              "\"c\": \"1\"}\n",
              {"--keep", "y,a,b,c"})
          .out;
  EXPECT_TRUE(
      line.starts_with("{\"id\":12345678901234567,\"y\":1.0,\"a\":null,\"b\":true,\"c\":\"1\",\"label\":"))
      << line;
}

TEST_F(CliPredict, FieldsOfOneNameAreRefused) {
  const std::string table = "x,y,label\n1,1,a\n";
  expect_refused(predict("n.csv", table, {"--keep", "all"}),
                 {"the column \"label\" is to be kept", "--keep 'all,!label'"});
  EXPECT_EQ(predict("n.csv", table, {"--keep", "all,!label"}).code, 0);
  expect_refused(predict("n.csv", "x,y,p_außen\n1,1,a\n", {"--keep", "p*", "--format", "csv"}), {"p_außen"});
  EXPECT_EQ(predict("n.csv", "x,y,p_außen\n1,1,a\n", {"--keep", "p*"}).code, 0);
}

TEST_F(CliPredict, RefusesOtherFormats) {
  const std::string table = "x,y\n1,1\n";
  expect_refused(predict("n.csv", table, {"--format", "parquet"}), {"no format \"parquet\"", "jsonl or csv"});
  for (const char* ending : {".tsv", ".csv.gz", ".json", ".parquet"})
    expect_refused(predict("n.csv", table, {"--output", folder.path("p") + ending}),
                   {std::filesystem::path(ending).extension().string(), "--format"});
  EXPECT_EQ(predict("n.csv", table, {"--output", folder.path("p.tsv"), "--format", "csv"}).code, 0);
  expect_refused(predict("n.csv", table, {"--format", "csv", "--json"}), {"--json, --format csv"});
  expect_refused(predict("n.csv", table, {"--text", "x"}), {"takes no text", "--text"});
}

TEST_F(CliPredict, TwoClassesOfOneNameAreRefused) {
  json preprocess = json::parse(file_text(run + "/preprocess.json"));
  for (const auto& [first, second] : {std::pair("1", "1.0"), std::pair("a", "a")}) {
    preprocess["labels"] = {first, second};
    folder.write("run/preprocess.json", preprocess.dump());
    expect_refused(predict("n.csv", "x,y\n1,1\n"),
                   {std::string("the model names the class \"") + first + "\" twice, as \"" + first +
                    "\" and as \"" + second + "\" (" + run + "/preprocess.json); rename one of them"});
  }
}

TEST_F(CliPredict, RegressionHasValues) {
  const std::string config =
      folder.write("r.toml", "[data]\ntrain = \"r.csv\"\ntask = \"regression\"\n[train]\nepochs = 1\n");
  folder.write("r.csv", "x,label\n1,2\n2,4\n3,6\n4,8\n5,10\n");
  run = folder.path("regression");
  ASSERT_EQ(run_program({"train", config, "--out", run}).code, 0);
  const std::vector<std::string> rows = lines_of(predict("n.csv", "Id,x\n7,1\n", {"--format", "csv"}).out);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0], "Id,value");
  EXPECT_TRUE(rows[1].starts_with("7,"));
}

TEST(CliPredictText, QuotesAreReadAsInTraining) {
  const TemporaryFolder folder;
  write_text_model(folder.path("model"));
  const std::string table = folder.write("t.csv", "label,text\n0,\"good\n1,bad\"\n0,good\n1,bad\n");
  const std::string config =
      folder.write("task.toml",
                   "[model]\nfrom = \"model\"\n[data]\ntrain = \"t.csv\"\nquote = \"none\"\n"
                   "validation_fraction = 0.0\n[train]\nsteps = 1\n");
  ASSERT_EQ(run_program({"train", config, "--out", folder.path("run")}).code, 0);
  const auto lines = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"predict", "--model", folder.path("run"), "--input", table};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const ProgramResult result = run_program(arguments);
    EXPECT_EQ(result.code, 0) << result.err;
    return std::count(result.out.begin(), result.out.end(), '\n');
  };
  EXPECT_EQ(lines({}), 4);
  EXPECT_EQ(lines({"--quote", "csv"}), 3);
}

TEST(CliPredictText, ATableOnStandardInputIsNoText) {
  const TemporaryFolder folder;
  write_text_model(folder.path("model"));
  const auto code = [&](const std::string& input) {
    return run_program({"embed", "--model", folder.path("model"), "--input", "-"}, input).code;
  };
  EXPECT_EQ(code("{\"text\": \"good\"}\n"), 2);
  EXPECT_EQ(code("id;text\n1;good\n"), 2);
  EXPECT_EQ(code("text\ngood\n"), 2);
  EXPECT_EQ(code("a good text, and so on\ntext\n"), 0);
}

TEST(CliPredictText, TextsMayStandInAnotherColumn) {
  const TemporaryFolder folder;
  write_text_model(folder.path("bert"));
  folder.write("t.csv", sentences_csv(20, 1));
  const std::string config =
      folder.write("t.toml", "[model]\nfrom = \"bert\"\n[data]\ntrain = \"t.csv\"\n[train]\nepochs = 1\n");
  const std::string run = folder.path("run");
  ASSERT_EQ(run_program({"train", config, "--out", run}).code, 0);
  const std::string other = folder.write("n.csv", "id,review\n1,a good film\n2,bad\n");
  const std::string lines = folder.write("n.txt", "a good film\nbad\n");
  const auto predict = [&](const std::string& input, const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"predict", "--model", run, "--input", input};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments);
  };
  expect_has(predict(other, {}).err, "there is no text column \"text\"");
  expect_has(predict(other, {}).err, "or name it by --text; there are \"id\", \"review\"");
  const ProgramResult result = predict(other, {"--text", "review"});
  ASSERT_EQ(result.code, 0) << result.err;
  const std::vector<json> named = json_lines(result.out);
  const std::vector<json> plain = json_lines(predict(lines, {"--keep", "all"}).out);
  ASSERT_EQ(plain.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(named[i]["id"], std::to_string(i + 1));
    EXPECT_EQ(named[i]["logits"], plain[i]["logits"]);
  }
  EXPECT_EQ(plain[0]["text"], "a good film");
  EXPECT_EQ(predict(lines, {"--text", "review"}).code, 2);
  const ProgramResult vectors = run_program({"embed", "--model", run, "--input", other, "--text", "review"});
  EXPECT_EQ(json_lines(vectors.out).size(), 2u) << vectors.err;
}

}  // namespace
}  // namespace thaw::test
