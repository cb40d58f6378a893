// How sound files become what a model hears: the column that names them, and the features of preprocessor_config.json.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "finetune/data/dataset.h"
#include "finetune/data/dictation.h"
#include "finetune/data/sounds.h"
#include "nn/models/registry.h"

namespace thaw {

class Tokenizer;

inline constexpr const char* kGenerationName = "generation_config.json";
// Where newer versions of transformers keep what preprocessor_config.json said, in "feature_extractor".
inline constexpr const char* kProcessorName = "processor_config.json";

struct SoundInput {
  std::string column;
  bool whole_context = false;
  std::shared_ptr<const Hearing> hearing;
  std::shared_ptr<const Tokenizer> tokenizer =
      nullptr;  // of a model that writes; null: it says characters (CTC)
  std::shared_ptr<const Dictation> dictation = nullptr;  // the same
  std::int64_t longest_text = 0;                         // in tokens, the prompt included
};

// As the folder's preprocessor_config.json or processor_config.json says; what it does not say, or without these, is as in
// transformers' WhisperFeatureExtractor. InputError naming file and key for what is malformed, or no features of the model's.
LogMelOptions read_log_mel(const std::string& folder, const ModelConfig& model);

// As preprocessor_config.json says; without the file as in transformers' WhisperFeatureExtractor or Wav2Vec2FeatureExtractor.
// `whole_context`: see LogMelFeatures.
std::shared_ptr<const Hearing> read_hearing(const std::string& folder, const ModelConfig& model,
                                            bool whole_context);

// What the model's tokenizer puts before a text and behind it, and what generation_config.json, or without it config.json, says
// may not be written (suppress_tokens, begin_suppress_tokens; of the latter transformers' default where they say nothing).
// InputError where they do not fit the model, and for a model of many languages whose tokenizer names none.
std::shared_ptr<const Dictation> read_dictation(const std::string& folder, const ModelConfig& model,
                                                std::shared_ptr<const Tokenizer> tokenizer);

// Gives each part, which has sounds or nothing, a copy of its inputs as the model hears them, and transcripts their tokens
// where it writes. InputError for a sound that is longer than the model's context, or a text than its decoder's.
void hear(const SoundInput& input, const std::vector<Dataset*>& parts);

// "64 minutes of sound", of all parts, and the rates that are not the model's.
std::string describe_sounds(const std::vector<Dataset*>& parts, const Hearing& hearing);

}  // namespace thaw
