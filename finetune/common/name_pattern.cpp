// Thompson's construction: a program whose steps are followed side by side, so that no pattern takes longer
// than its length times that of the name.
#include "finetune/common/name_pattern.h"

#include <algorithm>
#include <string_view>

#include "core/error.h"
#include "nn/io/safetensors_header.h"

namespace thaw {
namespace {

using Step = NamePattern::Step;
using Steps = std::vector<Step>;
using Characters = std::bitset<256>;

constexpr std::size_t kMostSteps = 1024;
constexpr int kDeepest = 32;
constexpr int kMostRepeats = 256;

int size_of(const Steps& steps) { return static_cast<int>(steps.size()); }

Step either(int first, int second) { return {Step::Kind::either, {}, first, second}; }
Step jump(int to) { return {Step::Kind::jump, {}, to, to}; }

Characters range(unsigned char first, unsigned char last) {
  Characters characters;
  for (int c = first; c <= last; ++c) characters.set(static_cast<std::size_t>(c));
  return characters;
}

class Parser {
 public:
  Parser(const std::string& pattern, const std::string& place) : pattern_(pattern), place_(place) {}

  Steps parse() {
    Steps steps = alternatives();
    if (!at_end()) refuse("a ')' without its '('");
    return steps;
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    fail_input("the pattern ", quoted_name(pattern_), " has ", what, " (", place_,
               "), which thaw has not; name the layers without it");
  }

  bool at_end() const { return at_ == pattern_.size(); }
  bool next_is(char c) const { return !at_end() && pattern_[at_] == c; }
  bool take(std::string_view text) {
    if (std::string_view(pattern_).substr(at_).substr(0, text.size()) != text) return false;
    at_ += text.size();
    return true;
  }
  char take() {
    if (at_end()) refuse("no end");
    return pattern_[at_++];
  }
  Steps checked(Steps steps) const {
    if (steps.size() > kMostSteps) refuse("too many parts");
    return steps;
  }
  void append(Steps& steps, const Steps& more) const {
    steps.insert(steps.end(), more.begin(), more.end());
    if (steps.size() > kMostSteps) refuse("too many parts");
  }

  Steps alternatives() {
    if (++depth_ > kDeepest) refuse("too many groups in one another");
    Steps steps = sequence();
    while (take("|")) {
      const Steps other = sequence();
      steps.insert(steps.begin(), either(1, size_of(steps) + 2));
      steps.push_back(jump(size_of(other) + 1));
      append(steps, other);
    }
    --depth_;
    return steps;
  }

  Steps sequence() {
    Steps steps;
    while (!at_end() && !next_is('|') && !next_is(')')) append(steps, repeated());
    return steps;
  }

  Steps repeated() {
    Steps part = atom();
    while (!at_end()) {
      if (take("*"))
        part = any_number(part);
      else if (take("+"))
        part = times(part, 1, -1);
      else if (take("?"))
        part = times(part, 0, 1);
      else if (next_is('{'))
        part = counted(part);
      else
        return part;
      take("?");  // which of several matches is tried first
      if (next_is('+')) refuse("a possessive repetition");
    }
    return part;
  }

  Steps any_number(Steps part) const {
    part.insert(part.begin(), either(1, size_of(part) + 2));
    part.push_back(jump(-size_of(part)));
    return checked(part);
  }

  // `most` -1: any number.
  Steps times(const Steps& part, int least, int most) const {
    Steps steps;
    for (int i = 0; i < least; ++i) append(steps, part);
    if (most < 0) append(steps, any_number(part));
    for (int i = least; i < most; ++i) {
      steps.push_back(either(1, size_of(part) + 1));
      append(steps, part);
    }
    return checked(steps);
  }

  int number() {
    int value = 0;
    bool is_number = false;
    while (!at_end() && pattern_[at_] >= '0' && pattern_[at_] <= '9' && value <= kMostRepeats) {
      value = 10 * value + (take() - '0');
      is_number = true;
    }
    if (value > kMostRepeats) refuse("a part that is repeated too often");
    return is_number ? value : -1;
  }

