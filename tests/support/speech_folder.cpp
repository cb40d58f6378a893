#include "tests/support/speech_folder.h"

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>

#include "finetune/model/model_folder.h"

namespace thaw::test {
namespace {

void append(std::string& to, std::uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) to += static_cast<char>(value >> (8 * i) & 0xFF);
}

void add_tone(std::vector<float>& to, bool high, std::mt19937& random) {
  const double turns = 6.283185307179586 * (high ? 3000 : 400) * (1 + 0.01 * (random() % 8)) / 16000;
  for (int n = 0; n < 4500; ++n) to.push_back(static_cast<float>(0.5 * std::sin(turns * n)));
  to.insert(to.end(), 500 + random() % 200, 0.0F);
}

constexpr const char* kFeatures =
    R"({"feature_size": 5, "sampling_rate": 16000, "n_fft": 2000, "hop_length": 1000, "chunk_length": 1})";

}  // namespace

std::string wav_bytes(const std::vector<float>& samples, int rate) {
  const auto bytes = static_cast<std::uint32_t>(2 * samples.size());
  std::string wav = "RIFF";
  append(wav, 36 + bytes, 4);
  wav += "WAVEfmt ";
  append(wav, 16, 4);
  append(wav, 1, 2);  // PCM
  append(wav, 1, 2);  // channels
  append(wav, static_cast<std::uint32_t>(rate), 4);
  append(wav, static_cast<std::uint32_t>(2 * rate), 4);
  append(wav, 2, 2);
  append(wav, 16, 2);
  wav += "data";
  append(wav, bytes, 4);
  for (const float sample : samples)
    append(wav, static_cast<std::uint32_t>(std::lround(sample * 32767)) & 0xFFFF, 2);
  return wav;
}

void write_speech_model(const TemporaryFolder& folder) {
  std::filesystem::create_directories(folder.path("whisper"));
  folder.write("whisper/preprocessor_config.json", kFeatures);
  const std::string path = folder.write("whisper/config.json", R"({"model_type": "whisper", "d_model": 16,
    "encoder_layers": 2, "encoder_attention_heads": 2, "encoder_ffn_dim": 24, "num_mel_bins": 5,
    "max_source_positions": 8, "init_std": 0.3, "architectures": ["WhisperForConditionalGeneration"]})");
  NamedTensors weights;
  for (const auto& [name, tensor] : merged_weights(*make_model(read_model_config(path), {.seed = 3})))
    if (!name.starts_with("lm_head.")) weights.emplace_back(name, tensor);
  save_safetensors(folder.path("whisper/model.safetensors"), weights);
}

void write_wave_model(const TemporaryFolder& folder) {
  std::filesystem::create_directories(folder.path("wave"));
  folder.write("wave/preprocessor_config.json", R"({"sampling_rate": 16000, "do_normalize": true})");
  const std::string path = folder.write("wave/config.json", R"({"model_type": "wav2vec2", "hidden_size": 16,
    "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24, "conv_dim": [8, 16],
    "conv_kernel": [32, 32], "conv_stride": [32, 32], "num_conv_pos_embeddings": 3, "num_conv_pos_embedding_groups": 4,
    "hidden_dropout": 0, "attention_dropout": 0, "activation_dropout": 0, "final_dropout": 0,
    "initializer_range": 0.3, "architectures": ["Wav2Vec2Model"]})");
  NamedTensors weights;
  for (const auto& [name, tensor] : merged_weights(*make_model(read_model_config(path), {.seed = 3})))
    if (!name.starts_with("lm_head.")) weights.emplace_back(name, tensor);
  save_safetensors(folder.path("wave/model.safetensors"), weights);
}

