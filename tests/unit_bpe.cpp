// Steps of a tokenizer by hand: merges that wait for what is gone, added tokens that stand alone.
#include <gtest/gtest.h>

#include "finetune/preprocess/tokenizer/added_tokens.h"
#include "finetune/preprocess/tokenizer/bpe.h"

namespace thaw::test {
namespace {

// "b c" comes first and leaves "a bc", which merges too, though not to the "ab" that waited.
TEST(Merges, ThatWaitedForWhatIsGoneAreVoid) {
  Vocabulary vocabulary("here");
  std::int64_t id = 0;
  for (const char* token : {"a", "b", "c", "ab", "bc", "abc"}) vocabulary.add(token, id++);
  Bpe::Options options;
  options.byte_level = false;
  const Bpe bpe(vocabulary, {{"b", "c"}, {"a", "b"}, {"a", "bc"}}, options);
  std::vector<std::int64_t> ids;
  bpe.append_ids("abc", ids);
  EXPECT_EQ(ids, std::vector<std::int64_t>{5});
  ids.clear();
  bpe.append_ids("abab", ids);
  EXPECT_EQ(ids, (std::vector<std::int64_t>{3, 3}));
}

TEST(SingleWords, AreFoundWhereTheyStandAlone) {
  AddedToken cat;
  cat.content = "cat";
  cat.id = 9;
  cat.single_word = true;
  const AddedTokens tokens({cat});
  std::vector<std::string> parts;
  tokens.cut("concat cat, cats (cat)", [&](std::string_view part, std::int64_t id) {
    parts.push_back(id < 0 ? std::string(part) : "<" + std::string(part) + ">");
    return true;
  });
  EXPECT_EQ(parts, (std::vector<std::string>{"concat ", "<cat>", ", cats (", "<cat>", ")"}));
}

}  // namespace
}  // namespace thaw::test
