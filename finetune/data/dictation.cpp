#include "finetune/data/dictation.h"

#include <algorithm>

#include "finetune/data/batch.h"

namespace thaw {
namespace {

std::int64_t length_of(const Dataset& data, std::int64_t row) {
  const auto prompt = static_cast<std::int64_t>(data.dictation->rules.prompt.size());
  const auto own = static_cast<std::int64_t>(data[row].characters.size());
  return prompt + std::max<std::int64_t>(own - 1, 0);
}

}  // namespace

std::vector<std::int64_t> written_lengths(const Dataset& data, const std::vector<std::int64_t>& rows) {
  std::vector<std::int64_t> lengths;
  lengths.reserve(rows.size());
  for (const std::int64_t row : rows) lengths.push_back(length_of(data, row));
  return lengths;
}

void add_written(const Dataset& data, const std::vector<std::int64_t>& rows, ModelInput& input) {
  const WritingRules& rules = data.dictation->rules;
  const std::vector<std::int64_t> lengths = written_lengths(data, rows);
  const BatchShape shape = shape_of_lengths(lengths);
  input.written = full({shape.samples, shape.length}, static_cast<double>(rules.end), {DType::i64});
  input.written_padding = padding_of_lengths(lengths);
  std::int64_t* to = input.written.data<std::int64_t>();
  for (const std::int64_t row : rows) {
    const auto after_prompt = std::copy(rules.prompt.begin(), rules.prompt.end(), to);
    const std::vector<std::int64_t>& own = data[row].characters;
    if (!own.empty()) std::copy(own.begin(), own.end() - 1, after_prompt);
    to += shape.length;
  }
}

Tensor next_tokens(const Dataset& data, const std::vector<std::int64_t>& rows) {
  Tensor tokens = empty({shape_of_lengths(written_lengths(data, rows)).total}, {DType::i64});
  std::int64_t* to = tokens.data<std::int64_t>();
  const auto behind = static_cast<std::int64_t>(data.dictation->rules.prompt.size()) - 1;
  for (const std::int64_t row : rows) {
    to = std::fill_n(to, behind, kPromptGoesOn);
    const std::vector<std::int64_t>& own = data[row].characters;
    to = own.empty() ? std::fill_n(to, 1, kPromptGoesOn) : std::copy(own.begin(), own.end(), to);
  }
  return tokens;
}

}  // namespace thaw
