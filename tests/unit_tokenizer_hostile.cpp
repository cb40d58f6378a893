// Tokenizer files that are damaged, hostile or of a kind that is not in this version: one clear message each.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "tests/support/messages.h"
#include "tests/support/tokenizer_files.h"

namespace thaw::test {
namespace {

using nlohmann::json;

class Hostile : public TokenizerFiles {
 protected:
  // The message that a golden tokenizer ends in once `change` was made to it: one line, which names the file.
  void expect_refused(const std::string& name, const std::function<void(json&)>& change,
                      const std::string& part) {
    json tokenizer = golden()[name]["tokenizer"];
    change(tokenizer);
    expect_refused_text(tokenizer.dump(), part);
  }

  void expect_refused_text(const std::string& text, const std::string& part) {
    write("tokenizer.json", text);
    const std::string message = message_of<InputError>([&] { load(); });
    expect_has(message, part);
    expect_has(message, "tokenizer.json");
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
};

TEST_F(Hostile, TextThatIsNoStrictJson) {
  expect_refused_text("", "no JSON that thaw reads");
  expect_refused_text("{\"model\": ", "no JSON that thaw reads");
  expect_refused_text("[]", "a JSON object is expected");
  expect_refused_text("{\"version\": \"1.0\"}", "a JSON object is expected");
  expect_refused_text(R"({"model": {"vocab": {"a": 1, "a": 2}}})", "stands twice");
  expect_refused_text(R"({"model": {"vocab": {")"
                      "\xFF"
                      R"(": 1}}})",
                      "no JSON that thaw reads");
  expect_refused_text(std::string(100, '[') + std::string(100, ']'), "nested deeper than 64");
  std::string nested = R"({"type": "NFC"})";
  for (int i = 0; i < 40; ++i) nested = R"({"type": "Sequence", "normalizers": [)" + nested + "]}";
  expect_refused_text(R"({"normalizer": )" + nested + "}", "nested deeper than 64");
}

TEST_F(Hostile, ComponentsThatAreNotInThisVersion) {
  const auto set = [](const char* part, const char* type) {
    return [=](json& tokenizer) { tokenizer[part] = {{"type", type}}; };
  };
  expect_refused("bert", set("normalizer", "ByteLevel"), "'ByteLevel' is not in this version");
  expect_refused("bert", set("pre_tokenizer", "UnicodeScripts"), "'UnicodeScripts' is not in this version");
  expect_refused("bert", set("model", "WordLevel"), "'WordLevel' is not in this version");
  expect_refused("bert", set("post_processor", "Other"), "'Other' is not in this version");
  expect_refused(
      "bert", [](json& t) { t["version"] = "2.0"; }, "version '2.0'");
  expect_refused(
      "bert", [](json& t) { t["normalizer"] = 3; }, "normalizer");
  expect_refused(
      "bert", [](json& t) { t["normalizer"].erase("lowercase"); }, "'lowercase' is missing");
  expect_refused(
      "bert", [](json& t) { t["normalizer"]["lowercase"] = "yes"; }, "wrong type");
  expect_refused(
      "bert", [](json& t) { t["model"]["max_input_chars_per_word"] = -1; },
      "'max_input_chars_per_word' is -1");
  expect_refused(
      "roberta", [](json& t) { t["model"]["dropout"] = 0.1; }, "'dropout'");
  expect_refused(
      "letters", [](json& t) { t["model"]["byte_fallback"] = true; }, "needs a token for each byte");
  expect_refused(
      "roberta", [](json& t) { t["model"]["end_of_word_suffix"] = "</w>"; }, "'end_of_word_suffix'");
  expect_refused(
      "bert",
      [](json& t) {
        t["pre_tokenizer"] = {{"type", "ByteLevel"}, {"add_prefix_space", true}};
      },
      "it goes with BPE");
  const json level = {{"type", "ByteLevel"}, {"add_prefix_space", true}};
  const json behind = {{"type", "Sequence"}, {"pretokenizers", {level, {{"type", "BertPreTokenizer"}}}}};
  expect_refused(
      "roberta", [&](json& t) { t["pre_tokenizer"] = behind; }, "behind ByteLevel");
}

