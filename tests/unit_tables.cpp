// Tables with categories, true and false, and missing values: what is read, what becomes of it, what is refused.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "finetune/data/cells.h"
#include "finetune/data/numbers.h"
#include "finetune/model/encoding_json.h"
#include "finetune/preprocess/column_encoding.h"
#include "nn/io/sha256.h"
#include "tests/support/data_files.h"
#include "tests/support/from_config.h"
#include "tests/support/messages.h"

namespace thaw::test {
namespace {

using Rows = std::vector<std::vector<float>>;

DataSource with_categories(const Strings& categories, bool takes_missing = false) {
  DataSource source;
  source.categories = categories;
  source.takes_missing = takes_missing;
  return source;
}

Rows rows_of(const Dataset& data) {
  const Numbers& numbers = numbers_of(data);
  Rows rows;
  for (std::int64_t row = 0; row < data.size(); ++row)
    rows.emplace_back(numbers.sample(row), numbers.sample(row) + numbers.sample_size);
  return rows;
}

// ---- what is read

struct Tables : DataFiles {
  Dataset encoded(const std::string& table, const DataSource& source) {
    Dataset data = read("a.csv", table, source);
    Strings notes;
    TableEncoding::fit(data, source.takes_missing).apply(data, "training", notes);
    EXPECT_EQ(notes, Strings{}) << "its own rows have nothing new";
    return data;
  }
};

TEST_F(Tables, WordsAreOneHotBooleansAreNumbersAndMissingValuesTheMedian) {
  const Dataset data =
      encoded("colour,age,smoker,label\nred,3,yes,a\nblue,NA,NO,a\n Red,10,True,b\nred,,false,b\n?,7,,b\n",
              with_categories({"auto"}, true));
  EXPECT_EQ(data.columns, (Strings{"colour=Red", "colour=blue", "colour=red", "colour is missing", "age",
                                   "age is missing", "smoker", "smoker is missing"}));
  EXPECT_EQ(rows_of(data), (Rows{{0, 0, 1, 0, 3, 0, 1, 0},
                                 {0, 1, 0, 0, 7, 1, 0, 0},
                                 {1, 0, 0, 0, 10, 0, 1, 0},
                                 {0, 0, 1, 0, 7, 1, 0, 0},
                                 {0, 0, 0, 1, 7, 0, 0.5F, 1}}));
}

TEST_F(Tables, NumbersAreCategoriesWhereTheyAreNamedSoAndEqualOnesAreOne) {
  const Dataset data =
      encoded("zip,x,label\n10,1,a\n9,2,b\n10.0,3,a\nnone,4,b\n", with_categories({"z*"}, true));
  EXPECT_EQ(data.columns, (Strings{"zip=9", "zip=10", "zip is missing", "x"})) << "whole numbers: by value";
  EXPECT_EQ(rows_of(data), (Rows{{0, 1, 0, 1}, {1, 0, 0, 2}, {0, 1, 0, 3}, {0, 0, 1, 4}}));
}

TEST_F(Tables, OfJsonTooAndQuotesAndSeparatorsBelongToAWord) {
  const Dataset json =
      read("a.jsonl", "{\"c\":true,\"w\":\"a\",\"label\":1}\n{\"c\":false,\"w\":null,\"label\":2}\n",
           with_categories({"auto"}, true));
  EXPECT_EQ(cells_of(json).columns[0].kind, ColumnKind::boolean);
  EXPECT_EQ(cells_of(json).columns[1].words, Strings{"a"});
  EXPECT_TRUE(std::isnan(cells_of(json).row(1)[1]));
  const Dataset csv = encoded("w,label\n\"a, \"\"b\"\"\",1\n\"=1;\n2\",2\nü,1\n", with_categories({"auto"}));
  EXPECT_EQ(csv.columns, (Strings{"w==1;\n2", "w=a, \"b\"", "w=ü"}));
}

TEST_F(Tables, ABooleanAmongOtherWordsIsAWord) {
  EXPECT_EQ(encoded("w,label\ntrue,1\nmaybe,2\nfalse,1\n", with_categories({"auto"})).columns,
            (Strings{"w=false", "w=maybe", "w=true"}));
}

TEST_F(Tables, NothingIsTakenForACategoryUnasked) {
  const auto message = [&](const std::string& table, const DataSource& source) {
    return message_of<InputError>([&] { read("a.csv", table, source); });
  };
  expect_worded(message("colour,label\nred,a\nblue,b\n", {}));
  expect_worded(message("x,label\n1,a\n,b\n", {}));
  expect_worded(message("x,label\nyes,a\nno,b\n", with_categories({}, true)));
  expect_worded(message("colour,label\nred,a\n,b\nNA,b\n", with_categories({"auto"})));
  expect_worded(message("x,label\n1,a\nunknown,b\n2,a\nnever,b\n", with_categories({"auto"})));
  expect_worded(message("x,label\n\"1,5\",a\n\"2,5\",b\n", with_categories({"auto"})));
  expect_worded(message("x,label\n1,a\n2,b\n", with_categories({"y*"})));
}

TEST_F(Tables, OneColumnMayBeCalledAuto) {
  EXPECT_EQ(encoded("auto,x,label\nred,1,a\nblue,2,b\n", with_categories({"auto"})).columns,
            (Strings{"auto=blue", "auto=red", "x"}));
}

TEST_F(Tables, EqualRowsOfTwoFilesAreFoundWhateverTheOrderOfTheirWords) {
  const DataSource source = with_categories({"auto"}, true);
  const Dataset first = read("a.csv", "c,x,label\nred,1,a\nblue,,b\n", source);
  const Dataset second = read("b.csv", "c,x,label\nblue,,b\nred,1,a\nred,2,a\nblue,0,b\n", source);
  EXPECT_TRUE(first.inputs->same(0, *second.inputs, 1));
  EXPECT_TRUE(first.inputs->same(1, *second.inputs, 0));
  EXPECT_EQ(first.inputs->hash(1), second.inputs->hash(0));
  EXPECT_FALSE(first.inputs->same(0, *second.inputs, 2));
  EXPECT_FALSE(first.inputs->same(1, *second.inputs, 3)) << "0 is not missing";
  EXPECT_NE(content_hash(first), content_hash(second));
}

// ---- what is refused

struct Encodable : DataFiles {
  std::string refused(const std::string& table, std::size_t most = 100) {
    const Dataset data = read("a.csv", table, with_categories({"auto"}, true));
    return message_of<InputError>([&] { check_encodable(data, most, "a.csv"); });
  }
  static std::string names(int rows, int different) {
    std::string table = "who,x,label\n";
    for (int row = 0; row < rows; ++row)
      table += "n" + std::to_string(row % different) + "," + std::to_string(row) + "," +
               (row % 2 ? "a" : "b") + "\n";
    return table;
  }
};

TEST_F(Encodable, IdentifiersAndTooManyCategoriesAreRefusedByName) {
  expect_worded(refused(names(20, 19)));
  expect_worded(refused(names(300, 101)));
  EXPECT_EQ(refused(names(19, 19)), kNothingThrown) << "few words may be all different";
  EXPECT_EQ(refused(names(20, 18)), kNothingThrown);
  EXPECT_EQ(refused(names(300, 101), 101), kNothingThrown);
  const std::string many = refused(names(110'000, 100'000));
  expect_has(many, "\"who\"");
  expect_has(many, "100000");
}

TEST_F(Encodable, DatesDrawAWarning) {
  const auto warnings = [&](const std::string& words) {
    const Dataset data = read("a.csv", "when,label\n" + words, with_categories({"auto"}));
    return check_encodable(data, 100, "a.csv");
  };
  const Strings found = warnings("2024-05-31,a\n2024-06-01 12:30,b\n2024-05-31,b\n");
  ASSERT_EQ(found.size(), 1u);
  expect_worded(found.front());
  for (const char* words : {"31.5.2024,a\n1.6.2024,b\n", "5/31/24,a\n6/1/24,b\n"})
    EXPECT_EQ(warnings(words).size(), 1u) << words;
  for (const char* words :
       {"2024-05-31,a\nlater,b\n", "a-b-c,a\nd-e-f,b\n", "1-2,a\n2-3,b\n", "-1-,a\n-2-,b\n"})
    EXPECT_EQ(warnings(words), Strings{}) << words;
}

TEST_F(Encodable, AColumnWithoutAnyValueIsRefused) { expect_worded(refused("x,c,label\n,u,a\nNA,v,b\n")); }

TEST_F(Encodable, FeaturesOfOneNameAreRefused) {
  expect_worded(refused("c,c=red,label\nred,1,a\nblue,2,b\n"));
  expect_worded(refused("c,c is missing,label\nred,1,a\n,2,b\n"));
  EXPECT_EQ(refused("c,c=green,label\nred,1,a\nblue,2,b\n"), kNothingThrown);
}

// ---- what is learnt, and from which rows

struct TableRuns : ::testing::Test {
  TemporaryFolder folder;
  Config config;

