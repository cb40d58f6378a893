// A small BERT in the layout of Hugging Face, with random weights, and sentences that it can learn.
#pragma once

#include <cstdint>
#include <string>

namespace thaw::test {

// Writes config.json, model.safetensors and vocab.txt of a BERT without a head: two layers, 16 features, a
// vocabulary of the words of the sentences below, sentence_bert_config.json with 12 tokens at most.
void write_text_model(const std::string& folder, std::uint64_t seed = 0);

// A CSV with the columns text and label: `count` sentences, good and bad ones by turns. `seed` makes other
// ones.
std::string sentences_csv(std::int64_t count, std::uint64_t seed);

}  // namespace thaw::test
