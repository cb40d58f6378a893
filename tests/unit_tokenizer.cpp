// Tokenizers: the ids that PyPI's `tokenizers` gave, from each form of files, and what is not UTF-8.
#include "finetune/preprocess/tokenizer/tokenizer.h"

#include <gtest/gtest.h>

#include <time.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "finetune/common/utf8.h"
#include "finetune/preprocess/tokenizer/added_tokens.h"
#include "nn/io/sha256.h"
#include "tests/support/messages.h"
#include "tests/support/tokenizer_files.h"

namespace thaw::test {
namespace {

using nlohmann::json;
using Golden = TokenizerFiles;
using Ids = std::vector<std::int64_t>;

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

// Returns how many encodings of the case were compared.
int expect_encodings(const Tokenizer& tokenizer, const json& encodings) {
  int count = 0;
  for (const json& row : encodings) {
    const std::string text = from_hex(row[0]);
    const std::int64_t max_length = row[2];
    const Encoding found = row[1].is_null() ? tokenizer.encode(text, max_length)
                                            : tokenizer.encode_pair(text, from_hex(row[1]), max_length);
    EXPECT_EQ(found.ids, row[3].get<Ids>()) << row[0] << " " << row[1] << " " << max_length << ": " << text;
    EXPECT_EQ(found.type_ids, row[4].get<Ids>()) << row[0] << " " << row[1] << " " << max_length;
    ++count;
  }
  return count;
}

TEST_F(Golden, EveryTextHasTheIdsOfHuggingFace) {
  int tokenizers = 0;
  for (const auto& [name, one] : golden().items()) {
    SCOPED_TRACE(name);
    EXPECT_GE(expect_encodings(*load(one["tokenizer"]), one["encodings"]), 75);
    ++tokenizers;
  }
  EXPECT_GE(tokenizers, 18);
}

// Tokens that stand for bytes give their text back, special tokens none.
TEST_F(Golden, IdsOfBytesAreTextAgain) {
  const auto tokenizer = load(golden()["roberta"]["tokenizer"]);
  for (const std::string text : {"a word", " Goedendag, \xC3\xA9\xC3\xA9n", "\xF0\x9F\x90\x9F \t\n 12", ""})
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(text).ids), text);
  // Half of a character.
  const Ids ids = tokenizer->encode("\xF0\x9F\x90\x9F").ids;
  EXPECT_EQ(tokenizer->decode({ids.begin(), ids.end() - 2}), "\xEF\xBF\xBD");
  EXPECT_EQ(tokenizer->decode({-1, 1 << 30}), "");
}

// What was added for a language is text, what marks a time or a place in the text is none.
TEST_F(Golden, AddedWordsAreTextAgain) {
  json tokenizer = golden()["roberta"]["tokenizer"];
  std::int64_t id = load(tokenizer)->vocab_size();
  for (const char* content : {"goeiedag", "<|0.02|>"})
    tokenizer["added_tokens"].push_back({{"id", id++},
                                         {"content", content},
                                         {"single_word", false},
                                         {"lstrip", false},
                                         {"rstrip", false},
                                         {"normalized", false},
                                         {"special", false}});
  EXPECT_EQ(load(tokenizer)->decode({id - 1, id - 2, id - 1}), "goeiedag");
}

// In the planes that have characters; check_tokenizers.py tries the others too.
TEST_F(Golden, EveryScalarValueHasTheIdsOfHuggingFace) {
  for (const auto& [name, one] : golden().items()) {
    if (!one.contains("scalars")) continue;
    const auto tokenizer = load(one["tokenizer"]);
    for (const char32_t plane : {0, 1, 2, 3, 14, 15}) {
      Sha256 hash;
      for (char32_t c = plane << 16; c < (plane + 1) << 16; ++c) {
        if (c >= 0xD800 && c < 0xE000) continue;
        std::string text = "a";
        append_scalar(c, text);
        const Ids ids = tokenizer->encode(text + "b").ids;
        std::vector<std::int32_t> numbers{static_cast<std::int32_t>(ids.size())};
        for (const std::int64_t id : ids) numbers.push_back(static_cast<std::int32_t>(id));
        hash.update(numbers.data(), numbers.size() * sizeof numbers[0]);
      }
      EXPECT_EQ(hash.hex(), one["scalars"][plane].get<std::string>())
          << name << ", plane " << static_cast<int>(plane);
    }
  }
}

