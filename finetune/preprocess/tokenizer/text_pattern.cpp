#include "finetune/preprocess/tokenizer/text_pattern.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>

#include "core/error.h"
#include "finetune/common/utf8.h"
#include "finetune/preprocess/tokenizer/word_patterns.h"
#include "nn/io/json_file.h"

namespace thaw {
namespace {

constexpr std::size_t kEndless = std::numeric_limits<std::size_t>::max();
constexpr std::string_view kMeta = "\\^$.|?*+()[]{}";

// The kind of character that the regular expression begins with, which is taken off.
std::optional<RunPattern::Kind> take_kind(std::string_view& regex) {
  struct Row {
    std::string_view text;
    RunPattern::Kind kind;
  };
  static constexpr Row kRows[] = {
      {"\\s", {.flags = kSpace}},
      {"\\p{L}", {.flags = kLetter}},
      {"\\p{N}", {.flags = kNumber}},
      {"[0-9]", {.first = '0', .last = '9'}},
      {"\\n", {.first = '\n', .last = '\n'}},
      {"\\r", {.first = '\r', .last = '\r'}},
      {"\\t", {.first = '\t', .last = '\t'}},
  };
  for (const Row& row : kRows) {
    if (!regex.starts_with(row.text)) continue;
    regex.remove_prefix(row.text.size());
    return row.kind;
  }
  if (regex.empty() || kMeta.find(regex.front()) != kMeta.npos) return std::nullopt;
  const char* at = regex.data();
  const char32_t c = next_scalar(at);
  regex.remove_prefix(static_cast<std::size_t>(at - regex.data()));
  return RunPattern::Kind{.first = c, .last = c};
}

std::optional<std::size_t> take_count(std::string_view& text) {
  std::size_t count = 0, digits = 0;
  for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits) {
    if (digits == 5) return std::nullopt;  // which Oniguruma refuses, too
    count = 10 * count + static_cast<std::size_t>(text[digits] - '0');
  }
  if (digits == 0) return std::nullopt;
  text.remove_prefix(digits);
  return count;
}

// A kind of character and how many of it: nothing, +, {n}, {n,} or {n,m}.
std::unique_ptr<const TextPattern> run_pattern(std::string_view regex) {
  const std::optional<RunPattern::Kind> kind = take_kind(regex);
  if (!kind) return nullptr;
  if (regex.empty()) return std::make_unique<RunPattern>(*kind, 1, 1);
  if (regex == "+") return std::make_unique<RunPattern>(*kind, 1, kEndless);
  if (!regex.starts_with('{') || !regex.ends_with('}')) return nullptr;
  regex = regex.substr(1, regex.size() - 2);
  const std::optional<std::size_t> least = take_count(regex);
  std::optional<std::size_t> most = least;
  if (regex.starts_with(',')) {
    regex.remove_prefix(1);
    most = regex.empty() ? kEndless : take_count(regex);
  }
  if (!least || !most || !regex.empty() || *least == 0 || *least > *most) return nullptr;
  return std::make_unique<RunPattern>(*kind, *least, *most);
}

// \A and a string: the string where the text begins with it.
class FrontPattern final : public TextPattern {
 public:
  explicit FrontPattern(std::string front) : front_(std::move(front)) {}
  Match find(std::string_view text, std::size_t from) const override {
    if (from == 0 && text.starts_with(front_)) return {0, front_.size()};
    return {text.size(), text.size()};
  }

 private:
  std::string front_;
};

// \A +| +\z
class OuterSpaces final : public TextPattern {
 public:
  Match find(std::string_view text, std::size_t from) const override {
    const std::size_t front = std::min(text.find_first_not_of(' '), text.size());
    if (from == 0 && front > 0) return {0, front};
    return {std::max(from, text.find_last_not_of(' ') + 1), text.size()};
  }
};

std::unique_ptr<const TextPattern> regex_pattern(const std::string& regex) {
  if (!regex.empty() && regex.find_first_of(kMeta) == regex.npos)
    return std::make_unique<LiteralPattern>(regex);
  if (regex == R"(\A +| +\z)") return std::make_unique<OuterSpaces>();
  if (regex.size() > 2 && regex.starts_with("\\A") && regex.find_first_of(kMeta, 1) == regex.npos)
    return std::make_unique<FrontPattern>(regex.substr(2));
  std::unique_ptr<const TextPattern> pattern = word_pattern(regex);
  return pattern ? std::move(pattern) : run_pattern(regex);
}

// A piece of text that may still grow, for the behaviours that join pieces.
class Joiner {
 public:
  Joiner(SplitBehavior behavior, const std::function<bool(std::string_view)>& sink)
      : behavior_(behavior), sink_(sink) {}

