#include "finetune/preprocess/tokenizer/word_patterns.h"

#include "finetune/common/utf8.h"

namespace thaw {
namespace {

constexpr std::uint16_t kKinds = kSpace | kLetter | kNumber;

// The characters of a text one by one.
class Reader {
 public:
  Reader(const CharTable& table, std::string_view text, std::size_t from)
      : table_(&table), begin_(text.data()), at_(text.data() + from), end_(text.data() + text.size()) {}

  bool done() const { return at_ == end_; }
  std::size_t place() const { return static_cast<std::size_t>(at_ - begin_); }
  std::string_view rest() const { return {at_, static_cast<std::size_t>(end_ - at_)}; }

  // kSpace, kLetter, kNumber, or 0 for the rest. Not at the end.
  int kind() const {
    const char* ahead = at_;
    return table_->flags(next_scalar(ahead)) & kKinds;
  }

  bool is(char c) const { return at_ != end_ && *at_ == c; }
  bool is_line_end() const { return is('\r') || is('\n'); }
  void step() { next_scalar(at_); }
  void skip(std::size_t bytes) { at_ += bytes; }

  // Returns how many characters.
  std::size_t take_run(int kind, std::size_t most = SIZE_MAX) {
    std::size_t count = 0;
    for (; count < most && at_ != end_ && this->kind() == kind; ++count) step();
    return count;
  }

  // \s+(?!\S)|\s+ : what follows the white space wants its last character.
  void take_space() {
    const char* last = at_;
    std::size_t count = 0;
    for (; at_ != end_ && kind() == kSpace; ++count) {
      last = at_;
      step();
    }
    if (at_ != end_ && count > 1) at_ = last;
  }

 private:
  const CharTable* table_;
  const char* begin_;
  const char* at_;
  const char* end_;
};

constexpr std::string_view kContractions[] = {"s", "t", "re", "ve", "m", "ll", "d"};

// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
class Gpt2Pattern final : public TextPattern {
 public:
  Match find(std::string_view text, std::size_t from) const override {
    Reader at(*table_, text, from);
    if (!at.done() && !take_contraction(at)) take_word(at);
    return {from, at.place()};
  }

 private:
  static bool take_contraction(Reader& at) {
    if (!at.is('\'')) return false;
    const std::string_view rest = at.rest().substr(1);
    for (const std::string_view tail : kContractions) {
      if (!rest.starts_with(tail)) continue;
      at.skip(1 + tail.size());
      return true;
    }
    return false;
  }

  static void take_word(Reader& at) {
    Reader ahead = at;
    if (ahead.is(' ')) ahead.step();
    if (ahead.done() || ahead.kind() == kSpace) return at.take_space();
    ahead.take_run(ahead.kind());
    at = ahead;
  }

  const CharTable* table_ = &CharTable::get();
};

// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,most}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|
// \s+(?!\S)|\s+
class LlamaPattern final : public TextPattern {
 public:
  explicit LlamaPattern(std::size_t most_digits) : most_digits_(most_digits) {}

  Match find(std::string_view text, std::size_t from) const override {
    Reader at(*table_, text, from);
    if (!at.done()) take(at);
    return {from, at.place()};
  }

 private:
  void take(Reader& at) const {
    if (take_contraction(at) || take_letters(at) || at.take_run(kNumber, most_digits_) > 0) return;
    if (!take_symbols(at) && !take_lines(at)) at.take_space();
  }

  static bool take_contraction(Reader& at) {
    if (!at.is('\'')) return false;
    const std::string_view rest = at.rest().substr(1);
    const auto fits = [&](std::string_view tail) {
      if (rest.size() < tail.size()) return false;
      for (std::size_t i = 0; i < tail.size(); ++i)
        if ((rest[i] | 0x20) != tail[i]) return false;
      return true;
    };
    for (const std::string_view tail : kContractions) {
      const bool long_s = tail == "s" && rest.starts_with("\u017f");  // whose capital is S
      if (!long_s && !fits(tail)) continue;
      at.skip(1 + (long_s ? 2 : tail.size()));
      return true;
    }
    return false;
  }

  static bool take_letters(Reader& at) {
    Reader ahead = at;
    const int kind = ahead.kind();
    if (kind == kNumber || ahead.is_line_end()) return false;
    if (kind != kLetter) ahead.step();
    if (ahead.take_run(kLetter) == 0) return false;
    at = ahead;
    return true;
  }

  static bool take_symbols(Reader& at) {
    Reader ahead = at;
    if (ahead.is(' ')) ahead.step();
    if (ahead.take_run(0) == 0) return false;
    while (ahead.is_line_end()) ahead.step();
    at = ahead;
    return true;
  }

  // White space as far as its last line end.
  static bool take_lines(Reader& at) {
    bool found = false;
    for (Reader ahead = at; !ahead.done() && ahead.kind() == kSpace;) {
      const bool is_line_end = ahead.is_line_end();
      ahead.step();
      if (!is_line_end) continue;
      at = ahead;
      found = true;
    }
    return found;
  }

  const CharTable* table_ = &CharTable::get();
  std::size_t most_digits_;
};

class WordsAndSymbols final : public TextPattern {
 public:
  Match find(std::string_view text, std::size_t from) const override {
    const char* const end = text.data() + text.size();
    const auto place = [&](const char* at) { return static_cast<std::size_t>(at - text.data()); };
    const char* begin = text.data() + from;
    int open = kSpace;  // the kind of the match that begins at `begin`
    for (const char* at = begin; at != end;) {
      const char* const here = at;
      const int flags = table_->flags(next_scalar(at));
      const int kind = (flags & kWord) != 0 ? kWord : flags & kSpace;
      if (kind == open) continue;
      if (open != kSpace) return {place(begin), place(here)};
      begin = here;
      open = kind;
    }
    return {open == kSpace ? text.size() : place(begin), text.size()};
  }

 private:
  const CharTable* table_ = &CharTable::get();
};

}  // namespace

std::unique_ptr<const TextPattern> gpt2_pattern() { return std::make_unique<Gpt2Pattern>(); }

std::unique_ptr<const TextPattern> words_and_symbols() { return std::make_unique<WordsAndSymbols>(); }

std::unique_ptr<const TextPattern> word_pattern(std::string_view regex) {
  constexpr std::string_view kGpt2 = R"( ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
  constexpr std::string_view kContractionsOfGpt2[] = {"'s|'t|'re|'ve|'m|'ll|'d|", "'(?:[sdmt]|ll|ve|re)|"};
  for (const std::string_view front : kContractionsOfGpt2)
    if (regex.starts_with(front) && regex.substr(front.size()) == kGpt2) return gpt2_pattern();

  constexpr std::string_view kFront = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N})";
  constexpr std::string_view kBack = R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  if (regex.starts_with(kFront) && regex.ends_with(kBack) && regex.size() >= kFront.size() + kBack.size()) {
    const std::string_view digits = regex.substr(kFront.size(), regex.size() - kFront.size() - kBack.size());
    if (digits.empty()) return std::make_unique<LlamaPattern>(1);     // Qwen 2
    if (digits == "{1,3}") return std::make_unique<LlamaPattern>(3);  // Llama 3, cl100k
  }
  return nullptr;
}

}  // namespace thaw
