#include "finetune/preprocess/tokenizer/splitting_pre_tokenizers.h"

#include <utility>

#include "core/error.h"
#include "finetune/common/utf8.h"
#include "finetune/preprocess/tokenizer/text_pattern.h"
#include "finetune/preprocess/tokenizer/word_patterns.h"
#include "nn/io/json_file.h"

namespace thaw {
namespace {

class SplitAt final : public PreTokenizerPart {
 public:
  SplitAt(std::shared_ptr<const TextPattern> pattern, SplitBehavior behavior, bool invert = false)
      : pattern_(std::move(pattern)), behavior_(behavior), invert_(invert) {}

  bool cut(std::string_view text, bool, const Sink& sink) const override {
    return split(*pattern_, behavior_, invert_, text, sink);
  }

 private:
  std::shared_ptr<const TextPattern> pattern_;
  SplitBehavior behavior_;
  bool invert_;
};

class Metaspace final : public PreTokenizerPart {
 public:
  enum class Prepend { always, first, never };

  Metaspace(const std::string& replacement, Prepend prepend, bool splits)
      : replacement_(replacement), marks_(replacement), prepend_(prepend), splits_(splits) {}

  bool cut(std::string_view text, bool at_front, const Sink& sink) const override {
    std::string marked;
    marked.reserve(text.size() + text.size() / 2);
    for (const char c : text) {
      if (c == ' ')
        marked += replacement_;
      else
        marked += c;
    }
    const bool wants_mark = prepend_ == Prepend::always || (prepend_ == Prepend::first && at_front);
    if (wants_mark && !marked.starts_with(replacement_)) marked.insert(0, replacement_);
    return splits_ ? split(marks_, SplitBehavior::merged_with_next, false, marked, sink) : sink(marked);
  }

  bool needs_front() const override { return prepend_ == Prepend::first; }
  std::optional<bool> adds_prefix_space() const override { return prepend_ != Prepend::never; }

 private:
  std::string replacement_;
  LiteralPattern marks_;
  Prepend prepend_;
  bool splits_;
};

Metaspace::Prepend read_prepend_scheme(const nlohmann::json& object, const std::string& place) {
  std::string scheme = "always";
  if (object.contains("prepend_scheme")) read_field(object, "prepend_scheme", place, scheme);
  bool add_prefix_space = true;  // the older form
  read_optional_field(object, "add_prefix_space", place, add_prefix_space);
  if (!add_prefix_space && scheme != "never")
    fail_input("'add_prefix_space' is false, but 'prepend_scheme' is not 'never' (", place,
               "); make the two agree");
  if (scheme == "always") return Metaspace::Prepend::always;
  if (scheme == "first") return Metaspace::Prepend::first;
  if (scheme == "never") return Metaspace::Prepend::never;
  fail_input("the prepend_scheme '", scheme, "' is none of always, first and never (", place,
             "); make the folder again");
}

}  // namespace

std::shared_ptr<const PreTokenizerPart> read_split(const nlohmann::json& object, const std::string& place) {
  bool invert = false;
  read_field(object, "invert", place, invert);
  return std::make_shared<SplitAt>(read_pattern(object, place), read_behavior(object, place), invert);
}

std::shared_ptr<const PreTokenizerPart> read_punctuation(const nlohmann::json& object,
                                                         const std::string& place) {
  const SplitBehavior behavior =
      object.contains("behavior") ? read_behavior(object, place) : SplitBehavior::isolated;
  return std::make_shared<SplitAt>(
      std::make_shared<RunPattern>(RunPattern::Kind{.flags = kPunctuation}, 1, 1), behavior);
}

std::shared_ptr<const PreTokenizerPart> read_whitespace(const nlohmann::json&, const std::string&) {
  return std::make_shared<SplitAt>(words_and_symbols(), SplitBehavior::removed, true);
}

std::shared_ptr<const PreTokenizerPart> read_whitespace_split(const nlohmann::json&, const std::string&) {
  return std::make_shared<SplitAt>(std::make_shared<RunPattern>(RunPattern::Kind{.flags = kSpace}, 1, 1),
                                   SplitBehavior::removed);
}

std::shared_ptr<const PreTokenizerPart> read_metaspace(const nlohmann::json& object,
                                                       const std::string& place) {
  std::string replacement;
  read_field(object, "replacement", place, replacement);
  bool splits = true;
  read_optional_field(object, "split", place, splits);
  if (replacement.empty() || utf8_sequence(replacement) != replacement.size())
    fail_input("the replacement '", replacement, "' is not one character (", place,
               "); make the folder again");
  return std::make_shared<Metaspace>(replacement, read_prepend_scheme(object, place), splits);
}

}  // namespace thaw
