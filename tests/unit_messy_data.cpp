// Tables as people have them: what was meant is read, or one line says why not.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "finetune/data/readers/labels.h"
#include "finetune/preprocess/class_spelling.h"
#include "tests/support/data_files.h"
#include "tests/support/datasets.h"

namespace thaw::test {
namespace {

using MessyTable = DataFiles;

bool has_note(const Dataset& data, const std::string& part) {
  for (const std::string& note : data.notes)
    if (note.find(part) != std::string::npos) return true;
  return false;
}

DataSource texts(const std::string& text = "text") {
  DataSource source;
  source.text = text;
  source.targets = Targets::none;
  return source;
}

TEST(LabelKey, IsOneForEqualNumbersAndForTextsWithoutWhiteSpace) {
  for (const char* one : {"1", "1.0", "01", "+1", "1e0", "10e-1", "0.1e1", " 1 ", "\u00A01", "1\uFEFF", "1."})
    EXPECT_EQ(label_key(one), label_key("1")) << one;
  EXPECT_EQ(label_key("-0.00"), label_key("0"));
  EXPECT_EQ(label_key("1e2"), label_key("100"));
  EXPECT_NE(label_key("1"), label_key("-1"));
  EXPECT_NE(label_key("1"), label_key("10"));
  // As doubles they would be equal.
  EXPECT_NE(label_key("12345678901234567890"), label_key("12345678901234567891"));
  for (const char* text : {"1a", "e1", ".", "-", "1e", "1e+", "0x1", "1_0", "nan", "inf", "1.2.3", "1 2"})
    EXPECT_EQ(label_key(text), text);
  EXPECT_EQ(label_key("1e99999999999"), "1e99999999999") << "an exponent that no number has";
  EXPECT_EQ(label_key("\u3000dog\u2003"), "dog");
  EXPECT_NE(label_key("caf\u00E9"), label_key("cafe\u0301"));
}

TEST(LabelKey, PlacesAreByKeyWhateverTheOrder) {
  EXPECT_EQ(places_of_labels({"b", "1.0"}, {"1", "a", "b"}), (std::vector<int64_t>{2, 0}));
  EXPECT_EQ(places_of_labels({"b", "c"}, {"1", "a", "b"}), std::nullopt);
  EXPECT_EQ(places_of_labels({"b", "1"}, {"1", "1.0", "b"}), (std::vector<int64_t>{2, 0}));
}

TEST(LabelKey, LabelsOfOneKeyAreFound) {
  EXPECT_EQ(find_same_labels({"1", "a", "b"}), std::nullopt);
  EXPECT_EQ(find_same_labels({"a", "1", "01", "a"}), std::pair(std::string("1"), std::string("01")));
}

TEST_F(MessyTable, EqualNumbersAreOneClassInEveryFormat) {
  const Dataset csv = read("a.csv", "x,label\n1,1\n2,1.0\n3,01\n4,2\n5,\u00A02\n");
  EXPECT_EQ(csv.classes, (Strings{"1", "2"}));
  EXPECT_EQ(csv.labels(), (std::vector<int64_t>{0, 0, 0, 1, 1}));
  EXPECT_TRUE(has_note(csv, "the labels \"01\", \"1\", \"1.0\" are one class, \"1\""));
  const Dataset json = read(
      "a.jsonl",
      "{\"x\":1,\"label\":1}\n{\"x\":1,\"label\":1.0}\n{\"x\":1,\"label\":\"01\"}\n{\"x\":1,\"label\":10}");
  EXPECT_EQ(json.classes, (Strings{"1", "10"}));
  EXPECT_EQ(json.labels(), (std::vector<int64_t>{0, 0, 0, 1}));
}

TEST_F(MessyTable, ANumberKeepsItsSpellingWhereItHasOne) {
  EXPECT_EQ(read("a.csv", "x,label\n1,01234\n2,00999\n").classes, (Strings{"00999", "01234"}));
  EXPECT_EQ(read("a.csv", "x,label\n1,10.0\n2,9.0\n").classes, (Strings{"9.0", "10.0"}))
      << "integers: by value";
}

TEST_F(MessyTable, ClassesThatAreNamedMatchByKey) {
  const Dataset d = read("a.csv", "x,label\n1,1.0\n2,0\n", with_classes({"1", "0"}));
  EXPECT_EQ(d.classes, (Strings{"1", "0"}));
  EXPECT_EQ(d.labels(), (std::vector<int64_t>{0, 1}));
  expect_refused("a.csv", "x,label\n1,1\n", {"\"1.0\" is listed twice"}, with_classes({"1", "1.0"}));
  DataSource merged;
  merged.merge = {{"low", {"1", "2"}}, {"high", {"3"}}};
  EXPECT_EQ(read("a.csv", "x,label\n1,1.0\n2,02\n3,3\n", merged).labels(), (std::vector<int64_t>{1, 1, 0}));
}

TEST(ClassSpelling, WarnsOfClassesThatLookAlike) {
  EXPECT_TRUE(notes_of_spellings({"cat", "dog", "1", "10", "new-york"}).empty());
  const Strings notes = notes_of_spellings({"Dog", "cafe\u0301", "caf\u00E9", "dog", "newyork", "new york"});
  ASSERT_EQ(notes.size(), 3);
  EXPECT_EQ(notes_of_spellings({"x", "x\u200B", "y", "y\u00AD"}).size(), 2) << "signs that are not seen";
  EXPECT_NE(notes[0].find("form of Unicode"), std::string::npos);
  EXPECT_NE(notes[1].find("\"Dog\" and \"dog\" differ in capitals"), std::string::npos);
  EXPECT_NE(notes[2].find("differ in blanks"), std::string::npos);
}

TEST_F(MessyTable, ColumnsThatNobodyReadsAreAskedNothing) {
  const Dataset index = read("a.csv", ",x,label\n0,5,a\n1,6,b\n");
  EXPECT_EQ(index.columns, (Strings{"x"}));
  EXPECT_TRUE(has_note(index, "column 1 has no name and is left out"));
  const Dataset spare = read("a.csv", ",x,label,,\n0,5,a,,\n1,6,b,,\n");
  EXPECT_TRUE(has_note(spare, "3 columns have no name and are left out"));
  EXPECT_TRUE(has_note(spare, "first: column 1)"));
  DataSource named = unlabelled({"x"});
  EXPECT_EQ(values_of(read("a.csv", "n,n,x,\nu,v,5,\n", named)), (std::vector<float>{5}));
  DataSource ignoring;
  ignoring.ignore = {"id*", "n"};
  EXPECT_EQ(read("a.csv", "id1,n,n,x,label\nr,u,v,5,a\n", ignoring).columns, (Strings{"x"}));
  DataSource choosing;
  choosing.features = {"x?"};
  choosing.ignore = {"x2"};
  EXPECT_EQ(values_of(read("a.csv", "x1,x2,x3,y,label\n1,q,3,q,a\n", choosing)), (std::vector<float>{1, 3}));
  choosing.features = {"z*"};
  expect_refused("a.csv", "x1,label\n1,a\n", {"data.features has \"z*\", which no column matches", "a.csv:1"},
                 choosing);
  EXPECT_EQ(read("a.csv", " x ,label\r\n1,a\r\n").columns, (Strings{"x"})) << "blanks around a name";
}

TEST_F(MessyTable, AColumnWithSignsOfAGlobIsNamedAsItIs) {
  const std::string table = "size [cm],size c,x*,xy,label\n1,2,3,4,a\n";
  DataSource source;
  source.ignore = {"size [cm]"};
  EXPECT_EQ(read("a.csv", table, source).columns, (Strings{"size c", "x*", "xy"}))
      << "as a glob it would be the other's name";
  source.ignore = {};
  source.features = {"size [cm]", "x*"};
  EXPECT_EQ(read("a.csv", table, source).columns, (Strings{"size [cm]", "x*"}));
  source.features = {"weight [kg]"};
  expect_refused("a.csv", table, {"data.features has \"weight [kg]\", which no column matches"}, source);
}

TEST_F(MessyTable, KeysThatNobodyReadsAreAskedNothing) {
  DataSource source = texts();
  source.targets = Targets::classes;
  const Dataset d = read("a.jsonl",
                         "{\"text\":\"a\",\"label\":1,\"meta\":{\"k\":[1,{}]},\"s\":NaN}\n"
                         "{\"label\":2,\"text\":\"NaN, \\\"Infinity\\\"\",\"more\":[[]],\"more\":2}\n",
                         source);
  EXPECT_EQ(first_texts(d), (Strings{"a", "NaN, \"Infinity\""}));
  EXPECT_TRUE(has_note(d, "the keys \"more\" are not in the first line"));
}

TEST_F(MessyTable, NumbersBeyondTheRangeMatterWhereTheyAreRead) {
  DataSource source = texts();
  source.targets = Targets::classes;
  const Dataset d = read("a.jsonl",
                         "{\"text\":\"1e999, \\\"1e999\",\"label\":1,\"n\":[1e999,-1E+999],\"m\":1}\n"
                         "{\"label\":2,\"text\":\"b\",\"m\":" +
                             std::string(400, '9') + ",\"o\":NaN}\n",
                         source);
  EXPECT_EQ(first_texts(d), (Strings{"1e999, \"1e999", "b"}));
  expect_refused("a.jsonl", "{\"x\":1,\"label\":1}\n{\"x\":-1e999,\"label\":1}\n",
                 {"feature \"x\" is too large for a 32-bit float: \"-1e999\"", "a.jsonl:2, row 2"});
  for (const char* word : {"1e999x", "1e9e9", "e999", "1..e999"})
    expect_refused("a.jsonl", concat("{\"x\":1e999,\"y\":", word, "}"), {"not JSON from byte", "a.jsonl:1"});
}

TEST_F(MessyTable, ColumnsOfTheModelAreFoundByName) {
  DataSource source = labelled("label");
  source.columns = {"a", "b"};
  const Dataset d = read("a.csv", "extra,b,label,a\nq,1,u,2\n", source);
  EXPECT_EQ(values_of(d), (std::vector<float>{2, 1}));
  EXPECT_TRUE(has_note(d, "columns that are not read, for they are not the model's: \"extra\" ("));
  expect_refused("a.csv", "a,c,label\n1,2,u\n",
                 {"the model's feature columns \"b\" are not in the table",
                  "which has \"a\", \"c\", \"label\"", "\"a\", \"b\""},
                 source);
  source.columns = {"a", "label"};
  expect_refused("a.csv", "a,label\n1,2\n", {"\"label\" is the label, and one of the model's features"},
                 source);
}

TEST_F(MessyTable, AllThatIsWrongWithTheCellsIsToldAtOnce) {
  expect_refused("a.csv", "city,age,ok,x,label\nParis,3,true,1,a\nRome,,no,2,b\nOslo,NA,yes,3,\n",
                 {"4 problems with the cells", "feature \"city\" is not a number: \"Paris\" (",
                  "and 2 more such rows", "under [data] with ignore = [\"city\", \"ok\", \"age\"]",
                  "data.missing = \"median\"", "data.categories = \"auto\""});
  DataSource fixed;
  fixed.columns = {"x"};
  expect_refused("a.csv", "x,label\nu,a\nv,b\n", {"and 1 more such row)", "mend the cells"}, fixed);
}

TEST_F(MessyTable, ARepeatedHeaderIsNoSample) {
  const Dataset d = read("a.csv", "x,label\n1,a\nx,label\n2,b\n x , label\n");
  EXPECT_EQ(d.size(), 2);
  EXPECT_EQ(d.classes, (Strings{"a", "b"}));
  EXPECT_TRUE(has_note(d, "2 rows repeat the header (first: "));
  EXPECT_EQ(read("a.csv", "text\nhello\ntext\n", texts()).size(), 2) << "a text may be the word";
}

TEST_F(MessyTable, AColumnThatNumbersTheRowsIsWarnedOf) {
  std::string text = "n,x,label\n";
  for (int row = 0; row < 12; ++row) text += std::to_string(row + 1) + "," + std::to_string(row % 5) + ",a\n";
  const Dataset d = read("a.csv", text);
  EXPECT_EQ(d.columns, (Strings{"n", "x"}));
  EXPECT_TRUE(has_note(d, "\"n\" only numbers the rows"));
  EXPECT_FALSE(has_note(d, "\"x\" only"));
}

TEST_F(MessyTable, SeparatorsAreTakenFromTheHeaderWhereTheEndingIsWrong) {
  const Dataset d = read("a.csv", "x;label\n1.5;a\n2;\"b;c\"\n");
  EXPECT_EQ(d.classes, (Strings{"a", "b;c"}));
  EXPECT_TRUE(has_note(d, "separated by semicolons"));
  EXPECT_EQ(read("a.tsv", "x,label\n1,a\n").columns, (Strings{"x"}));
  DataSource bars;
  bars.separator = '|';
  EXPECT_EQ(read("a.csv", "x|label\n1|a,b\n", bars).classes, (Strings{"a,b"}));
  expect_refused("a.csv", "x;label\n1,5;a\n", {"has a comma: \"1,5\""});
  EXPECT_EQ(read("A.CSV", "x,label\n1,a\n").size(), 1) << "capitals";
}

TEST_F(MessyTable, SeparatorsAreThoseOutsideQuotes) {
  const Dataset d = read("a.csv", "\"\";\"a, b\";\"c\"\"d;\";\"label\"\n\"1\";1.5;2;\"u\"\n");
  EXPECT_EQ(d.columns, (Strings{"a, b", "c\"d;"})) << "as R's write.csv2 has it";
  EXPECT_TRUE(has_note(d, "separated by semicolons"));
  EXPECT_EQ(read("a.csv", "x;\"a,b\";label\n1;2;u\n").columns, (Strings{"x", "a,b"}));
  EXPECT_EQ(read("a.csv", "\"a;b\",label\n1,u\n").columns, (Strings{"a;b"}));
  EXPECT_EQ(read("a.csv", "\"a;b\"\n1\n", unlabelled({"a;b"})).columns, (Strings{"a;b"}));
  EXPECT_EQ(read("a.csv", "size 6\";label\n1;u\n").columns, (Strings{"size 6\""})) << "an ordinary quote";
  DataSource ordinary = labelled("label\"");
  ordinary.quote = "none";
  EXPECT_EQ(read("a.csv", "\"x;label\"\n1;u\n", ordinary).columns, (Strings{"\"x"}));
}

TEST_F(MessyTable, APointThatMaySeparateThousandsIsAskedAbout) {
  const auto doubted = [&](const std::string& cells) {
    return has_note(read("a.csv", "x;label\n" + cells), "if the point separates thousands, leave it out");
  };
  EXPECT_TRUE(doubted("941;a\n1.320;b\n-12.983;a\n"));
  EXPECT_FALSE(doubted("941;a\n1.32;b\n2.983;a\n")) << "another decimal";
  EXPECT_FALSE(doubted("941;a\n0.320;b\n2.983;a\n")) << "a 0 alone";
  EXPECT_FALSE(doubted("1941;a\n1.320;b\n")) << "a thousand without a point";
  EXPECT_FALSE(doubted("1.320;b\n2.983;a\n")) << "three decimals everywhere";
  DataSource regression;
  regression.targets = Targets::numbers;
  EXPECT_TRUE(has_note(read("a.csv", "x,label\n1,500\n2,5.000\n", regression),
                       "\"label\" has numbers such as 5.000"));
}

TEST_F(MessyTable, WhatIsLostIn32BitsIsSaid) {
  const auto doubted = [&](const std::string& cells) {
    return has_note(read("a.csv", "x,label\n" + cells), "subtract a number near the mean from it");
  };
  EXPECT_TRUE(doubted("1000000000,a\n1000000010,b\n1000000020,a\n"));
  EXPECT_FALSE(doubted("1000000000,a\n1100000000,b\n")) << "it varies enough";
  EXPECT_FALSE(doubted("5,a\n5,b\n")) << "a constant";
  EXPECT_FALSE(doubted("0.3,a\n0.30000000000000004,b\n")) << "rounding of its own";
}

TEST_F(MessyTable, WordsForMissingTextsAreCounted) {
  EXPECT_TRUE(has_note(read("a.csv", "text,n\nNA,1\ngood,2\nnull,3\n", texts()),
                       "2 texts are no word but what stands for a missing one (first: \"NA\", "));
  EXPECT_FALSE(has_note(read("a.csv", "text,n\nnot NA,1\n", texts()), "missing one"));
}

TEST_F(MessyTable, AFirstLineThatIsNoHeaderIsNamed) {
  for (const char* first : {"sep=;", "# made by R"})
    expect_refused("a.csv", std::string(first) + "\nx;label\n1;a\n", {"is no header", "remove it"});
}

TEST_F(MessyTable, InTsvAQuoteEnclosesWhatIsClosedWithinItsField) {
  EXPECT_EQ(first_texts(read("a.tsv", "text\tn\n\"great\t1\nbad\t2\nso-so\"\t3\n", texts())),
            (Strings{"\"great", "bad", "so-so\""}));
  EXPECT_EQ(
      first_texts(read("a.tsv", "text\tn\n\"a \"\"b\"\" c\"\t1\n\"yes\" he said\t2\n\"open\t3\n", texts())),
      (Strings{"a \"b\" c", "\"yes\" he said", "\"open"}));
  EXPECT_EQ(read("a.tsv", "text\n\"great\nbad\nso-so\"\ngood\n", texts()).size(), 4);
  DataSource quoting = texts();
  quoting.quote = "csv";
  EXPECT_EQ(first_texts(read("a.tsv", "text\tn\n\"a\tb\nc\"\t1\n", quoting)), (Strings{"a\tb\nc"}));
  expect_refused("a.tsv", "text\tn\n\"a\nb\"\t1\n",
                 {"a row of 1 fields", "a.tsv:2:1 is not closed", "data.quote"}, texts());
}

TEST_F(MessyTable, InCsvAQuoteThatMayBeOrdinaryIsAskedAbout) {
  const std::string text = "label,text\n1,\"great\n0,bad\n1,so-so\"\n0,good\n";
  expect_refused("a.csv", text, {"goes on over line ends", "a.csv:2:3", "data.quote = \"csv\""}, texts());
  DataSource ordinary = texts(), enclosing = texts();
  ordinary.quote = "none";
  enclosing.quote = "csv";
  EXPECT_EQ(first_texts(read("a.csv", text, ordinary)), (Strings{"\"great", "bad", "so-so\"", "good"}));
  EXPECT_EQ(first_texts(read("a.csv", text, enclosing)), (Strings{"great\n0,bad\n1,so-so", "good"}));
  // Of whole rows in every line nothing is left where a text has a comma or a line of its own.
  EXPECT_EQ(first_texts(read("a.csv", "label,text\n1,\"great\nfilm\"\n0,bad\n", texts())),
            (Strings{"great\nfilm", "bad"}));
  const Dataset single = read("a.csv", "text\n\"great\nbad\nso-so\"\ngood\n", texts());
  EXPECT_EQ(single.size(), 2);
  EXPECT_TRUE(has_note(single, "1 row goes on over line ends in quotes"));
  // A row is judged by itself, whatever other rows look like.
  const Dataset mixed =
      read("a.csv", "id,text\n1,\"bad\n2,good\n3,fine\"\n4,\"good\nbad\"\n5,\"so, so\"\n", texts());
  EXPECT_EQ(mixed.size(), 3);
  EXPECT_TRUE(has_note(mixed, "1 row goes on over line ends in quotes"));
  EXPECT_TRUE(has_note(mixed, "a.csv:2:3"));
  EXPECT_FALSE(has_note(read("a.csv", "id,text\n1,\"good\nbad\"\n2,\"so, so\"\n", texts()), "line ends"));
  expect_refused("a.csv", "label,text\n1,ok\n0,\"never\n1,x\n",
                 {"never closed", "opened at", "a.csv:3:3", "none"}, texts());
}

TEST_F(MessyTable, PairsAreTwoColumns) {
  DataSource source = texts("premise");
  source.targets = Targets::classes;
  source.text_pair = "hypothesis";
  const Dataset d = read("a.csv", "premise,hypothesis,label\na,b,0\nc,d,1\n", source);
  EXPECT_EQ(first_texts(d), (Strings{"a", "c"}));
  EXPECT_TRUE(texts_of(d).pairs);
  EXPECT_EQ(texts_of(d)[0].second, "b");
  EXPECT_EQ(texts_of(d)[1].second, "d");
  expect_refused("a.csv", "premise,hypothesis,label\na,,0\n", {"the text is missing", "a.csv:2:3"}, source);
  expect_refused("a.csv", "premise,label\na,0\n", {"no text_pair column \"hypothesis\""}, source);
  source.text_pair = "premise";
  expect_refused("a.csv", "premise,label\na,0\n", {"both texts of a pair are one column"}, source);
}

}  // namespace
}  // namespace thaw::test
