// Texts as data: read from tables and lines, split, hashed, and padded into batches.
#include <gtest/gtest.h>

#include "finetune/data/batch.h"
#include "finetune/data/readers/readers.h"
#include "finetune/data/split.h"
#include "finetune/preprocess/text_input.h"
#include "finetune/preprocess/tokenizer/tokenizer.h"
#include "tests/support/datasets.h"
#include "tests/support/files.h"
#include "tests/support/messages.h"

namespace thaw::test {
namespace {

struct TextData : ::testing::Test {
  DataSource source(const std::string& name, const std::string& content) const {
    DataSource source;
    source.path = folder.write(name, content);
    source.text = "text";
    return source;
  }
  TemporaryFolder folder;
};

TEST_F(TextData, IsAColumnOfATable) {
  const Dataset data =
      read_dataset(source("a.csv", "id,text,label\n7,\"good, really\",pos\n8,bad,neg\n9,fine,pos\n"));
  EXPECT_EQ(first_texts(data), (std::vector<std::string>{"good, really", "bad", "fine"}));
  EXPECT_EQ(data.classes, (std::vector<std::string>{"neg", "pos"}));
  EXPECT_EQ(data.labels(), (std::vector<std::int64_t>{1, 0, 1}));
  EXPECT_EQ(first_texts(data.subset({2, 0})), (std::vector<std::string>{"fine", "good, really"}));
  const Dataset lines = read_dataset(source("a.jsonl",
                                            "{\"label\": \"x\", \"text\": \"a\\nb\"}\n"
                                            "{\"label\": \"y\", \"text\": \"c\"}\n"));
  EXPECT_EQ(first_texts(lines), (std::vector<std::string>{"a\nb", "c"}));
}

TEST_F(TextData, WhatIsWrongIsNamed) {
  const auto message = [&](const std::string& content) {
    return message_of<InputError>([&] { read_dataset(source("b.csv", content)); });
  };
  expect_worded(message("sentence,label\na,x\n"));
  expect_worded(message("text,label\na,x\n,y\n"));
  DataSource same = source("c.csv", "text,other\na,x\n");
  same.label = "text";
  expect_worded(message_of<InputError>([&] { read_dataset(same); }));
}

TEST_F(TextData, ALineIsATextOnlyWithoutLabels) {
  DataSource lines = source("a.txt", "first\r\n\nthird");
  expect_worded(message_of<InputError>([&] { read_dataset(lines); }));
  lines.targets = Targets::none;
  EXPECT_EQ(first_texts(read_dataset(lines)), (std::vector<std::string>{"first", "", "third"}));
  DataSource empty = source("b.txt", "");
  empty.targets = Targets::none;
  expect_worded(message_of<InputError>([&] { read_dataset(empty); }));
}

TEST_F(TextData, EqualTextsStayTogetherAndAreFound) {
  std::string table = "text,label\n";
  for (int i = 0; i < 40; ++i)
    table += "text " + std::to_string(i / 2) + ",l" + std::to_string(i / 2 % 2) + "\n";
  const Dataset data = read_dataset(source("a.csv", table));
  const Split split = split_dataset(data, 0.25, 0);
  const Dataset rest = data.subset(split.rest), taken = data.subset(split.taken);
  EXPECT_EQ(taken.size() % 2, 0) << "both of a pair, or none";
  EXPECT_TRUE(find_duplicates(rest, taken).empty());
  EXPECT_EQ(static_cast<std::int64_t>(find_duplicates(data, taken).size()), taken.size());
  EXPECT_NE(content_hash(rest), content_hash(taken));
  Dataset joined = data.subset({0, 1}), cut = joined;
  joined.inputs = text_samples({{"ab", ""}, {"c", ""}}).inputs;
  cut.inputs = text_samples({{"a", ""}, {"bc", ""}}).inputs;
  EXPECT_NE(content_hash(joined), content_hash(cut));
}

// GPT-2's tokenizer adds nothing to a text, and declares no padding.
TEST_F(TextData, TheEndOfATextStandsForPaddingAndForAnEmptyText) {
  folder.write("vocab.json", R"({"a": 0, "b": 1, "ab": 2, "<|endoftext|>": 3})");
  folder.write("merges.txt", "a b\n");
  Dataset data = text_samples({{"aab", ""}, {"", ""}, {"b", ""}});
  tokenize({.column = "text",
            .tokenizer = load_tokenizer(folder.path()),
            .folder = folder.path(),
            .max_length = 8,
            .vocabulary = 4},
           {&data});
  const Texts& texts = texts_of(data);
  EXPECT_EQ(texts[0].tokens, (std::vector<std::int64_t>{0, 2}));
  EXPECT_EQ(texts[1].tokens, (std::vector<std::int64_t>{3}));
  EXPECT_EQ(texts[2].tokens, (std::vector<std::int64_t>{1}));
  EXPECT_EQ(texts.pad_id, 3);
}

TEST(TextBatch, IsAsLongAsItsLongestTextAndSaysWhatIsPadding) {
  auto texts =
      std::make_shared<Texts>(std::vector<Text>{{"a", "", {5, 6}}, {"b", "", {7, 8, 9}}, {"c", "", {4, 3}}});
  texts->pad_id = 1;
  Dataset data;
  data.inputs = texts;
  data.samples = {{.id = 10}, {.id = 11}, {.id = 12}};
  const Batch mixed = make_batch(data, {0, 1});
  EXPECT_EQ(mixed.size(), 2);
  EXPECT_EQ(mixed.x.values.to_vector(), (std::vector<double>{5, 6, 1, 7, 8, 9}));
  EXPECT_EQ(mixed.x.padding.mask.to_vector(), (std::vector<double>{1, 1, 0, 1, 1, 1}));
  EXPECT_EQ(mixed.x.padding.tokens.to_vector(), (std::vector<double>{0, 1, 3, 4, 5}));
  EXPECT_EQ(mixed.x.padding.rows.to_vector(), (std::vector<double>{0, 1, 0, 2, 3, 4}));
  EXPECT_EQ(mixed.ids.to_vector(), (std::vector<double>{10, 11}));
  const Batch even = make_batch(data, {2, 0});
  EXPECT_EQ(even.x.values.to_vector(), (std::vector<double>{4, 3, 5, 6}));
  EXPECT_FALSE(even.x.padding.mask.defined());
  EXPECT_EQ(meta_batch(data, 2).x.values.shape(), (Shape{2, 3})) << "the mean of 3 and 2, rounded";
  EXPECT_EQ(meta_batch(data, 2).x.padding.tokens.shape(), Shape{5}) << "7 tokens in 3 texts are 4.7 in 2";
}

}  // namespace
}  // namespace thaw::test
