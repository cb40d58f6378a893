#include "finetune/preprocess/tokenizer/text_normalizers.h"

#include <utility>

#include "core/error.h"
#include "finetune/common/utf8.h"
#include "finetune/preprocess/tokenizer/text_pattern.h"
#include "nn/io/json_file.h"

namespace thaw {
namespace {

class Replace final : public NormalizerPart {
 public:
  Replace(std::shared_ptr<const TextPattern> pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}

  std::string_view normalize(std::string_view text, std::string& buffer) const override {
    TextPattern::Match match = pattern_->find(text, 0);
    if (match.begin == text.size()) return text;
    buffer.clear();
    std::size_t done = 0;
    for (; match.begin != text.size(); match = pattern_->find(text, done)) {
      buffer.append(text.substr(done, match.begin - done)).append(content_);
      done = match.end;
    }
    return buffer.append(text.substr(done));
  }

  // What replaces several characters counts as the last one of them.
  bool keeps_front() const override { return !content_.empty() && !pattern_->takes_several(); }

 private:
  std::shared_ptr<const TextPattern> pattern_;
  std::string content_;
};

class Strip final : public NormalizerPart {
 public:
  Strip(bool left, bool right) : left_(left), right_(right) {}

  std::string_view normalize(std::string_view text, std::string&) const override {
    const char* begin = text.data();
    const char* end = begin + text.size();
    const auto is_space = [&](char32_t c) { return (table_->flags(c) & kSpace) != 0; };
    for (const char* at = begin; left_ && begin != end && is_space(next_scalar(at));) begin = at;
    for (const char* at = end; right_ && begin != end && is_space(previous_scalar(at));) end = at;
    return {begin, static_cast<std::size_t>(end - begin)};
  }

  bool keeps_front() const override { return !left_; }

 private:
  const CharTable* table_ = &CharTable::get();
  bool left_, right_;
};

class Prepend final : public NormalizerPart {
 public:
  explicit Prepend(std::string front) : front_(std::move(front)) {}

  std::string_view normalize(std::string_view text, std::string& buffer) const override {
    if (text.empty()) return text;
    buffer.assign(front_).append(text);
    return buffer;
  }

  bool keeps_front() const override { return true; }

 private:
  std::string front_;
};

}  // namespace

std::shared_ptr<const NormalizerPart> read_replace(const nlohmann::json& object, const std::string& place) {
  std::string content;
  read_field(object, "content", place, content);
  return std::make_shared<Replace>(read_pattern(object, place), content);
}

std::shared_ptr<const NormalizerPart> read_strip(const nlohmann::json& object, const std::string& place) {
  bool left = false, right = false;
  read_field(object, "strip_left", place, left);
  read_field(object, "strip_right", place, right);
  return std::make_shared<Strip>(left, right);
}

std::shared_ptr<const NormalizerPart> read_prepend(const nlohmann::json& object, const std::string& place) {
  std::string front;
  read_field(object, "prepend", place, front);
  return std::make_shared<Prepend>(front);
}

}  // namespace thaw
