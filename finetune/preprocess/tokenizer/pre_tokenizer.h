// Cutting normalised text into the pieces that a model turns into tokens.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thaw {

class PreTokenizerPart {
 public:
  // Takes a piece; false: no more are wanted.
  using Sink = std::function<bool(std::string_view piece)>;

  virtual ~PreTokenizerPart() = default;

  // Gives the pieces of `text`, which is UTF-8 and not empty, to the sink in order; none is empty. False
  // where the sink wanted no more. `at_front`: the text that is encoded begins here.
  virtual bool cut(std::string_view text, bool at_front, const Sink& sink) const = 0;

  // Whether the model must be one of bytes; such a part is the last one.
  virtual bool is_byte_level() const { return false; }

  // Whether it is asked if it stands at the front, which only the first part is told.
  virtual bool needs_front() const { return false; }

  // Whether it puts a space before a text; nothing where that is no option of it.
  virtual std::optional<bool> adds_prefix_space() const { return std::nullopt; }
};

class PreTokenizer {
 public:
  using Parts = std::vector<std::shared_ptr<const PreTokenizerPart>>;
  using Sink = PreTokenizerPart::Sink;

  // Each part cuts the pieces of the one before. Without parts the text is one piece.
  PreTokenizer() = default;
  explicit PreTokenizer(Parts parts) : parts_(std::move(parts)) {}

  // As a part does it.
  bool cut(std::string_view text, bool at_front, const Sink& sink) const {
    return cut(0, text, at_front, sink);
  }

  const Parts& parts() const { return parts_; }
  bool is_byte_level() const { return !parts_.empty() && parts_.back()->is_byte_level(); }

 private:
  bool cut(std::size_t part, std::string_view text, bool at_front, const Sink& sink) const;

  Parts parts_;
};

std::shared_ptr<const PreTokenizerPart> bert_pre_tokenizer();
std::shared_ptr<const PreTokenizerPart> byte_level_pre_tokenizer(bool add_prefix_space,
                                                                 bool use_regex = true);

// Makes a part of its JSON in tokenizer.json; `place` is for messages.
using PreTokenizerReader = std::shared_ptr<const PreTokenizerPart>(const nlohmann::json& json,
                                                                   const std::string& place);
PreTokenizerReader read_bert_pre_tokenizer, read_digits, read_byte_level;

}  // namespace thaw