// The classes of transformers go by the one, `tokenizers` by the other.
TEST_F(Golden, FilesThatContradictEachOtherAreRefused) {
  const auto refused = [&](const std::string& config, const char* key) {
    write("tokenizer_config.json", config);
    const std::string message = message_of<InputError>([&] { load(); });
    expect_has(message, key);
    expect_has(message, "tokenizer.json does the contrary");
  };
  load(golden()["bert"]["tokenizer"]);
  refused(R"({"do_lower_case": false})", "'do_lower_case' is false");
  refused(R"({"strip_accents": false, "tokenizer_class": "BertTokenizer"})", "'strip_accents' is false");
  refused(R"({"tokenize_chinese_chars": false})", "'tokenize_chinese_chars' is false");
  for (const char* agrees :
       {R"({"do_lower_case": true, "strip_accents": true, "tokenize_chinese_chars": true})",
        R"({"do_lower_case": false, "tokenizer_class": "PreTrainedTokenizerFast"})",
        R"({"add_prefix_space": true})"}) {
    write("tokenizer_config.json", agrees);
    expect_encodings(*load(), golden()["bert"]["encodings"]);
  }
  write("tokenizer_config.json", "{}");
  load(golden()["roberta"]["tokenizer"]);
  refused(R"({"add_prefix_space": true})", "'add_prefix_space' is true");
  write("tokenizer_config.json", "{}");
  load(golden()["unigram"]["tokenizer"]);
  refused(R"({"add_prefix_space": false})", "'add_prefix_space' is false");
  refused(R"({"do_lower_case": true, "tokenizer_class": "AlbertTokenizer"})", "'do_lower_case' is true");
}

// As paraphrase-multilingual-MiniLM has them: they are options of BERT's normalizer, which it does not have.
TEST_F(Golden, OptionsOfBertBesideAnotherNormalizerAreNoContradiction) {
  load(golden()["unigram"]["tokenizer"]);
  for (const char* name : {"BertTokenizerFast", "XLMRobertaTokenizer"}) {
    write(
        "tokenizer_config.json",
        R"({"do_lower_case": true, "tokenize_chinese_chars": true, "strip_accents": null, "model_max_length": 512,)"
        R"( "add_prefix_space": true, "tokenizer_class": ")" +
            std::string(name) + "\"}");
    const auto tokenizer = load();
    expect_encodings(*tokenizer, golden()["unigram"]["encodings"]);
    EXPECT_EQ(tokenizer->max_length(), 512);
    EXPECT_EQ(tokenizer->pad_id(), 1);
    EXPECT_EQ(tokenizer->unknown_id(), 3);
  }
}

// Of equal ways to cut a piece the one counts that is found first, and a token that stands for the unknown
// joins unknown characters beside it.
TEST_F(Golden, TiesAndUnknownPartsOfUnigram) {
  json tokenizer = golden()["unigram"]["tokenizer"];
  tokenizer["normalizer"] = tokenizer["pre_tokenizer"] = tokenizer["post_processor"] = nullptr;
  tokenizer["added_tokens"] = json::array();
  tokenizer["model"]["unk_id"] = 0;
  tokenizer["model"]["vocab"] =
      json::parse(R"([["<unk>", 0], ["a", -1], ["b", -1], ["ab", -2], ["bc", -2], ["c", -1], ["yy", -9]])");
  const auto loaded = load(tokenizer);
  EXPECT_EQ(loaded->encode("ab").ids, Ids{3}) << "found before a, b";
  EXPECT_EQ(loaded->encode("abc").ids, (Ids{1, 4})) << "found before ab, c";
  EXPECT_EQ(loaded->encode("axya").ids, (Ids{1, 0, 1}));
  EXPECT_EQ(loaded->encode("x<unk>ya").ids, (Ids{0, 1}));
  EXPECT_EQ(loaded->encode("xyyx").ids, (Ids{0, 6, 0}));
  EXPECT_EQ(loaded->vocab_size(), 7);
}

