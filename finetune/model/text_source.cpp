#include "finetune/model/text_source.h"

#include <algorithm>
#include <filesystem>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/preprocess/tokenizer/tokenizer.h"
#include "nn/io/json_file.h"

namespace thaw {
namespace {

// Of sentence-transformers, which takes the first of its files; value stays where none has the key. Returns
// the file.
template <class T>
std::string read_sentence_config(const std::string& folder, const char* key, T& value) {
  for (const char* name : {"/sentence_bert_config.json", "/sentence_distilbert_config.json"})
    if (std::string path = folder + name; std::filesystem::exists(path)) {
      read_optional_field(read_json(path), key, path, value);
      return path;
    }
  return "";
}

std::int64_t declared_length(const ModelFolder& folder) {
  if (folder.preprocess.max_length > 0) return folder.preprocess.max_length;
  std::int64_t length = 0;
  read_sentence_config(folder.path, "max_seq_length", length);
  return length > 0 ? length : folder.tokenizer()->max_length().value_or(0);
}

// sentence-transformers can make texts lower case before its tokenizer; here only a tokenizer does.
void check_lower_case(const ModelFolder& folder) {
  bool lower = false;
  const std::string path = read_sentence_config(folder.path, "do_lower_case", lower);
  if (!lower) return;
  const std::string letters = "The A B C D E F G H I J K L M N O P Q R S T U V W X Y Z";
  const Tokenizer& tokenizer = *folder.tokenizer();
  if (tokenizer.encode(letters).ids != tokenizer.encode(lower_ascii(letters)).ids)
    fail_input("'do_lower_case' is true, but the tokenizer keeps capitals (", path,
               "); make the tokenizer lower-casing, or remove the key and give texts in lower case");
}

void refuse_text_keys(const Config& config) {
  const char* key = !config.data.text.empty()       ? "data.text"
                    : config.data.text_pair         ? "data.text_pair"
                    : config.model.max_length > 0   ? "model.max_length"
                    : !config.model.pooling.empty() ? "model.pooling"
                                                    : nullptr;
  if (key != nullptr)
    fail_input(key, " is for models that take text, and ", config.model.from, " takes none (", config.path,
               "); leave it out, or set model.from to the folder of a text model");
}

// As the weights of model.init were trained. The tokenizer stays the folder's.
void use_texts_of(const Preprocess& preprocess, TextInput& input) {
  input.column = preprocess.text_column;
  input.pair_column = preprocess.pair_column;
  input.normalize = preprocess.normalize;
  if (preprocess.max_length > 0) input.max_length = std::min(input.max_length, preprocess.max_length);
}

}  // namespace

std::optional<TextInput> text_input(const ModelFolder& folder) {
  if (!takes_text(folder.config)) return std::nullopt;
  check_lower_case(folder);
  TextInput input;
  input.column = folder.preprocess.text_column;
  input.pair_column = folder.preprocess.pair_column;
  input.tokenizer = folder.tokenizer();
  input.folder = folder.path;
  input.max_length = declared_length(folder);
  input.vocabulary = folder.config.transformer.vocab_size;
  input.normalize = folder.preprocess.normalize;
  input.token_types = folder.config.transformer.token_types;
  if (input.column.empty()) input.column = "text";
  const std::int64_t positions = folder.config.transformer.longest_text();
  if (input.max_length <= 0 || input.max_length > positions) input.max_length = positions;
  return input;
}

std::optional<TextInput> text_input(const Config& config, const ModelSource& source) {
  std::optional<TextInput> input;
  if (source.folder != nullptr) {
    input = text_input(*source.folder);
    const std::int64_t positions = source.folder->config.transformer.longest_text();
    if (input && config.model.max_length > positions)
      fail_input("model.max_length = ", config.model.max_length, " is beyond the model's ", positions,
                 " positions (", config.path, "); set it to no more");
  }
  if (!input) {
    refuse_text_keys(config);
    return input;
  }
  if (const auto origin = source.origin_of_init(); origin && !origin->preprocess.text_column.empty())
    use_texts_of(origin->preprocess, *input);
  if (!config.data.text.empty()) input->column = config.data.text;
  if (config.data.text_pair) input->pair_column = *config.data.text_pair;
  if (config.model.max_length > 0) input->max_length = config.model.max_length;
  return input;
}

}  // namespace thaw
