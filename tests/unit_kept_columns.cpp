// Columns that a reader keeps as they stand in the file, for results that name their rows by them.
#include <gtest/gtest.h>

#include "tests/support/data_files.h"

namespace thaw::test {
namespace {

using KeptColumns = DataFiles;

DataSource keeping(Strings columns, bool keep_id = false) {
  DataSource source;
  source.columns = {"x"};
  source.targets = Targets::none;
  source.keep = std::move(columns);
  source.keep_id = keep_id;
  return source;
}

// Of one of the columns.
Strings texts(const Dataset& data, std::size_t column) {
  Strings texts;
  for (const Sample& sample : data.samples) texts.push_back(sample.kept.at(column).text);
  return texts;
}

TEST_F(KeptColumns, AreTextAsItStandsInTheFile) {
  const Dataset data =
      read("a.csv", "id,x,note\n007,1.50,\"a, \"\"b\"\"\nc\"\n008,2,\n", keeping({"note", "id", "x"}));
  ASSERT_EQ(data.kept_columns, (Strings{"note", "id", "x"}));
  EXPECT_EQ(texts(data, 0), (Strings{"a, \"b\"\nc", ""}));
  EXPECT_EQ(texts(data, 1), (Strings{"007", "008"}));
  EXPECT_EQ(texts(data, 2), (Strings{"1.50", "2"}));
  EXPECT_EQ(data.columns, Strings{"x"});
}

TEST_F(KeptColumns, AreNamedByGlobsAllAndExceptions) {
  const std::string table = "a1,x,a2,b [cm]\n1,2,3,4\n";
  EXPECT_EQ(read("a.csv", table, keeping({"b [cm]", "a?"})).kept_columns, (Strings{"b [cm]", "a1", "a2"}));
  EXPECT_EQ(read("a.csv", table, keeping({"all"})).kept_columns, (Strings{"a1", "x", "a2", "b [cm]"}));
  EXPECT_EQ(read("a.csv", table, keeping({"all", "!a*"})).kept_columns, (Strings{"x", "b [cm]"}));
  EXPECT_TRUE(read("a.csv", table, keeping({})).kept_columns.empty());
  expect_refused("a.csv", table, {"there is no column \"c\" to keep", "a.csv:1", "\"a1\", \"x\""},
                 keeping({"c"}));
}

TEST_F(KeptColumns, AnIdIsKeptUnlessItIsUsed) {
  EXPECT_EQ(read("a.csv", "x,ID,y\n1,2,3\n", keeping({}, true)).kept_columns, Strings{"ID"});
  EXPECT_EQ(read("a.csv", "x,id,y\n1,2,3\n", keeping({"y"}, true)).kept_columns, (Strings{"id", "y"}));
  EXPECT_TRUE(read("a.csv", "x,id\n1,2\n", keeping({"!id"}, true)).kept_columns.empty());
  EXPECT_TRUE(read("a.csv", "x,idea\n1,2\n", keeping({}, true)).kept_columns.empty());
  DataSource used = keeping({}, true);
  used.columns = {"x", "id"};
  EXPECT_TRUE(read("a.csv", "x,id\n1,2\n", used).kept_columns.empty());
  used.columns = {"x"};
  used.label = "id";
  EXPECT_TRUE(read("a.csv", "x,id\n1,2\n", used).kept_columns.empty());
}

TEST_F(KeptColumns, AnIdThatNamesNoRowIsKeptOnRequestAlone) {
  const std::string nested = "{\"x\":1,\"id\":7,\"ID\":8}\n{\"x\":2,\"id\":{\"a\":1},\"ID\":9}\n";
  const Dataset data = read("a.jsonl", nested, keeping({}, true));
  EXPECT_EQ(data.kept_columns, Strings{"ID"});
  EXPECT_EQ(texts(data, 0), (Strings{"8", "9"}));
  ASSERT_EQ(data.notes.size(), 1U);
  EXPECT_NE(data.notes[0].find("the column \"id\" is not kept: it has a list or an object ("),
            std::string::npos);
  expect_refused("a.jsonl", nested, {"the kept column is a list or an object", "a.jsonl:2"},
                 keeping({"i*"}, true));
  EXPECT_EQ(read("a.csv", "id,x,id\n1,2,3\n", keeping({}, true)).kept_columns, Strings{});
  EXPECT_EQ(read("a.csv", "id,x,id\n1,2,3\n", keeping({"id"}, true)).kept_columns, (Strings{"id", "id"}));
}

TEST_F(KeptColumns, JsonKeepsItsTypes) {
  const Dataset data = read("a.jsonl", "{\"x\": 1, \"a\": 1.50e2, \"b\": \"1\", \"c\": null, \"d\": true}\n",
                            keeping({"all"}));
  ASSERT_EQ(data.kept_columns, (Strings{"x", "a", "b", "c", "d"}));
  const Strings wanted = {"1", "1.50e2", "1", "", "true"};
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ(data[0].kept[i].text, wanted[i]);
    EXPECT_EQ(data[0].kept[i].is_text, i == 2);
  }
}

TEST_F(KeptColumns, LinesAreTheOneColumnOfATextFile) {
  DataSource source = keeping({"all"});
  source.text = "review";
  const Dataset data = read("a.txt", "one\ntwo\n", source);
  ASSERT_EQ(data.kept_columns, Strings{"review"});
  EXPECT_EQ(texts(data, 0), (Strings{"one", "two"}));
}

TEST_F(KeptColumns, FollowTheRowsOfASubset) {
  const Dataset data = read("a.csv", "x,k\n1,a\n2,b\n3,c\n", keeping({"k"})).subset({2, 0});
  EXPECT_EQ(texts(data, 0), (Strings{"c", "a"}));
}

TEST_F(KeptColumns, ImagesHaveNone) {
  DataSource source = keeping({"all"});
  source.columns.clear();
  source.path = "builtin:digits";
  expect_refused(source, {"images have no columns to keep"});
}

}  // namespace
}  // namespace thaw::test