// vocab.txt and tokenizer_config.json in the place of tokenizer.json.
TEST_F(Golden, OlderFilesOfBertGiveTheSame) {
  const json& bert = golden()["bert"];
  std::vector<std::string> tokens(bert["vocab_size"].get<std::size_t>());
  for (const auto& [token, id] : bert["tokenizer"]["model"]["vocab"].items())
    tokens[id.get<std::size_t>()] = token;
  std::string lines;
  for (const std::string& token : tokens) lines += token + "\n";
  write("vocab.txt", lines);
  expect_encodings(*load(), bert["encodings"]);
  write("tokenizer_config.json",
        R"({"do_lower_case": true, "strip_accents": null, "model_max_length": 512})");
  const auto tokenizer = load();
  expect_encodings(*tokenizer, bert["encodings"]);
  EXPECT_EQ(tokenizer->max_length(), 512);
  EXPECT_EQ(tokenizer->files(), (std::vector<std::string>{"tokenizer_config.json", "vocab.txt"}));

  const std::int64_t next = bert["vocab_size"];
  write("added_tokens.json", json{{"New York", next}, {"<new>", next + 1}}.dump());
  write("special_tokens_map.json", R"({"mask_token": "<new>"})");
  EXPECT_EQ(load()->encode("new york<NEW><new>").ids.at(1), next);
  EXPECT_EQ(load()->encode("<NEW><new>").ids.at(load()->encode("<NEW>").ids.size() - 1), next + 1);
  EXPECT_EQ(load()->vocab_size(), next + 2);
  EXPECT_EQ(load()->files().back(), "added_tokens.json");
  remove("added_tokens.json");
  remove("special_tokens_map.json");

  write("tokenizer_config.json", R"({"do_lower_case": false})");
  EXPECT_NE(load()->encode("The").ids, tokenizer->encode("The").ids);
  write("tokenizer_config.json", R"({"tokenizer_class": "DistilBertTokenizerFast"})");
  expect_encodings(*load(), bert["encodings"]);
  write("tokenizer_config.json", R"({"tokenizer_class": "BertJapaneseTokenizer"})");
  EXPECT_THROW(load(), InputError);
}

// vocab.json and merges.txt in the place of tokenizer.json.
TEST_F(Golden, OlderFilesOfRobertaGiveTheSame) {
  const json& roberta = golden()["roberta"];
  const json& model = roberta["tokenizer"]["model"];
  write("vocab.json", model["vocab"].dump());
  std::string lines = "#version: 0.2\n";
  for (const json& merge : model["merges"])
    lines += merge[0].get<std::string>() + " " + merge[1].get<std::string>() + "\n";
  write("merges.txt", lines);
  write("special_tokens_map.json",
        R"({"mask_token": {"content": "<mask>", "lstrip": true}, "pad_token": "<pad>"})");
  const auto tokenizer = load();
  expect_encodings(*tokenizer, roberta["encodings"]);
  EXPECT_EQ(tokenizer->pad_id(), 1);
  EXPECT_EQ(tokenizer->vocab_size(), roberta["vocab_size"]);

  write("tokenizer_config.json", R"({"tokenizer_class": "GPT2Tokenizer"})");
  EXPECT_EQ(load()->encode("").ids, Ids{});
  EXPECT_EQ(tokenizer->encode("").ids, (Ids{0, 2}));
}

TEST_F(Golden, MergesMayBeWrittenAsText) {
  json tokenizer = golden()["roberta"]["tokenizer"];
  for (json& merge : tokenizer["model"]["merges"])
    merge = merge[0].get<std::string>() + " " + merge[1].get<std::string>();
  tokenizer["model"].erase("type");  // so are GPT-2's own files
  expect_encodings(*load(tokenizer), golden()["roberta"]["encodings"]);
}

TEST_F(Golden, SaysWhatTheFolderDeclares) {
  json tokenizer = golden()["bert"]["tokenizer"];
  EXPECT_EQ(load(tokenizer)->max_length(), std::nullopt);
  EXPECT_EQ(load(tokenizer)->pad_id(), 0);
  EXPECT_EQ(load(tokenizer)->vocab_size(), golden()["bert"]["vocab_size"]);
  EXPECT_EQ(load(tokenizer)->files(), std::vector<std::string>{"tokenizer.json"});
  tokenizer["padding"] = {{"pad_id", 7}};
  EXPECT_EQ(load(tokenizer)->pad_id(), 7);
  write("tokenizer_config.json",
        R"({"pad_token": "[MASK]", "model_max_length": 1000000000000000019884624838656})");
  EXPECT_EQ(load()->pad_id(), tokenizer["model"]["vocab"]["[MASK]"]);
  EXPECT_EQ(load()->max_length(), std::nullopt);
  tokenizer["truncation"] = {{"max_length", 9}, {"strategy", "LongestFirst"}, {"stride", 0}};
  EXPECT_EQ(load(tokenizer)->max_length(), 9);
  write("tokenizer_config.json", R"({"pad_token": "[MASK]", "model_max_length": 7})");
  EXPECT_EQ(load(tokenizer)->max_length(), 7) << "as transformers does";
}

