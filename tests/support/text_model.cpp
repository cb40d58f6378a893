#include "tests/support/text_model.h"

#include <filesystem>
#include <fstream>
#include <vector>

#include "core/random.h"
#include "finetune/model/model_folder.h"

namespace thaw::test {
namespace {

using Words = std::vector<std::string>;
const Words kGood = {"good", "fine", "warm", "bright", "lovely"};
const Words kBad = {"bad", "dull", "cold", "dark", "awful"};
const Words kSubjects = {"film", "story", "music", "actor", "scene", "end"};

void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::string vocabulary() {
  std::string lines;
  for (const Words& words :
       {Words{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "the", "was", "and", "."}, kGood, kBad,
        kSubjects})
    for (const std::string& word : words) lines += word + "\n";
  return lines;
}

}  // namespace

void write_text_model(const std::string& folder, std::uint64_t seed) {
  std::filesystem::create_directories(folder);
  write_file(folder + "/vocab.txt", vocabulary());
  write_file(folder + "/sentence_bert_config.json", R"({"max_seq_length": 12})");
  write_file(folder + "/config.json", R"({"model_type": "bert", "vocab_size": 26, "hidden_size": 16,
    "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32, "max_position_embeddings": 20,
    "type_vocab_size": 2, "initializer_range": 0.3})");
  const auto model = make_model(read_model_config(folder + "/config.json"), {.seed = seed});
  NamedTensors weights;
  for (const auto& [name, tensor] : merged_weights(*model))
    if (!name.starts_with("classifier.")) weights.emplace_back(name, tensor);
  save_safetensors(folder + "/model.safetensors", weights);
}

std::string sentences_csv(std::int64_t count, std::uint64_t seed) {
  const RandomKey key = random_key(seed, "sentences");
  std::uint64_t counter = 0;
  const auto any = [&](const Words& words) {
    return words[static_cast<std::size_t>(random_below(key, counter++, words.size()))];
  };
  std::string csv = "text,label\n";
  for (std::int64_t i = 0; i < count; ++i) {
    const Words& words = i % 2 == 0 ? kGood : kBad;
    // One draw a statement: compilers differ in which operand of + comes first.
    std::string text = "The " + any(kSubjects);
    text += " was " + any(words);
    while (random_below(key, counter++, 3) > 0 && text.size() < 60) {
      text += " and the " + any(kSubjects);
      text += " " + any(words);
    }
    csv += text + " .," + (i % 2 == 0 ? "good" : "bad") + "\n";
  }
  return csv;
}

}  // namespace thaw::test