  TableRuns() {
    config.data.train = folder.write("t.csv", "c,x,label\nred,1,a\nblue,,b\nred,5,a\nblue,9,b\n");
    config.data.validation = folder.write("v.csv", "x,c,label\n100,green,a\n,red,b\n7,NA,b\n");
    config.data.categories = {"auto"};
    config.data.missing = Missing::median;
    config.train.epochs = 1;
    config.train.checkpoint_every = Period{};
  }

  static bool has_note(const PreparedData& data, const std::string& part) {
    for (const std::string& note : data.notes)
      if (note.find(part) != std::string::npos) return true;
    return false;
  }
  // The validation rows, encoded by all training rows.
  Dataset data_of_all() {
    config.data.limit = 0;
    return data_of(config).validation;
  }
};

TEST_F(TableRuns, FurtherFilesAreEncodedByTheTrainingRowsAndByName) {
  const PreparedData data = data_of(config);
  EXPECT_EQ(data.train.columns, (Strings{"c=blue", "c=red", "x", "x is missing"}));
  EXPECT_EQ(rows_of(data.train), (Rows{{0, 1, 1, 0}, {1, 0, 5, 1}, {0, 1, 5, 0}, {1, 0, 9, 0}}));
  EXPECT_EQ(rows_of(data.validation), (Rows{{0, 0, 100, 0}, {0, 1, 5, 1}, {0, 0, 7, 0}}));
  EXPECT_TRUE(
      has_note(data, "validation: 1 cell of \"c\" with words that no training row has (first: \"green\")"));
  EXPECT_TRUE(has_note(data, "validation: 1 cell of \"c\" is missing, as in no training row"));
  EXPECT_EQ(data.preprocess.columns, (Strings{"c", "x"}));
  EXPECT_EQ(data.preprocess.sample_shape, std::vector<std::int64_t>{4});
}

TEST_F(TableRuns, NothingOfRowsThatAreSplitOffOrNotDrawnIsKnown) {
  std::string table = "c,x,label\n";
  for (int row = 0; row < 60; ++row)
    table +=
        "w" + std::to_string(row % 20) + "," + std::to_string(row * row) + "," + (row % 2 ? "a" : "b") + "\n";
  config.data.train = folder.write("t.csv", table);
  config.data.validation.clear();
  config.data.limit = 9;
  const PreparedData loaded = loaded_of(config, true);
  Strings first;
  for (const std::uint64_t seed : {0, 1}) {
    const PreparedData data = draw_training_data(config, loaded, seed);
    ASSERT_EQ(data.train.size(), 9);
    // Each category is that of a drawn row, and the median is theirs.
    std::vector<float> x;
    for (std::size_t f = 0; f + 1 < data.train.columns.size(); ++f) {
      float with = 0;
      for (const auto& row : rows_of(data.train)) with += row[f];
      EXPECT_GT(with, 0) << data.train.columns[f];
    }
    for (const auto& row : rows_of(data.train)) x.push_back(row.back());
    std::sort(x.begin(), x.end());
    EXPECT_EQ(data.preprocess.encoding.columns.back().median, x[4]);
    EXPECT_EQ(data.validation->columns, data.train.columns);
    EXPECT_EQ(data.test->columns, data.train.columns);
    EXPECT_NE(data.train.columns, first) << "another draw has other words";
    first = data.train.columns;
  }
}

TEST_F(TableRuns, CategoriesThatAreEqualNumbersAreOneAndSaid) {
  config.data.train = folder.write("t.csv", "c,label\n1e2,a\n100,b\nx,a\n100,b\nx,b\n1e2,a\n");
  config.data.categories = {"c"};
  config.data.validation.clear();
  config.data.test.clear();
  const PreparedData data = loaded_of(config, false);
  EXPECT_TRUE(
      has_note(data, "categories of \"c\" that are equal numbers are one, such as \"1e2\" and \"100\""));
}

TEST_F(TableRuns, StandardisingLeavesFeaturesOfZeroAndOneAlone) {
  config.data.standardize = Standardize::train;
  const PreparedData data = data_of(config);
  EXPECT_EQ(data.preprocess.mean, (std::vector<double>{0, 0, 5, 0}));
  EXPECT_EQ(data.preprocess.deviation, (std::vector<double>{1, 1, std::sqrt(8.0), 1}));
  EXPECT_EQ(rows_of(data.validation)[1], (std::vector<float>{0, 1, 0, 1}));
}

TEST_F(TableRuns, ConstantColumnsAreTaken) {
  config.data.train = folder.write("t.csv", "c,x,label\nred,7,a\nred,7,b\nred,,a\n");
  config.data.validation = folder.write("v.csv", "c,x,label\nblue,8,a\n");
  config.data.standardize = Standardize::train;
  const PreparedData data = data_of(config);
  EXPECT_EQ(rows_of(data.train), (Rows{{1, 0, 0}, {1, 0, 0}, {1, 0, 1}}));
  EXPECT_EQ(rows_of(data.validation), (Rows{{0, 0, 0}})) << "a number that was constant says nothing";
}

// A weight of its values would stay as it was drawn, whatever stands there later.
TEST_F(TableRuns, OfAColumnThatTheDrawLacksOnlyThatIsAFeature) {
  config.data.train = folder.write("t.csv", "x,y,label\n,1,a\n5,2,b\n,3,a\n,4,b\n");
  config.data.validation.clear();
  config.data.validation_fraction = 0;
  config.data.limit = 1;
  const PreparedData loaded = loaded_of(config, false);
  int unknown = 0;
  for (const std::uint64_t seed : {0, 1, 2, 3}) {
    const PreparedData data = draw_training_data(config, loaded, seed);
    const bool is_unknown = has_note(data, "no row has a value that was drawn for training: \"x\"");
    unknown += is_unknown ? 1 : 0;
    EXPECT_EQ(data.train.columns, is_unknown ? (Strings{"x is missing", "y"}) : (Strings{"x", "y"}));
    EXPECT_EQ(rows_of(data.train).at(0).at(0), is_unknown ? 1 : 5);
    const nlohmann::json json = nlohmann::json::parse(encoding_json(data.preprocess.encoding).dump());
    EXPECT_EQ(read_encoding(json, {"x", "y"}, "p.json").features(), data.train.columns);
  }
  EXPECT_GT(unknown, 0);
}

TEST_F(TableRuns, WhatTheCacheKnowsOfARowIsWhatTheNetworkSees) {
  const PreparedData full = data_of(config);
  config.data.limit = 2;
  const PreparedData drawn = data_of(config);
  const auto hash = [](const Dataset& data, std::int64_t row) {
    Sha256 sha;
    data.inputs->hash_sample(row, sha);
    return sha.hex();
  };
  // Of "c = red, nothing else known" the median differs with the draw.
  ASSERT_NE(rows_of(full.validation)[1], rows_of(drawn.validation)[1]);
  EXPECT_NE(hash(full.validation, 1), hash(drawn.validation, 1));
  EXPECT_EQ(hash(full.validation, 1), hash(data_of_all(), 1));
}

TEST_F(TableRuns, AModelKeepsItsFeaturesOnNewData) {
  EXPECT_NO_THROW(train(config, folder.path("run")));
  config.model.from = folder.path("run");
  config.data.train = folder.write("new.csv", "x,label,c\n,a,green\n1000,b,blue\n");
  config.data.validation.clear();
  config.data.validation_fraction = 0;
  const PreparedData data = data_of(config);
  EXPECT_EQ(data.train.columns, (Strings{"c=blue", "c=red", "x", "x is missing"}));
  EXPECT_EQ(rows_of(data.train), (Rows{{0, 0, 5, 1}, {1, 0, 1000, 0}}))
      << "the model's categories and median";
  EXPECT_TRUE(has_note(data, "the columns are read as the model knows them"));
  EXPECT_NO_THROW(train(config, folder.path("tuned")));
}

TEST_F(TableRuns, KindsAreThoseOfTheTrainingFile) {
  const auto refused = [&](const std::string& table) {
    config.data.validation = folder.write("v.csv", table);
    return message_of<InputError>([&] { data_of(config); });
  };
  expect_worded(refused("x,c,label\nmany,red,a\n"));
  EXPECT_EQ(refused("x,c,label\n1,2,a\n"), kNothingThrown)
      << "a number where there were words is another word";
  config.data.train = folder.write("t.csv", "c,x,label\nyes,1,a\nno,,b\nyes,5,a\nno,9,b\n");
  expect_worded(refused("x,c,label\n1,maybe,a\n"));
}

// ---- what is kept

TEST(EncodingJson, ComesBackAndIsChecked) {
  TableEncoding encoding{
      {{"c", ColumnKind::category, {"a", "b"}, 0, true}, {"x", ColumnKind::number, {}, 1.5, false}}, true};
  const nlohmann::json json = nlohmann::json::parse(encoding_json(encoding).dump());
  const TableEncoding back = read_encoding(json, {"c", "x"}, "p.json");
  EXPECT_EQ(back.features(), encoding.features());
  EXPECT_EQ(back.columns[1].median, 1.5);
  EXPECT_TRUE(back.takes_missing);
  const auto refused = [](nlohmann::json changed) {
    return message_of<InputError>([&] { read_encoding(changed, {"c", "x"}, "p.json"); });
  };
  EXPECT_EQ(refused(json), kNothingThrown);
  for (const auto& [pointer, value] :
       std::vector<std::pair<const char*, nlohmann::json>>{{"/columns", 3},
                                                           {"/columns/0/kind", "colour"},
                                                           {"/columns/0/column", "d"},
                                                           {"/columns/0/categories", {"1", "1.0"}},
                                                           {"/columns/1/median", 1e300},
                                                           {"/columns/1", nullptr},
                                                           {"/missing", nullptr}}) {
    nlohmann::json changed = json;
    changed[nlohmann::json::json_pointer(pointer)] = value;
    expect_worded(refused(changed));
  }
}

}  // namespace
}  // namespace thaw::test
