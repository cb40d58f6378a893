#include "finetune/preprocess/tokenizer/pre_tokenizer.h"

#include "finetune/common/utf8.h"
#include "finetune/preprocess/tokenizer/text_pattern.h"
#include "finetune/preprocess/tokenizer/unicode.h"
#include "finetune/preprocess/tokenizer/word_patterns.h"
#include "nn/io/json_file.h"

namespace thaw {
namespace {

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

// At white space, which is dropped, and around each punctuation character.
class BertPreTokenizer final : public PreTokenizerPart {
 public:
  bool cut(std::string_view text, bool, const Sink& sink) const override {
    const char* const end = text.data() + text.size();
    const char* begin = text.data();  // of the word that is open
    for (const char* at = begin; at != end;) {
      const char* const here = at;
      const std::uint16_t flags = table_->flags(next_scalar(at));
      if ((flags & (kSpace | kPunctuation)) == 0) continue;
      if (begin != here && !sink(between(begin, here))) return false;
      if ((flags & kSpace) == 0 && !sink(between(here, at))) return false;
      begin = at;
    }
    return begin == end || sink(between(begin, end));
  }

 private:
  const CharTable* table_ = &CharTable::get();
};

// Around runs of numeric characters, or around each of them.
class Digits final : public PreTokenizerPart {
 public:
  explicit Digits(bool individual) : individual_(individual) {}

  bool cut(std::string_view text, bool, const Sink& sink) const override {
    const char* const end = text.data() + text.size();
    const char* begin = text.data();
    bool in_number = false;
    for (const char* at = begin; at != end;) {
      const char* const here = at;
      const bool numeric = (table_->flags(next_scalar(at)) & kNumeric) != 0;
      const bool cut = numeric != in_number || (numeric && individual_);
      in_number = numeric;
      if (!cut || begin == here) continue;
      if (!sink(between(begin, here))) return false;
      begin = here;
    }
    return begin == end || sink(between(begin, end));
  }

 private:
  const CharTable* table_ = &CharTable::get();
  bool individual_;
};

// By GPT-2's pattern, or not at all.
class ByteLevel final : public PreTokenizerPart {
 public:
  ByteLevel(bool add_prefix_space, bool use_regex)
      : add_prefix_space_(add_prefix_space), words_(use_regex ? gpt2_pattern() : nullptr) {}

  bool cut(std::string_view text, bool, const Sink& sink) const override {
    std::string prefixed;
    if (add_prefix_space_ && !text.starts_with(' ')) text = prefixed.append(" ").append(text);
    return words_ ? split(*words_, SplitBehavior::isolated, false, text, sink) : sink(text);
  }

  bool is_byte_level() const override { return true; }
  std::optional<bool> adds_prefix_space() const override { return add_prefix_space_; }

 private:
  bool add_prefix_space_;
  std::unique_ptr<const TextPattern> words_;
};

}  // namespace

bool PreTokenizer::cut(std::size_t part, std::string_view text, bool at_front, const Sink& sink) const {
  if (part == parts_.size()) return sink(text);
  if (part + 1 == parts_.size()) return parts_[part]->cut(text, at_front, sink);
  return parts_[part]->cut(text, at_front,
                           [&](std::string_view piece) { return cut(part + 1, piece, false, sink); });
}

std::shared_ptr<const PreTokenizerPart> bert_pre_tokenizer() { return std::make_shared<BertPreTokenizer>(); }

std::shared_ptr<const PreTokenizerPart> byte_level_pre_tokenizer(bool add_prefix_space, bool use_regex) {
  return std::make_shared<ByteLevel>(add_prefix_space, use_regex);
}

std::shared_ptr<const PreTokenizerPart> read_bert_pre_tokenizer(const nlohmann::json&, const std::string&) {
  return bert_pre_tokenizer();
}

std::shared_ptr<const PreTokenizerPart> read_digits(const nlohmann::json& object, const std::string& place) {
  bool individual = false;
  read_field(object, "individual_digits", place, individual);
  return std::make_shared<Digits>(individual);
}

std::shared_ptr<const PreTokenizerPart> read_byte_level(const nlohmann::json& object,
                                                        const std::string& place) {
  bool add_prefix_space = false, use_regex = true;
  read_field(object, "add_prefix_space", place, add_prefix_space);
  read_optional_field(object, "use_regex", place, use_regex);
  return byte_level_pre_tokenizer(add_prefix_space, use_regex);
}

}  // namespace thaw