TEST_F(Hostile, Vocabularies) {
  const auto with_id = [](const json& id) {
    return [=](json& tokenizer) { tokenizer["model"]["vocab"]["extra"] = id; };
  };
  expect_refused("bert", with_id(-1), "has the id -1");
  expect_refused("bert", with_id(std::int64_t{1} << 31), "has the id 2147483648");
  expect_refused("bert", with_id(~std::uint64_t{0}), "has the id");
  expect_refused("bert", with_id(1.5), "no whole number");
  expect_refused("bert", with_id("7"), "no whole number");
  expect_refused("bert", with_id(7), "have the same id 7");
  expect_refused(
      "bert", [](json& t) { t["model"]["vocab"] = json::array(); }, "'vocab' is no JSON object");
  expect_refused(
      "bert", [](json& t) { t["model"].erase("vocab"); }, "'vocab' is no JSON object");
  expect_refused(
      "bert", [](json& t) { t["model"]["unk_token"] = "[none]"; }, "'[none]' is not in the vocabulary");
}

TEST_F(Hostile, ScoredVocabularies) {
  const auto change = [](const std::function<void(json&)>& to) {
    return [=](json& tokenizer) { to(tokenizer["model"]); };
  };
  expect_refused("unigram", change([](json& m) { m["vocab"] = json::object(); }), "'vocab' is no JSON array");
  expect_refused("unigram", change([](json& m) { m["vocab"] = json::array(); }), "unk_id 3 is none of the");
  expect_refused("unigram", change([](json& m) { m["unk_id"] = -1; }), "unk_id -1 is none of the");
  expect_refused("unigram", change([](json& m) { m["unk_id"] = m["vocab"].size(); }), "is none of the");
  expect_refused("unigram", change([](json& m) { m["unk_id"] = "3"; }), "'unk_id' has a value of the wrong");
  expect_refused("unigram", change([](json& m) { m["unk_id"] = nullptr; }), "without 'unk_id'");
  for (const json& row : {json("a"), json::array({"a"}), json::array({"a", "b"}), json::array({1, 2.0}),
                          json::array({"a", nullptr})})
    expect_refused("unigram", change([&](json& m) { m["vocab"].push_back(row); }), "is no pair of a text");
  expect_refused("unigram", change([](json& m) { m["vocab"].push_back(m["vocab"][9]); }), "stands twice");
  // From every byte of a text on a token of 200,000 would be compared.
  const auto add = [](std::size_t bytes) {
    return [=](json& m) { m["vocab"].push_back({std::string(bytes, 'a'), -1.5}); };
  };
  expect_refused("unigram", change(add(200'000)), "has 200000 bytes");
  json longest = golden()["unigram"]["tokenizer"];
  longest["added_tokens"] = json::array();  // whose ids are behind the vocabulary's
  const std::size_t others = load(longest)->encode("").ids.size();
  add(1024)(longest["model"]);
  EXPECT_EQ(load(longest)->encode(std::string(1024, 'a')).ids.size(), others + 2);
  expect_refused(
      "unigram",
      [](json& t) {
        t["pre_tokenizer"] = {{"type", "ByteLevel"}, {"add_prefix_space", true}};
      },
      "with a Unigram model is not in this version");
  json tokenizer = golden()["unigram"]["tokenizer"];
  tokenizer["model"]["vocab"].push_back({"infinite", 1.5});
  std::string text = tokenizer.dump();
  expect_refused_text(text.replace(text.find("\"infinite\",1.5") + 11, 3, "1e999"),
                      "no JSON that thaw reads");
}

// The table of Precompiled: its trie must stay within itself and lead to replacements.
TEST_F(Hostile, TablesOfReplacements) {
  const auto with = [](const std::string& base64) {
    return [=](json& tokenizer) {
      tokenizer["normalizer"] = {{"type", "Precompiled"}, {"precompiled_charsmap", base64}};
    };
  };
  // A trie of 256 units, the first of which is `first`, in hexadecimal, and the others 0; then the text
  // "x\0".
  const auto table = [](const std::string& first, const std::string& text = "7800") {
    const std::string bytes = "00040000" + first + std::string(2040, '0') + text;
    std::string base64;
    for (std::size_t at = 0; at < bytes.size(); at += 6) {
      const std::string three = bytes.substr(at, 6);
      const auto bits = std::stoul(three + std::string(6 - three.size(), '0'), nullptr, 16);
      for (int shift = 18; shift >= 0; shift -= 6)
        base64 += "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[bits >> shift & 63];
      for (std::size_t missing = three.size(), place = base64.size(); missing < 6; missing += 2)
        base64[--place] = '=';
    }
    return base64;
  };
  expect_refused("unigram", with("AAA"), "is not base64");
  expect_refused("unigram", with("A===="), "is not base64");
  expect_refused("unigram", with("AA=A"), "is not base64");
  expect_refused("unigram", with("AAB="), "is not base64");  // bits that no byte has
  expect_refused("unigram", with("A\n=="), "is not base64");
  expect_refused("unigram", with(""), "the table breaks off");
  expect_refused("unigram", with("AAAA"), "the table breaks off");
  expect_refused("unigram", with("/////w=="), "the table breaks off");
  expect_refused("unigram", with("AAAAAA=="), "the table has no trie");
  expect_refused("unigram", with("BAAAAAAAAAA="), "leads outside of itself at 0");
  expect_refused("unigram", with(table("00040400")), "leads outside of itself at 0");  // by 257
  expect_refused("unigram", with(table("00ffffff")), "leads outside of itself at 0");
  expect_refused("unigram", with(table("00000000", "ff00")), "are not UTF-8");
  expect_refused("unigram", with(table("00010000", "c3a9")), "where no replacement begins");  // at 256
  json tokenizer = golden()["unigram"]["tokenizer"];
  with(table("00000000"))(tokenizer);
  EXPECT_FALSE(load(tokenizer)->encode("a").ids.empty());
  expect_refused(
      "unigram",
      [](json& t) {
        t["normalizer"] = {{"type", "Precompiled"}};
      },
      "'precompiled_charsmap' is missing");
}

TEST_F(Hostile, Patterns) {
  const auto replace = [](const json& pattern) {
    return [=](json& tokenizer) {
      tokenizer["normalizer"] = {{"type", "Replace"}, {"pattern", pattern}, {"content", "x"}};
    };
  };
  for (const char* regex : {"(a+)+b", "a*", "[a-z]+", "\\d+", "a|b", "\\s+?", "\\s++", " {2,1}", " {0,2}",
                            " {,2}", " {100000}", " {2", "", "\\", "+", "(?i:'s)", "\\p{L", ".", "^a"})
    expect_refused("unigram", replace({{"Regex", regex}}), "is not in this version");
  expect_refused("unigram", replace({{"String", ""}}), "the pattern is empty");
  expect_refused("unigram", replace({{"Other", "a"}}), "'String' is missing");
  expect_refused("unigram", replace("a"), "normalizer");
  const auto pre_tokenizer = [](const json& parts) {
    return [=](json& tokenizer) { tokenizer["pre_tokenizer"] = parts; };
  };
  expect_refused("unigram", pre_tokenizer({{"type", "Punctuation"}, {"behavior", "Dropped"}}),
                 "'Dropped' is none of Removed");
  for (const char* mark : {"", "ab"})
    expect_refused("unigram", pre_tokenizer({{"type", "Metaspace"}, {"replacement", mark}}),
                   "is not one character");
  json metaspace = {{"type", "Metaspace"}, {"replacement", "_"}, {"prepend_scheme", "last"}};
  expect_refused("unigram", pre_tokenizer(metaspace), "'last' is none of always");
  metaspace["prepend_scheme"] = "first";
  metaspace["add_prefix_space"] = false;
  expect_refused("unigram", pre_tokenizer(metaspace), "'prepend_scheme' is not 'never'");
  metaspace.erase("add_prefix_space");
  expect_refused(
      "unigram",
      [&](json& t) {
        t["normalizer"] = {{"type", "Strip"}, {"strip_left", true}, {"strip_right", true}};
        t["pre_tokenizer"] = metaspace;
      },
      "may drop the front of a text");
  const json behind = {{"type", "Sequence"}, {"pretokenizers", {{{"type", "WhitespaceSplit"}}, metaspace}}};
  expect_refused("unigram", pre_tokenizer(behind), "'first' behind another pre-tokenizer");
}

TEST_F(Hostile, Merges) {
  const auto add = [](const json& merge) {
    return [=](json& tokenizer) { tokenizer["model"]["merges"].push_back(merge); };
  };
  expect_refused("roberta", add("a"), "no pair of tokens");
  expect_refused("roberta", add("a b c"), "no pair of tokens");
  expect_refused("roberta", add(json::array({"a"})), "no pair of tokens");
  expect_refused("roberta", add(json::array({"a", 1})), "no pair of tokens");
  expect_refused("roberta", add(7), "no pair of tokens");
  expect_refused("roberta", add(json::array({"nowhere", "a"})), "needs the token 'nowhere'");
  expect_refused("roberta", add("z q"), "needs the token 'zq'");
  expect_refused(
      "roberta", [](json& t) { t["model"]["merges"] = "a b"; }, "'merges' is no JSON array");
}

TEST_F(Hostile, AddedTokens) {
  const auto add = [](const std::string& content, std::int64_t id, bool normalized) {
    return [=](json& tokenizer) {
      tokenizer["added_tokens"].push_back({{"id", id},
                                           {"content", content},
                                           {"single_word", false},
                                           {"lstrip", false},
                                           {"rstrip", false},
                                           {"normalized", normalized},
                                           {"special", false}});
    };
  };
  const std::int64_t next = golden()["bert"]["vocab_size"];
  expect_refused("bert", add("fresh", 3, false), "is declared with the id 3 but gets");
  expect_refused("bert", add("the", next, false), "is declared with the id");
  expect_refused("bert", add("fresh", -1, false), "is declared with the id -1");
  const auto both = [&](json& tokenizer) {
    add("Fresh", next, true)(tokenizer);
    add("FRESH", next + 1, true)(tokenizer);
  };
  expect_refused("bert", both, "another one's equal");
  expect_refused(
      "bert", [](json& t) { t["added_tokens"][0].erase("lstrip"); }, "'lstrip' is missing");
  expect_refused(
      "bert", [](json& t) { t["added_tokens"] = 3; }, "'added_tokens' has a value of the wrong type");
}

TEST_F(Hostile, Templates) {
  const auto change = [](const std::function<void(json&)>& to) {
    return [=](json& tokenizer) { to(tokenizer["post_processor"]); };
  };
  const json second = {{"Sequence", {{"id", "B"}, {"type_id", 0}}}};
  expect_refused("bert", change([&](json& p) { p["single"].push_back(second); }), "no sequence 'B' here");
  expect_refused("bert", change([](json& p) { p["special_tokens"].erase("[CLS]"); }), "'[CLS]' is missing");
  expect_refused("bert", change([](json& p) { p["special_tokens"]["[CLS]"]["ids"] = {1 << 20}; }),
                 "is not in the vocabulary");
  expect_refused("bert", change([](json& p) { p["special_tokens"]["[CLS]"]["ids"] = {-5}; }),
                 "is not in the vocabulary");
  expect_refused("bert", change([](json& p) { p["single"][0] = 3; }), "'SpecialToken' is missing");
  expect_refused("bert", change([](json& p) { p.erase("pair"); }), "'pair' is missing");
  expect_refused("roberta", change([](json& p) {
                   p["sep"] = {"</s>", 1 << 20};
                 }),
                 "is not in the vocabulary");
  expect_refused("roberta", change([](json& p) { p["sep"] = "</s>"; }),
                 "'sep' has a value of the wrong type");
}

TEST_F(Hostile, Folders) {
  expect_worded(message_of<InputError>([&] { load(); }));
  write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n");
  expect_worded(message_of<InputError>([&] { load(); }));
  write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\nx\n");
  EXPECT_EQ(load()->encode("x y").ids, (std::vector<std::int64_t>{2, 4, 1, 3}));
  write("added_tokens.json", R"({"fresh": 6})");
  expect_worded(message_of<InputError>([&] { load(); }));
  write("added_tokens.json", R"({"fresh": 5, "other": 5})");
  expect_worded(message_of<InputError>([&] { load(); }));
  write("added_tokens.json", R"({"fresh": "5"})");
  expect_worded(message_of<InputError>([&] { load(); }));
  write("added_tokens.json", "[]");
  expect_worded(message_of<InputError>([&] { load(); }));
  remove("added_tokens.json");
  write("tokenizer_config.json", R"({"added_tokens_decoder": {"5x": {"content": "fresh"}}})");
  expect_worded(message_of<InputError>([&] { load(); }));
  write("tokenizer_config.json", R"({"do_lower_case": "maybe"})");
  expect_worded(message_of<InputError>([&] { load(); }));
  remove("vocab.txt");
  remove("tokenizer_config.json");
  write("vocab.json", R"({"a": 0, "b": 1})");
  write("merges.txt", "#version: 0.2\na b\n");
  expect_worded(message_of<InputError>([&] { load(); }));
  write("merges.txt", "ab\n");
  expect_worded(message_of<InputError>([&] { load(); }));
  write("added_tokens.json", "{}");
  expect_worded(message_of<InputError>([&] { load(); }));
  remove("merges.txt");
  write("sentencepiece.bpe.model", "");
  const std::string message = message_of<InputError>([&] { load(); });
  expect_has(message, "sentencepiece.bpe.model");
  expect_has(message, "AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)");
}

TEST_F(Hostile, AFileLargerThanTheLimit) {
  write("tokenizer.json", "");
  std::filesystem::resize_file(folder_.path("tokenizer.json"), (std::uintmax_t{64} << 20) + 1);
  expect_worded(message_of<InputError>([&] { load(); }));
}

}  // namespace
}  // namespace thaw::test
