// A regular expression that a stranger's file may hold, matched in time linear in the name's length.
#pragma once

#include <bitset>
#include <cstddef>
#include <string>
#include <vector>

namespace thaw {

// Python's syntax, of which it has: characters, ".", classes such as [0-5] and \d, groups, "|", the
// repetitions
// "*", "+", "?" and {2,3}, "^" and "$".
class NamePattern {
 public:
  // InputError for anything else, and for a pattern that is too long; `place` is for the message.
  NamePattern(const std::string& pattern, const std::string& place);

  bool matches(const std::string& name) const;  // all of it

  struct Step {
    enum class Kind { character, either, jump, begin, end };
    Kind kind = Kind::character;
    std::bitset<256> characters = {};
    int first = 1, second = 1;  // where it goes on, from here
  };

 private:
  void add(std::size_t at, std::size_t place, std::size_t length, std::vector<bool>& states) const;

  std::vector<Step> steps_;
};

}  // namespace thaw
