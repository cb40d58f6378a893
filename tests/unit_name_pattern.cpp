// Patterns of names, against what Python's re.fullmatch says of them.
#include <gtest/gtest.h>

#include <string>

#include "core/error.h"
#include "finetune/common/name_pattern.h"
#include "tests/support/messages.h"

namespace thaw::test {
namespace {

bool matches(const std::string& pattern, const std::string& name) {
  return NamePattern(pattern, "here").matches(name);
}

TEST(NamePatterns, MatchWholeNames) {
  EXPECT_TRUE(matches("query", "query"));
  EXPECT_FALSE(matches("query", "querys"));
  EXPECT_FALSE(matches("query", "a.query"));
  EXPECT_TRUE(matches("", ""));
  EXPECT_FALSE(matches("", "a"));
  EXPECT_TRUE(matches("a.c", "abc")) << "a dot is any character";
  EXPECT_FALSE(matches("a\\.c", "abc"));
  EXPECT_TRUE(matches("a|bc", "bc"));
  EXPECT_TRUE(matches("a|b|c", "c"));
  EXPECT_TRUE(matches("(a|b)c", "bc"));
  EXPECT_FALSE(matches("(a|b)c", "a"));
  EXPECT_TRUE(matches("(?:ab)*", "abab"));
  EXPECT_TRUE(matches("(ab)*", ""));
  EXPECT_FALSE(matches("(ab)+", ""));
  EXPECT_TRUE(matches("(ab)+?c?", "abab"));
  EXPECT_TRUE(matches("[0-3x]+", "012x3"));
  EXPECT_FALSE(matches("[^0-3]", "2"));
  EXPECT_TRUE(matches("[]a]", "]"));
  EXPECT_TRUE(matches("[a-]", "-"));
  EXPECT_TRUE(matches("\\d{2,3}", "123"));
  EXPECT_FALSE(matches("\\d{2,3}", "1"));
  EXPECT_TRUE(matches("\\d{2}", "12"));
  EXPECT_TRUE(matches("x{2,}", "xxxx"));
  EXPECT_FALSE(matches("x{2,}", "x"));
  EXPECT_TRUE(matches("\\w+", "q_proj"));
}

// As PEFT puts them together.
TEST(NamePatterns, MatchTheEndOfAModulesName) {
  const std::string name = "bert.encoder.layer.11.attention.self.query";
  const auto ends = [&](const std::string& key) { return matches("(.*\\.)?(" + key + ")$", name); };
  EXPECT_TRUE(ends("query"));
  EXPECT_FALSE(ends("uery"));
  EXPECT_TRUE(ends("self.query"));
  EXPECT_TRUE(ends("layer.1[01].*"));
  EXPECT_FALSE(ends("layer.1.attention.self.query"));
  EXPECT_TRUE(ends("^bert.*"));
  EXPECT_FALSE(ends("^encoder.*"));
  EXPECT_TRUE(ends("key|query"));
}

TEST(NamePatterns, TakeNoLongerThanTheirLength) {
  EXPECT_FALSE(matches("(a*)*b", std::string(5000, 'a')));
  EXPECT_TRUE(matches("(a|a)*", std::string(5000, 'a')));
}

TEST(NamePatterns, WhatIsNotReadIsRefused) {
  for (const char* pattern :
       {"(?=a)", "(?P<x>a)", "\\bquery", "(a)\\1", "a{1000}", "((((a{99}){99}){99}){99})", "(a", "a)", "[a",
        "*a", "a{x}", "a{3,2}", "[z-a]", "a\\"}) {
    SCOPED_TRACE(pattern);
    expect_worded(message_of<InputError>([&] { NamePattern(pattern, "here"); }));
  }
  EXPECT_THROW(NamePattern(std::string(5000, '('), "here"), InputError);
}

}  // namespace
}  // namespace thaw::test
