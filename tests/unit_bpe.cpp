// Byte pair encoding by hand: a merge that waits is void once one of its two was merged with another.
#include <gtest/gtest.h>

#include "finetune/tokenizer/model.h"

namespace thaw {
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

}  // namespace
}  // namespace thaw
