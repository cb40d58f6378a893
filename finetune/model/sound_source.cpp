#include "finetune/model/sound_source.h"

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/data/sound/spec_augment.h"
#include "finetune/task/task.h"

namespace thaw {
namespace {

SoundInput input_of(const ModelFolder& folder, const std::string& column, bool whole_context, bool writes) {
  SoundInput input{column, whole_context, read_hearing(folder.path, folder.config, whole_context)};
  if (!writes) return input;
  input.tokenizer = folder.tokenizer();
  input.dictation = read_dictation(folder.path, folder.config, input.tokenizer);
  input.longest_text = folder.config.decoder.positions;
  return input;
}

void augment(const Config& config, const ModelFolder& folder, SoundInput& input) {
  if (takes_raw_sound(folder.config))
    fail_input("data.augment is for pictures and log-mel features, and ", config.model.from,
               " takes raw sound (", config.path, "); leave it out");
  if (config.data.augment != std::vector<std::string>{kSpecAugment})
    fail_input("of sounds data.augment has ", in_quotes(kSpecAugment), " alone (", config.path,
               "); write data.augment = [", in_quotes(kSpecAugment), "], or leave it out");
  Hearing augmented = *input.hearing;
  augmented.is_augmented = true;
  input.hearing = std::make_shared<const Hearing>(std::move(augmented));
}

}  // namespace

std::optional<std::string> audio_column(const ModelFolder& folder) {
  if (!takes_sound(folder.config)) return std::nullopt;
  const std::string& column = folder.preprocess.audio_column;
  return column.empty() ? "audio" : column;
}

bool uses_decoder(const ModelSection& section, const ModelFolder& folder) {
  const bool does = section.decoder.empty() ? folder.has_preprocess && folder.config.decoder.writes
                                            : section.decoder == "seq2seq";
  if (does && folder.config.decoder.layers < 1)
    fail_input("the model in ", section.from, " has no decoder (", folder.path,
               "/config.json, decoder_layers), which model.decoder = \"seq2seq\" needs; set it to \"ctc\"");
  return does;
}

std::optional<SoundInput> sound_input(const ModelFolder& folder) {
  const std::optional<std::string> column = audio_column(folder);
  if (!column) return std::nullopt;
  return input_of(folder, *column, folder.preprocess.whole_context, folder.config.decoder.writes);
}

std::optional<SoundInput> sound_input(const Config& config, const ModelSource& source) {
  const bool hears = source.folder != nullptr && takes_sound(source.folder->config);
  const bool writes = find_task(config.data.task).targets() == Targets::transcripts;
  const std::string& context = config.model.audio_context;
  if (!hears) {
    const char* key = !config.data.audio.empty()      ? "data.audio"
                      : !context.empty()              ? "model.audio_context"
                      : !config.model.decoder.empty() ? "model.decoder"
                                                      : nullptr;
    if (key != nullptr)
      fail_input(key, " is for models that take sound, and ", config.model.from, " takes none (", config.path,
                 "); leave it out, or set model.from to the folder of a Whisper");
    if (writes)
      fail_input("data.task = \"transcription\" is for models that take sound, and ", config.model.from,
                 " takes none (", config.path, "); set model.from to the folder of a Whisper");
    return std::nullopt;
  }
  if (!writes && !config.model.decoder.empty())
    fail_input("model.decoder is for speech to text, and data.task is ", config.data.task, " (", config.path,
               "); leave it out, or set data.task = \"transcription\"");
  const ModelFolder& folder = *source.folder;
  std::string column = *audio_column(folder);
  // A decoder that has heard nothing but whole contexts writes on and on behind a sound that ends before.
  const bool by_decoder = writes && uses_decoder(config.model, folder);
  bool whole =
      folder.has_preprocess || folder.config.pools_places ? folder.preprocess.whole_context : by_decoder;
  if (const auto origin = source.origin_of_init(); origin && !origin->preprocess.audio_column.empty()) {
    column = origin->preprocess.audio_column;
    whole = origin->preprocess.whole_context;
  }
  if (!config.data.audio.empty()) column = config.data.audio;
  if (!context.empty()) whole = context == "full";
  if (whole && takes_raw_sound(folder.config))
    fail_input("model.audio_context = \"full\" is for models with a longest sound, and ", config.model.from,
               " has none (", config.path, "); leave it out");
  SoundInput input = input_of(folder, column, whole, by_decoder);
  if (!config.data.augment.empty()) augment(config, folder, input);
  return input;
}

}  // namespace thaw
