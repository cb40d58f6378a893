#include "finetune/tokenizer/pre_tokenizer.h"

#include <string>

#include "finetune/utf8.h"

namespace thaw {
namespace {

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

// Each of these gives the pieces of `text` to `take`, and stops with false where that returns false.

template <class Take>
bool cut_bert(const CharTable& table, std::string_view text, const Take& take) {
  const char* const end = text.data() + text.size();
  const char* begin = text.data();  // of the word that is open
  for (const char* at = begin; at != end;) {
    const char* const here = at;
    const std::uint16_t flags = table.flags(next_scalar(at));
    if ((flags & (kSpace | kPunctuation)) == 0) continue;
    if (begin != here && !take(between(begin, here))) return false;
    if ((flags & kSpace) == 0 && !take(between(here, at))) return false;
    begin = at;
  }
  return begin == end || take(between(begin, end));
}

template <class Take>
bool cut_digits(const CharTable& table, std::string_view text, bool individual, const Take& take) {
  const char* const end = text.data() + text.size();
  const char* begin = text.data();
  bool in_number = false;
  for (const char* at = begin; at != end;) {
    const char* const here = at;
    const bool numeric = (table.flags(next_scalar(at)) & kNumeric) != 0;
    const bool cut = numeric != in_number || (numeric && individual);
    in_number = numeric;
    if (!cut || begin == here) continue;
    if (!take(between(begin, here))) return false;
    begin = here;
  }
  return begin == end || take(between(begin, end));
}

// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
// the first alternative that fits, leftmost, each as long as it can be.
class Gpt2Pattern {
 public:
  Gpt2Pattern(const CharTable& table, std::string_view text)
      : table_(table), at_(text.data()), end_(text.data() + text.size()) {}

  bool done() const { return at_ == end_; }

  std::string_view next() {
    const char* const begin = at_;
    if (contraction()) return between(begin, at_);
    const bool space_first = *at_ == ' ' && at_ + 1 != end_;
    const char* ahead = at_ + (space_first ? 1 : 0);
    const int kind = kind_at(ahead);
    if (kind != kSpace) {
      while (ahead != end_ && kind_at(ahead) == kind) next_scalar(ahead);
      at_ = ahead;
      return between(begin, at_);
    }
    const char* last = at_;  // of the white space: what follows it may want it
    int count = 0;
    while (at_ != end_ && kind_at(at_) == kSpace) {
      last = at_;
      next_scalar(at_);
      ++count;
    }
    if (at_ != end_ && count > 1) at_ = last;
    return between(begin, at_);
  }

 private:
  // kSpace, kLetter, kNumber, or 0 for the rest.
  int kind_at(const char* at) const { return table_.flags(next_scalar(at)) & (kSpace | kLetter | kNumber); }

  bool contraction() {
    if (*at_ != '\'') return false;
    const std::string_view rest = between(at_ + 1, end_);
    for (const std::string_view tail : {"s", "t", "re", "ve", "m", "ll", "d"}) {
      if (!rest.starts_with(tail)) continue;
      at_ += 1 + tail.size();
      return true;
    }
    return false;
  }

  const CharTable& table_;
  const char* at_;
  const char* end_;
};

template <class Take>
bool cut_byte_level(const CharTable& table, std::string_view text, const PreTokenizerStep& step,
                    const Take& take) {
  std::string prefixed;
  if (step.add_prefix_space && !text.starts_with(' ')) text = prefixed.append(" ").append(text);
  if (!step.use_regex) return take(text);
  for (Gpt2Pattern pattern(table, text); !pattern.done();)
    if (!take(pattern.next())) return false;
  return true;
}

}  // namespace

bool PreTokenizer::cut(std::size_t step, std::string_view text, const Sink& sink) const {
  if (step == steps_.size()) return sink(text);
  const auto take = [&](std::string_view piece) { return cut(step + 1, piece, sink); };
  switch (steps_[step].kind) {
    case PreTokenizerStep::Kind::bert:
      return cut_bert(*table_, text, take);
    case PreTokenizerStep::Kind::digits:
      return cut_digits(*table_, text, steps_[step].individual_digits, take);
    case PreTokenizerStep::Kind::byte_level:
      return cut_byte_level(*table_, text, steps_[step], take);
  }
  return true;
}

}  // namespace thaw