  Steps counted(const Steps& part) {
    take("{");
    const int least = number();
    const int most = take(",") ? number() : least;
    if (!take("}") || least < 0 || (most >= 0 && most < least)) refuse("a '{' that begins no repetition");
    return times(part, least, most);
  }

  Steps atom() {
    if (take("(")) {
      if (next_is('?') && !take("?:")) refuse("a group that begins with \"(?\"");
      Steps steps = alternatives();
      if (!take(")")) refuse("a '(' without its ')'");
      return steps;
    }
    if (take("^")) return {{Step::Kind::begin}};
    if (take("$")) return {{Step::Kind::end}};
    if (take("[")) return {{Step::Kind::character, set()}};
    if (take(".")) return {{Step::Kind::character, ~range('\n', '\n')}};
    if (next_is('*') || next_is('+') || next_is('?')) refuse("a repetition of nothing");
    return {{Step::Kind::character, one()}};
  }

  // A character, or what stands for several: \d, \w, \s.
  Characters one() {
    const char c = take();
    if (c != '\\') return range(static_cast<unsigned char>(c), static_cast<unsigned char>(c));
    const auto escaped = static_cast<unsigned char>(take());
    if (escaped == 'd') return range('0', '9');
    if (escaped == 'w') return range('0', '9') | range('a', 'z') | range('A', 'Z') | range('_', '_');
    if (escaped == 's') return range('\t', '\r') | range(' ', ' ');
    if ((range('0', '9') | range('a', 'z') | range('A', 'Z')).test(escaped))
      refuse(concat("'\\", static_cast<char>(escaped), "'"));
    return range(escaped, escaped);
  }

  Characters set() {
    const bool all_but = take("^");
    Characters characters;
    bool is_first = true;
    while (is_first || !next_is(']')) {
      is_first = false;
      const std::size_t from = at_;
      const Characters first = one();
      const bool is_range = next_is('-') && at_ + 1 < pattern_.size() && pattern_[at_ + 1] != ']';
      if (!is_range) {
        characters |= first;
        continue;
      }
      take("-");
      const auto low = static_cast<unsigned char>(pattern_[from]), high = static_cast<unsigned char>(take());
      if (low == '\\' || high == '\\' || low > high) refuse("a range of characters that is none");
      characters |= range(low, high);
    }
    take("]");
    return all_but ? ~characters : characters;
  }

  const std::string& pattern_;
  const std::string& place_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

NamePattern::NamePattern(const std::string& pattern, const std::string& place)
    : steps_(Parser(pattern, place).parse()) {}

// The step and all that it leads to without a character.
void NamePattern::add(std::size_t at, std::size_t place, std::size_t length,
                      std::vector<bool>& states) const {
  std::vector<std::size_t> open{at};
  while (!open.empty()) {
    const std::size_t here = open.back();
    open.pop_back();
    if (states[here]) continue;
    states[here] = true;
    if (here == steps_.size()) continue;
    const Step& step = steps_[here];
    const auto go = [&](int by) { open.push_back(here + static_cast<std::size_t>(by)); };
    if (step.kind == Step::Kind::either || step.kind == Step::Kind::jump) go(step.second), go(step.first);
    if (step.kind == Step::Kind::begin && place == 0) go(1);
    if (step.kind == Step::Kind::end && place == length) go(1);
  }
}

bool NamePattern::matches(const std::string& name) const {
  std::vector<bool> states(steps_.size() + 1), next;
  add(0, 0, name.size(), states);
  for (std::size_t place = 0; place < name.size(); ++place) {
    next.assign(states.size(), false);
    const auto c = static_cast<unsigned char>(name[place]);
    for (std::size_t at = 0; at < steps_.size(); ++at)
      if (states[at] && steps_[at].kind == Step::Kind::character && steps_[at].characters.test(c))
        add(at + 1, place + 1, name.size(), next);
    states.swap(next);
  }
  return states.back();
}

}  // namespace thaw
