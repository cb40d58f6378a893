// Readers of tables: what well-formed files give, and that hostile ones end in one clear message.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <numeric>
#include <string>
#include <vector>

#include "finetune/common/text.h"
#include "finetune/data/readers/readers.h"
#include "tests/support/data_files.h"
#include "tests/support/datasets.h"
#include "tests/support/messages.h"

namespace thaw::test {
namespace {

using std::string_literals::operator""s;

using Csv = DataFiles;
using Jsonl = DataFiles;
using Source = DataFiles;

TEST_F(Csv, ReadsFeaturesInFileOrderAndClassesByBytes) {
  const Dataset d = read("a.csv", "b,label,a\n1,dog,2.5\n-3e2,cat,+4\n .5 ,dog,0\n");
  EXPECT_EQ(d.size(), 3);
  EXPECT_EQ(d.sample_shape(), (std::vector<int64_t>{2}));
  EXPECT_EQ(d.columns, (Strings{"b", "a"}));
  EXPECT_EQ(d.classes, (Strings{"cat", "dog"}));
  EXPECT_EQ(values_of(d), (std::vector<float>{1, 2.5f, -300, 4, 0.5f, 0}));
  EXPECT_EQ(d.labels(), (std::vector<int64_t>{1, 0, 1}));
  EXPECT_EQ(ids_of(d), (std::vector<int64_t>{0, 1, 2}));
  EXPECT_EQ(d.targets, Targets::classes);
  EXPECT_EQ(groups_of(d), (Strings{"", "", ""}));
}

TEST_F(Csv, OrdersIntegerClassesByValueAndOthersByBytes) {
  EXPECT_EQ(read("a.csv", "x,label\n1,10\n1,9\n1,-2\n").classes, (Strings{"-2", "9", "10"}));
  EXPECT_EQ(read("a.csv", "x,label\n1,10\n1,9\n1,x\n").classes, (Strings{"10", "9", "x"}));
}

TEST_F(Csv, FollowsRfc4180) {
  const Dataset d =
      read("a.csv", "\xEF\xBB\xBF\"x,\"\"1\"\"\",label\r\n\"1\",\"a,b\"\r\n\r\n2,\"c\r\nd\"\r\n3,e\"f");
  EXPECT_EQ(d.columns, (Strings{"x,\"1\""}));
  EXPECT_EQ(d.classes, (Strings{"a,b", "c\r\nd", "e\"f"}));
  EXPECT_EQ(values_of(d), (std::vector<float>{1, 2, 3}));
}

TEST_F(Csv, ReadsTabs) {
  const Dataset d = read("a.tsv", "x\tlabel\n1\ta,b\n2\tc\n");
  EXPECT_EQ(d.classes, (Strings{"a,b", "c"}));
}

TEST_F(Csv, LinesAreCountedThroughQuotedLineEnds) {
  expect_refused("a.csv", "x,label\n1,\"a\nb\"\n\noops,c\n",
                 {"\"oops\"", "a.csv:5:1, row 2", "\"x\"", "not a number"});
}

TEST_F(Csv, ReadsRegressionTargetsAndGroups) {
  DataSource source = labelled("y");
  source.targets = Targets::numbers;
  source.group = "who";
  const Dataset d = read("a.csv", "y,who,x\n0.1,ann,1\n-2,bob,2\n", source);
  EXPECT_EQ(d.target_values(), (std::vector<double>{0.1, -2}));
  EXPECT_EQ(groups_of(d), (Strings{"ann", "bob"}));
  // As labels are: a group that another program wrote otherwise must not stand on both sides of a split.
  EXPECT_EQ(groups_of(read("a.csv", "y,who,x\n1,17,1\n2, 17.0,2\n3,p1 ,3\n4,19.10,4\n5,12e1,5\n", source)),
            (Strings{"17", "17", "p1", "19.10", "12e1"}));
  const Dataset unknown = read("a.csv", "y,who,x\n1,NA,1\n2,NA,2\n3,bob,3\n", source);
  ASSERT_FALSE(unknown.notes.empty());
  EXPECT_NE(unknown.notes.back().find("2 groups are no word but what stands for a missing one"),
            std::string::npos)
      << unknown.notes.back();
  EXPECT_EQ(d.columns, (Strings{"x"}));
  EXPECT_EQ(d.targets, Targets::numbers);
  EXPECT_TRUE(d.classes.empty());
  expect_refused("a.csv", "y,who,x\nten,ann,1\n",
                 {"\"ten\"", "finite number", "the label", "a.csv:2:1, row 1"}, source);
  expect_refused("a.csv", "y,who,x\ninf,ann,1\n", {"\"inf\""}, source);
  expect_refused("a.csv", "y,who,x\n1,,1\n", {"group is missing", "a.csv:2:3, row 1"}, source);
  expect_refused("a.csv", "y,who,x\n1,  ,1\n", {"group is missing"}, source);
}

TEST_F(Csv, MapsAndSelectsClasses) {
  const std::string text = "x,label\n1,a\n2,b\n3,c\n4,b\n";
  EXPECT_EQ(read("a.csv", text, with_classes({"c", "b", "a"})).labels(), (std::vector<int64_t>{2, 1, 0, 1}));
  const Dataset d = read("a.csv", text, with_classes({"c", "b"}, true, true));
  EXPECT_EQ(d.labels(), (std::vector<int64_t>{1, 0, 1}));
  EXPECT_EQ(ids_of(d), (std::vector<int64_t>{1, 2, 3}));
  EXPECT_EQ(values_of(d), (std::vector<float>{2, 3, 4}));
  ASSERT_EQ(d.notes.size(), 1u) << "what is left out is said";
  expect_has(d.notes[0], "1 of 4 samples are left out, with labels that are none of data.classes: \"a\"");
  expect_refused("a.csv", text, {"unknown class \"b\"", "a.csv:3, row 2", "\"a\", \"c\""},
                 with_classes({"a", "c"}));
  expect_refused("a.csv", text, {"\"dog\" has no sample", "a.csv"}, with_classes({"a", "dog"}, true, true));
  expect_refused("a.csv", text, {"no sample is of the classes \"dog\""}, with_classes({"dog"}, true));
  expect_refused("a.csv", text, {"\"a\" is listed twice"}, with_classes({"a", "a"}, true));
}

TEST_F(Csv, PredictionTakesNamedColumnsInOrderAndNeedsNoLabel) {
  EXPECT_EQ(values_of(read("a.csv", "id,b,a\nr1,1,2\n", unlabelled({"a", "b"}))), (std::vector<float>{2, 1}));
  EXPECT_EQ(values_of(read("a.csv", "b,label,a\n1,,2\n", unlabelled())), (std::vector<float>{1, 2}));
  expect_refused("a.csv", "b\n1\n", {"feature columns \"a\", \"c\"", "a.csv:1"}, unlabelled({"a", "b", "c"}));
}

TEST_F(Csv, OneColumnHasNoEmptyLines) {
  EXPECT_EQ(read("a.csv", "x\n1\n2\n", unlabelled()).size(), 2);
  expect_refused("a.csv", "x\n1\n\n2\n", {"\"x\" is missing", "a.csv:3:1, row 2"}, unlabelled());
}

TEST_F(Csv, RefusesBadFeatures) {
  const auto refuse = [&](const std::string& value, const std::string& what) {
    expect_refused("a.csv", "x,label\n1,a\n" + value + ",b\n",
                   {"feature \"x\" " + what, "a.csv:3:1, row 2",
                    what.starts_with("is missing") ? "; fill it in" : "; write"});
  };
  refuse("", "is missing");
  refuse(" ", "is missing");
  refuse("NA", "is missing: \"NA\"");
  refuse("True", "is true or false, not a number: \"True\"");
  refuse("abc", "is not a number: \"abc\"");
  refuse("1.2.3", "is not a number");
  refuse("1e", "is not a number");
  refuse("0x10", "is not a number");
  refuse("+-1", "is not a number");
  refuse("\"1,5\"", "is not a number but has a comma: \"1,5\"");
  refuse("nan", "is not finite");
  refuse("-inf", "is not finite");
  refuse("1e39", "is too large");
  refuse("1e999", "is too large for a 32-bit float");
  refuse("\"a\nb\"", "is not a number: \"a\\nb\"");
  refuse(std::string(500, 'z'), "is not a number: \"zzz");
}

TEST_F(Csv, RefusesBadSyntax) {
  expect_refused("a.csv", "", {"file is empty", "a.csv"});
  expect_refused("a.csv", "\n\n", {"file is empty"});
  expect_refused("a.csv", "x,label\n", {"no rows", "a.csv"});
  expect_refused("a.csv", "x,label\n1,a\n1\n", {"a row of 1 fields in a table of 2 columns", "a.csv:3"});
  expect_refused("a.csv", "x,label\n1,a,\n", {"a row of 3 fields", "a.csv:2"});
  expect_refused("a.csv", "x,x,label\n1,1,a\n", {"two columns are named \"x\"", "columns 1 and 2"});
  expect_refused("a.csv", "x,label\n1,\"a\n", {"quote that is never closed", "a.csv:2:3"});
  expect_refused(
      "a.csv", "x,label\n1,\"a\"b\n",
      {"text after a closing quote in ", "a.csv:2:6 (opened at ", "a.csv:2:3)", "data.quote = \"none\""});
  expect_refused("a.csv", "x,label\r1,a\r", {"carriage return", "a.csv:1:8"});
  expect_refused("a.csv", "x,label\n1,a\0b\n"s, {"NUL byte", "a.csv:2"});
  expect_refused("a.csv", "x,label\n1,\xFF\xFE\n", {"not UTF-8", "a.csv:2"});
  expect_refused("a.csv", "x,label\n1,\xC0\x80\n", {"not UTF-8"});
  expect_refused("a.csv", "x,label\n1,\xED\xA0\x80\n", {"not UTF-8"});
  expect_refused("a.csv", "x,label\n1,\xE2\x82", {"not UTF-8"});
  expect_refused("a.csv", "x,label\n1," + std::string(2 << 20, 'a') + "\n",
                 {"longer than 1 MiB", "a.csv:2:3"});
  expect_refused("a.csv", "x,label\n1,\n", {"label is missing", "a.csv:2:3, row 1"});
  expect_refused("a.csv", "label\na\n", {"no feature column", "a.csv:1"});
  expect_refused("a.csv", "x,y,z,w\n1,2,3,4\n", {"no label column \"label\"", "\"x\", \"y\", \"z\", \"w\""});
}

TEST_F(Csv, EveryTruncationEndsInDataOrAMessage) {
  const std::string text = "\"x\"\"1\",label\r\n1.5,\"a\r\nb\"\r\n2,c\r\n";
  for (size_t size = 0; size < text.size(); ++size) {
    DataSource source;
    source.path = write("cut.csv", text.substr(0, size));
    try {
      EXPECT_GE(read_dataset(source).size(), 1) << size;
    } catch (const InputError&) {
    }
  }
}

TEST_F(Jsonl, ReadsTheSameKeysInAnyOrder) {
  const Dataset d = read(
      "a.jsonl", "{\"x\": 1.5, \"label\": \"b\", \"y\": \"2\"}\r\n\n{\"label\": 7, \"y\": -3, \"x\": 1e2}");
  EXPECT_EQ(d.columns, (Strings{"x", "y"}));
  EXPECT_EQ(d.classes, (Strings{"7", "b"}));
  EXPECT_EQ(values_of(d), (std::vector<float>{1.5f, 2, 100, -3}));
}

TEST_F(Jsonl, IntegersKeepTheirDigits) {
  DataSource source;
  source.targets = Targets::numbers;
  EXPECT_EQ(read("a.jsonl", "{\"x\":1,\"label\":9007199254740993}", source).target_values()[0],
            9007199254740993.0);
  EXPECT_EQ(values_of(read("a.jsonl", "{\"x\":18446744073709551615,\"label\":1}"))[0],
            18446744073709551616.0f);
}

TEST_F(Jsonl, Refuses) {
  const std::string first = "{\"x\":1,\"label\":\"a\"}\n";
  const auto refuse = [&](const std::string& line, const std::string& what) {
    expect_refused("a.jsonl", first + line + "\n", {what, "a.jsonl:2"});
    expect_refused("a.jsonl", line + "\n", {"a.jsonl:1"});
  };
  refuse("{\"x\":1,\"label\":\"a\"", "not JSON from byte");
  refuse("{\"x\":1,\"label\":\"a\"} {}", "not JSON from byte");
  refuse("{\"x\":NaN,\"label\":\"a\"}", "feature \"x\" is not finite: \"NaN\"");
  refuse("{\"x\":-Infinity,\"label\":\"a\"}", "feature \"x\" is not finite: \"-Infinity\"");
  refuse("{\"x\":1,\"label\":NaNa}", "not JSON from byte");
  refuse("{x:1}", "not JSON from byte 2");
  refuse("   ", "not JSON");
  refuse("{\"x\":1e999,\"label\":\"a\"}", "feature \"x\" is too large for a 32-bit float: \"1e999\"");
  refuse("{\"x\":[1],\"label\":\"a\"}", "feature \"x\" is a list or an object: \"[..]\"");
  refuse("{\"x\":{\"y\":1},\"label\":\"a\"}", "feature \"x\" is a list or an object: \"{..}\"");
  refuse("{\"x\":1,\"label\":[\"a\"]}", "label is a list or an object");
  refuse("[1,2]", "a line that is a list");
  refuse("3", "a bare value");
  refuse("{\"x\":1,\"x\":2,\"label\":\"a\"}", "\"x\" stands twice");
  refuse("{\"x\":null,\"label\":\"a\"}", "\"x\" is missing");
  refuse("{\"x\":true,\"label\":\"a\"}", "true or false, not a number: \"true\"");
  refuse("{\"x\":1,\"label\":null}", "label is missing");
  refuse("{\"x\":1}", "label is missing");
  refuse("{}", "\"x\" is missing");
  refuse(std::string(100000, '['), "a line that is a list");
  refuse("{\"x\":" + std::string(100000, '['), "nested more than 64 deep");
  refuse("{\"x\":\"" + std::string(2 << 20, '1') + "\",\"label\":1}", "longer than 1 MiB");
  expect_refused("a.jsonl", "\n", {"file is empty"});
}

TEST_F(Source, RefusesWhatCannotBeRead) {
  const auto refuse = [&](const std::string& path, const Strings& fragments) {
    DataSource source;
    source.path = path;
    expect_refused(source, fragments);
  };
  refuse(folder_.path("none.csv"), {"no such file", "none.csv"});
  refuse(folder_.path(std::string(5000, 'a') + ".csv"), {"no such file"});
  refuse(folder_.path(), {"has no pictures in it"});
  refuse("builtin:faces", {"no built-in data set \"faces\"", "builtin:digits"});
  for (const char* utf16 : {"\xFF\xFEx\0", "\xFE\xFF\0x"})
    refuse(write("wide.csv", std::string(utf16, 4)), {"UTF-16 text (", "wide.csv", "save the file as UTF-8"});
  refuse(write("a.xlsx", "x"), {"unknown kind of data file", "a.xlsx", ".csv"});
  std::filesystem::create_symlink("/dev/zero", folder_.path("zero.csv"));
  refuse(folder_.path("zero.csv"), {"not a regular file"});

  DataSource text;
  text.path = "builtin:digits";
  text.text = "sentence";
  expect_refused(text, {"the data are images, but the model reads text"});
  DataSource grouped;
  grouped.path = "builtin:digits";
  grouped.group = "writer";
  expect_refused(grouped, {"images have no columns", "data.group = \"writer\""});
  DataSource same = labelled("y");
  same.group = "y";
  expect_refused("a.csv", "x,y\n1,a\n", {"label and the group are one column"}, same);
}

TEST(Text, QuotesOnOneLineAndCutsBetweenCharacters) {
  EXPECT_EQ(in_quotes("a\tb\x01"), "\"a\\tb?\"");
  EXPECT_EQ(in_quotes(std::string(59, 'a') + "\xC3\xA9tail"), "\"" + std::string(59, 'a') + "...\"");
}

}  // namespace
}  // namespace thaw::test
