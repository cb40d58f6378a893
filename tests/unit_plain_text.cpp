// Text as it is heard.
#include <gtest/gtest.h>

#include "finetune/common/plain_text.h"

namespace thaw::test {
namespace {

TEST(PlainText, SpellingsOfOneCharacterAreOne) {
  EXPECT_EQ(composed("e\u0301"), "\u00e9");
  EXPECT_EQ(composed("\u00e9"), "\u00e9");
  EXPECT_EQ(plain_text("E\u0301"), plain_text("\u00e9"));
}

TEST(PlainText, WhateverWhiteSpaceIsOneSpace) {
  EXPECT_EQ(with_single_spaces(" a\t\n b\u00a0!\u2003c\u2028"), "a b ! c");
  EXPECT_EQ(with_single_spaces("\u3000"), "");
}

TEST(PlainText, IsWordsInLowerCase) {
  EXPECT_EQ(plain_text("  Agent, logged in. "), "agent logged in");
  EXPECT_EQ(plain_text("well-known \u2014 \"A/B\""), "well known a b");
  EXPECT_EQ(plain_text("Don't / don\u2019t"), "dont dont");
  EXPECT_EQ(plain_text("\u00c9\u00c8 2\u00bd \u0416\u043e"), "\u00e9\u00e8 2\u00bd \u0436\u043e");
  EXPECT_EQ(plain_text("x\u0301t"), "x\u0301t");  // marks stay with their letters
  EXPECT_EQ(plain_text("so\u00adft"), "soft");    // a hyphen that nobody sees
  EXPECT_EQ(plain_text("?!..."), "");
  EXPECT_EQ(plain_text(""), "");
}

}  // namespace
}  // namespace thaw::test