  // The pieces come in order, each where the one before ends. False: no more are wanted.
  bool add(std::string_view piece, bool is_match) {
    const bool joins = !open_.empty() && joins_open(is_match);
    if (joins) {
      open_ = {open_.data(), open_.size() + piece.size()};
    } else {
      if (!flush()) return false;
      open_ = piece;
    }
    after_match_ = is_match;
    return true;
  }

  bool flush() {
    const std::string_view piece = open_;
    open_ = {};
    return piece.empty() || sink_(piece);
  }

 private:
  bool joins_open(bool is_match) const {
    switch (behavior_) {
      case SplitBehavior::contiguous:
        return is_match == after_match_;
      case SplitBehavior::merged_with_previous:
        return is_match && !after_match_;
      case SplitBehavior::merged_with_next:
        return !is_match && after_match_;
      default:
        return false;
    }
  }

  SplitBehavior behavior_;
  const std::function<bool(std::string_view)>& sink_;
  std::string_view open_;
  bool after_match_ = false;
};

}  // namespace

TextPattern::Match LiteralPattern::find(std::string_view text, std::size_t from) const {
  const std::size_t at = text.find(literal_, from);
  return at == text.npos ? Match{text.size(), text.size()} : Match{at, at + literal_.size()};
}

bool LiteralPattern::takes_several() const {
  const char* at = literal_.data();
  next_scalar(at);
  return at != literal_.data() + literal_.size();
}

TextPattern::Match RunPattern::find(std::string_view text, std::size_t from) const {
  const char* const end = text.data() + text.size();
  const auto place = [&](const char* at) { return static_cast<std::size_t>(at - text.data()); };
  const char* begin = text.data() + from;
  std::size_t count = 0;
  for (const char* at = begin; at != end;) {
    const char* const here = at;
    if (fits(next_scalar(at))) {
      if (++count == most_) return {place(begin), place(at)};
      continue;
    }
    if (count >= least_) return {place(begin), place(here)};
    begin = at;
    count = 0;
  }
  return {count >= least_ ? place(begin) : text.size(), text.size()};
}

std::shared_ptr<const TextPattern> read_pattern(const nlohmann::json& object, const std::string& place) {
  nlohmann::json pattern;
  read_field(object, "pattern", place, pattern);
  std::string text;
  if (pattern.is_object() && pattern.contains("Regex")) {
    read_field(pattern, "Regex", place, text);
    std::shared_ptr<const TextPattern> read = regex_pattern(text);
    if (!read)
      fail_input("the regular expression ", nlohmann::json(text).dump(), " is not in this version (", place,
                 "); it has those of GPT-2, Llama 3 and Qwen 2, and runs of one kind of character such as "
                 "\\s+ or \\p{N}{1,3}");
    return read;
  }
  read_field(pattern, "String", place, text);
  if (text.empty()) fail_input("the pattern is empty (", place, "); leave this part out");
  return std::make_shared<LiteralPattern>(text);
}

SplitBehavior read_behavior(const nlohmann::json& object, const std::string& place) {
  static const std::map<std::string, SplitBehavior> kBehaviors = {
      {"Removed", SplitBehavior::removed},
      {"Isolated", SplitBehavior::isolated},
      {"MergedWithPrevious", SplitBehavior::merged_with_previous},
      {"MergedWithNext", SplitBehavior::merged_with_next},
      {"Contiguous", SplitBehavior::contiguous}};
  std::string name;
  read_field(object, "behavior", place, name);
  const auto found = kBehaviors.find(name);
  if (found == kBehaviors.end())
    fail_input("the behavior '", name,
               "' is none of Removed, Isolated, MergedWithPrevious, MergedWithNext and "
               "Contiguous (",
               place, "); make the folder again");
  return found->second;
}

bool split(const TextPattern& pattern, SplitBehavior behavior, bool invert, std::string_view text,
           const std::function<bool(std::string_view)>& sink) {
  Joiner joiner(behavior, sink);
  const auto add = [&](std::size_t begin, std::size_t end, bool is_match) {
    if (begin == end || (is_match && behavior == SplitBehavior::removed)) return true;
    return joiner.add(text.substr(begin, end - begin), is_match);
  };
  for (std::size_t done = 0; done < text.size();) {
    const TextPattern::Match match = pattern.find(text, done);
    if (!add(done, match.begin, invert) || !add(match.begin, match.end, !invert)) return false;
    done = match.end;
  }
  return joiner.flush();
}

}  // namespace thaw
