#include "finetune/preprocess/tokenizer/tokenizer.h"

#include <algorithm>
#include <filesystem>

#include "core/error.h"
#include "finetune/preprocess/tokenizer/reading.h"
#include "finetune/preprocess/tokenizer/tokenizer_json.h"
#include "finetune/preprocess/tokenizer/vocabulary_files.h"
#include "finetune/preprocess/tokenizer/word_piece.h"

namespace thaw {
namespace {

constexpr const char* kFiles[] = {
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt", "vocab.json",
    "merges.txt",     "added_tokens.json"};
constexpr const char* kSentencePieceFiles[] = {"sentencepiece.bpe.model", "spiece.model", "spm.model",
                                               "sentencepiece.model", "tokenizer.model"};

std::int64_t padding_id(const FolderConfig& config, const ReadTokenizer& tokenizer) {
  const auto declared = [&](const char* role) -> std::optional<std::int64_t> {
    const auto found = config.special_tokens.find(role);
    if (found == config.special_tokens.end()) return std::nullopt;
    return find_id(found->second.token.content, tokenizer);
  };
  std::optional<std::int64_t> id = declared("pad_token");
  if (!id) id = tokenizer.pad_id;
  for (const char* usual : {"[PAD]", "<pad>"})
    if (!id) id = find_id(usual, tokenizer);
  // GPT-2 has none; the end of a text serves.
  if (!id) id = declared("eos_token");
  if (!id) id = find_id("<|endoftext|>", tokenizer);
  const std::int64_t pad = id.value_or(0);
  if (pad < 0 || pad >= std::max<std::int64_t>(1, tokenizer.parts.vocab_size))
    fail_input("the padding id ", pad, " is not in the vocabulary (", tokenizer.vocabulary.place(),
               "); make the folder again");
  return pad;
}

// The classes of transformers make their tokenizer by tokenizer_config.json, `tokenizers` makes it by
// tokenizer.json: where the two contradict each other, one of them would get other tokens.
void check_agreement(const std::string& folder, const FolderConfig& config, const TokenizerParts& parts) {
  const std::string of = config.tokenizer_class.value_or("");
  if (of == "PreTrainedTokenizerFast" || of == "TokenizersBackend") return;  // go by tokenizer.json too
  const auto check = [&](const char* key, const std::optional<bool>& wanted, bool is) {
    if (wanted && *wanted != is)
      fail_input("'", key, "' is ", *wanted ? "true" : "false", " (", folder,
                 "/tokenizer_config.json), but tokenizer.json does the contrary; make the two agree");
  };
  const auto becomes = [&](std::string_view text, std::string_view what) {
    std::string buffer;
    return parts.normalizer.normalize(text, buffer) == what;
  };
  for (const auto& pre_tokenizer : parts.pre_tokenizer.parts())
    if (const std::optional<bool> adds = pre_tokenizer->adds_prefix_space())
      check("add_prefix_space", config.add_prefix_space, *adds);
  // These are BERT's, and what else has a tokenizer of one of its classes leaves them alone.
  const bool is_word_piece = dynamic_cast<const WordPiece*>(parts.model.get()) != nullptr;
  if (is_word_piece || of.starts_with("Albert"))
    check("do_lower_case", config.do_lower_case, becomes("A", "a"));
  if (!is_word_piece) return;
  check("strip_accents", config.strip_accents, becomes("\u00e9", "e"));
  check("tokenize_chinese_chars", config.tokenize_chinese_chars, becomes("\u4e2d", " \u4e2d "));
}

// What the folder's files make, of the kind that counts first.
ReadTokenizer read_files(const std::string& folder, const FolderConfig& config) {
  const auto has = [&](const char* name) { return std::filesystem::exists(folder + "/" + name); };
  if (has("tokenizer.json")) {
    ReadTokenizer read = read_tokenizer_json(folder + "/tokenizer.json");
    check_agreement(folder, config, read.parts);
    return read;
  }
  if (has("vocab.txt")) return read_word_piece_files(folder, config);
  if (has("vocab.json") && has("merges.txt")) {
    if (has("added_tokens.json"))
      fail_input("added_tokens.json without tokenizer.json is not in this version (", folder,
                 "); save the tokenizer as tokenizer.json");
    return read_bpe_files(folder, config);
  }
  for (const char* name : kSentencePieceFiles)
    if (has(name))
      fail_input("SentencePiece's own file is not in this version (", folder, "/", name,
                 "); have transformers write tokenizer.json beside it: "
                 "AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)");
  fail_input("there is no tokenizer (", folder,
             "); the folder needs tokenizer.json, or vocab.txt, or vocab.json with merges.txt");
}

}  // namespace

std::shared_ptr<const Tokenizer> load_tokenizer(const std::string& folder) {
  const FolderConfig config = read_folder_config(folder);
  ReadTokenizer read = read_files(folder, config);
  read.parts.pad_id = padding_id(config, read);
  // As in transformers, which sets tokenizer.json's truncation anew for each call.
  if (config.model_max_length) read.parts.max_length = config.model_max_length;
  if (config.truncation_side) read.parts.truncation_side = *config.truncation_side;
  for (const char* name : kFiles)
    if (std::filesystem::exists(folder + "/" + name)) read.parts.files.emplace_back(name);
  return std::make_shared<PipelineTokenizer>(std::move(read.parts));
}

}  // namespace thaw