void write_speech_writer(const TemporaryFolder& folder) {
  std::filesystem::create_directories(folder.path("writer"));
  folder.write("writer/preprocessor_config.json", kFeatures);
  const std::string path = folder.write("writer/config.json", R"({"model_type": "whisper", "d_model": 16,
    "encoder_layers": 2, "encoder_attention_heads": 2, "encoder_ffn_dim": 24, "num_mel_bins": 5,
    "max_source_positions": 8, "init_std": 0.3, "decoder_layers": 1, "decoder_attention_heads": 2,
    "decoder_ffn_dim": 24, "max_target_positions": 12, "vocab_size": 259,
    "architectures": ["WhisperForConditionalGeneration"]})");
  save_safetensors(folder.path("writer/model.safetensors"),
                   merged_weights(*make_model(read_model_config(path), {.seed = 3})));
  folder.write("writer/generation_config.json",
               R"({"suppress_tokens": [257, 258], "begin_suppress_tokens": [256]})");
  // GPT-2's alphabet: a byte that prints is itself, the others are U+0100 and on.
  nlohmann::json vocabulary;
  int next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    const bool prints = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xFF && byte != 0xAD);
    const int scalar = prints ? byte : next++;
    const std::string character = scalar < 0x80 ? std::string(1, static_cast<char>(scalar))
                                                : std::string{static_cast<char>(0xC0 | scalar >> 6),
                                                              static_cast<char>(0x80 | (scalar & 0x3F))};
    vocabulary[character] = byte;
  }
  nlohmann::json tokenizer = nlohmann::json::parse(R"({"normalizer": null,
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
    "decoder": {"type": "ByteLevel"}, "truncation": null, "padding": null,
    "post_processor": {"type": "TemplateProcessing",
      "single": [{"SpecialToken": {"id": "<|start|>", "type_id": 0}}, {"SpecialToken": {"id": "<|plain|>", "type_id": 0}},
                 {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "<|end|>", "type_id": 0}}],
      "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
      "special_tokens": {"<|end|>": {"id": "<|end|>", "ids": [256], "tokens": ["<|end|>"]},
                         "<|start|>": {"id": "<|start|>", "ids": [257], "tokens": ["<|start|>"]},
                         "<|plain|>": {"id": "<|plain|>", "ids": [258], "tokens": ["<|plain|>"]}}}})");
  tokenizer["model"] = {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", nlohmann::json::array()}};
  for (const auto& [content, id] : {std::pair("<|end|>", 256), {"<|start|>", 257}, {"<|plain|>", 258}})
    tokenizer["added_tokens"].push_back({{"id", id},
                                         {"content", content},
                                         {"single_word", false},
                                         {"lstrip", false},
                                         {"rstrip", false},
                                         {"normalized", false},
                                         {"special", true}});
  folder.write("writer/tokenizer.json", tokenizer.dump());
}

void write_tones(const TemporaryFolder& folder, const std::string& name, int count, unsigned seed) {
  std::filesystem::create_directories(folder.path("tones"));
  std::mt19937 random(seed);
  std::string csv = "audio,text,level\n";
  for (int i = 0; i < count; ++i) {
    const std::string file = name + std::to_string(i) + ".wav";
    std::vector<float> samples;
    std::string text;
    for (unsigned tone = 0; tone < 2 + random() % 2; ++tone) {
      const bool high = random() % 2 == 1;
      text += high ? 'b' : 'a';
      add_tone(samples, high, random);
    }
    folder.write("tones/" + file, wav_bytes(samples, 16000));
    csv += file + "," + text + "," + std::to_string(i % 5) + "\n";
  }
  folder.write("tones/" + name + ".csv", csv);
}

void write_tone_classes(const TemporaryFolder& folder, const std::string& name, int count, unsigned seed) {
  std::mt19937 random(seed);
  for (const bool high : {true, false}) {
    const std::string label = name + (high ? "/high" : "/low");
    std::filesystem::create_directories(folder.path(label));
    for (int i = 0; i < count; ++i) {
      std::vector<float> samples;
      for (int tone = 0; tone <= i % 3; ++tone) add_tone(samples, high, random);
      folder.write(label + "/" + std::to_string(i) + ".wav", wav_bytes(samples, 16000));
    }
  }
}

}  // namespace thaw::test