TEST_F(Golden, ATextIsCutToTheMaximalLength) {
  const auto tokenizer = load(golden()["bert"]["tokenizer"]);
  const std::string text = "the quick brown fox jumps over the lazy dog";
  const Ids all = tokenizer->encode(text).ids;
  for (std::int64_t length = 2; length < static_cast<std::int64_t>(all.size()) + 3; ++length) {
    Ids expected = all;
    if (length < static_cast<std::int64_t>(all.size()))
      expected.erase(expected.begin() + length - 1, expected.end() - 1);  // [SEP] stays
    EXPECT_EQ(tokenizer->encode(text, length).ids, expected) << length;
  }
  expect_worded(message_of<InputError>([&] { tokenizer->encode(text, 1); }));
  expect_worded(message_of<InputError>([&] { tokenizer->encode_pair(text, text, 2); }));
  expect_worded(message_of<InputError>([&] { tokenizer->encode(text, -1); }));
}

TEST_F(Golden, ManyThreadsMayUseOne) {
  const json& smollm = golden()["smollm"];
  const auto tokenizer = load(smollm["tokenizer"]);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] { expect_encodings(*tokenizer, smollm["encodings"]); });
  for (std::thread& thread : threads) thread.join();
}

// As tokenizers 0.23 cuts, but the last text, at which it panics.
TEST(AddedTokens, WhiteSpaceThatATokenTookIsNoTokenOfItsOwn) {
  using Parts = std::vector<std::pair<std::string, std::int64_t>>;
  const auto cut = [](const std::vector<AddedToken>& tokens, std::string_view text) {
    Parts parts;
    AddedTokens(tokens).cut(text, [&](std::string_view part, std::int64_t id) {
      parts.emplace_back(part, id);
      return true;
    });
    return parts;
  };
  const AddedToken space{" ", 7, false, true, true}, mask{"<m>", 8, false, false, true},
      line{"\n", 9, false, true, false};
  EXPECT_EQ(cut({space}, "a   b"), (Parts{{"a", -1}, {"   ", 7}, {"b", -1}}));
  EXPECT_EQ(cut({mask, line}, "a <m>\nb"), (Parts{{"a ", -1}, {"<m>\n", 8}, {"b", -1}}));
  EXPECT_EQ(cut({mask, line}, "a <m> \n\nb"), (Parts{{"a ", -1}, {"<m> \n\n", 8}, {"b", -1}}));
}

TEST(Utf8, EachMaximalInvalidPartIsReplaced) {
  const std::string mark = "\xEF\xBF\xBD";
  EXPECT_EQ(replace_invalid_utf8("a\xC3\xA9\xE4\xBD\xA0\xF0\x9F\x98\x80"),
            "a\xC3\xA9\xE4\xBD\xA0\xF0\x9F\x98\x80");
  EXPECT_EQ(replace_invalid_utf8("\xFFz"), mark + "z");
  EXPECT_EQ(replace_invalid_utf8("\xE4\xBD"), mark);             // breaks off at the end
  EXPECT_EQ(replace_invalid_utf8("\xF0\x9F\x98z"), mark + "z");  // breaks off at a letter
  EXPECT_EQ(replace_invalid_utf8("\xED\xA0\x80"),
            mark + mark + mark);  // a surrogate: no byte of it begins a sequence
  EXPECT_EQ(replace_invalid_utf8("\xE0\x80\x80"), mark + mark + mark);  // overlong
  // The Unicode Standard 15, table 3-8.
  EXPECT_EQ(replace_invalid_utf8("\x61\xF1\x80\x80\xE1\x80\xC2\x62\x80\x63\x80\xBF\x64"),
            "a" + mark + mark + mark + "b" + mark + "c" + mark + mark + "d");
}

// Of this thread alone, so that what else the machine does hardly counts.
double processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double seconds_to_encode(const Tokenizer& tokenizer, const std::string& text) {
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < 3; ++i) {
    const double start = processor_seconds();
    EXPECT_LE(tokenizer.encode(text, 16).ids.size(), 16u);
    least = std::min(least, processor_seconds() - start);
  }
  return least;
}

std::string repeated(const std::string& part, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += part;
  return text;
}

// A text of 16 times the length takes some 16 times as long; were the work quadratic, 256 times.
TEST_F(Golden, TheWorkGrowsAsTheTextHoweverStrangeItIs) {
  constexpr int kTimes = 1 << 15;
  for (const char* name : {"bert", "roberta", "letters", "nfkc", "unigram", "unigram_bytes"}) {
    const auto tokenizer = load(golden()[name]["tokenizer"]);
    for (const char* part : {"a", " ", "\xFF", "\xCC\x80\xCC\xA3", "'"}) {
      const double brief = seconds_to_encode(*tokenizer, "a" + repeated(part, kTimes));
      const double lengthy = seconds_to_encode(*tokenizer, "a" + repeated(part, 16 * kTimes));
      EXPECT_LT(lengthy, 64 * brief) << name << ", " << ::testing::PrintToString(part);
    }
  }
}

}  // namespace
}  // namespace thaw::test
