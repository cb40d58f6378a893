#include "finetune/preprocess/sound_input.h"

#include <filesystem>
#include <set>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/common/units.h"
#include "finetune/preprocess/image_input.h"
#include "finetune/preprocess/tokenizer/tokenizer.h"
#include "nn/io/json_file.h"

namespace thaw {
namespace {

void check_range(const char* key, std::int64_t value, std::int64_t least, std::int64_t most,
                 const std::string& path) {
  if (value < least || value > most)
    fail_input("'", key, "' is ", value, " (", path, "); it must be ", least, " to ", most);
}

const Sounds& sounds_of(const Dataset& data) { return dynamic_cast<const Sounds&>(*data.inputs); }

// Where the samples have their features computed, nothing is mixed with them.
void refuse_dither(const nlohmann::json& json, const std::string& path) {
  double dither = 0;
  read_optional_field(json, "dither", path, dither);
  if (dither != 0)
    fail_input("'dither' is ", dither, " (", path, "), and no noise is added here; set it to 0");
  bool normalize = false;
  read_optional_field(json, "do_normalize", path, normalize);
  if (normalize)
    fail_input("'do_normalize' is true (", path, "), which is not in this version; set it to false");
}

// The feature extractor's config and the file that it stands in; an empty object where the folder has none.
struct ExtractorConfig {
  std::string path;
  nlohmann::json json = nlohmann::json::object();
};

ExtractorConfig read_extractor(const std::string& folder) {
  ExtractorConfig found{concat(folder, '/', kImageInputName)};
  if (std::filesystem::exists(found.path)) {
    found.json = read_json(found.path);
  } else if (const std::string path = concat(folder, '/', kProcessorName); std::filesystem::exists(path)) {
    found.path = path;
    const nlohmann::json json = read_json(path);
    if (const auto extractor = json.find("feature_extractor"); extractor != json.end())
      found.json = *extractor;
  }
  if (!found.json.is_object())
    fail_input("no feature extractor's config (", found.path, "); get the file again");
  return found;
}

// Transformers asks for a language in so many tokens: the beginning, the language, the task.
constexpr std::size_t kPromptWithLanguage = 3;

void check_language(const nlohmann::json& json, const WritingRules& rules, const std::string& path) {
  const auto languages = json.find("lang_to_id");
  const bool has_many =
      (languages != json.end() && !languages->empty()) || read_flag(json, "is_multilingual", path, false);
  if (has_many && rules.prompt.size() < kPromptWithLanguage)
    fail_input("the model writes many languages, and its tokenizer asks for none (", path,
               ", lang_to_id); save the tokenizer again after transformers' set_prefix_tokens(language=.., "
               "task=\"transcribe\")");
}

void read_forbidden(const nlohmann::json& json, const char* key, std::int64_t vocabulary,
                    const std::string& path, std::vector<std::int64_t>& tokens) {
  const auto found = json.find(key);
  if (found == json.end() || found->is_null()) return;
  read_field(json, key, path, tokens);
  std::erase(tokens, -1);  // stands for none
  for (const std::int64_t token : tokens)
    if (token < 0 || token >= vocabulary)
      fail_input("'", key, "' has the token ", token, " (", path, "), the model has ", vocabulary,
                 "; use the file that belongs to it");
  if (std::set<std::int64_t>(tokens.begin(), tokens.end()).size() == static_cast<std::size_t>(vocabulary))
    fail_input("'", key, "' leaves no token to write (", path, "); use the file that belongs to the model");
}

// A space and the end, as transformers' WhisperConfig has it; of other tokenizers nothing.
std::vector<std::int64_t> never_first_by_default(std::int64_t vocabulary) {
  const std::vector<std::int64_t> tokens{220, 50256};
  return tokens.back() < vocabulary ? tokens : std::vector<std::int64_t>{};
}

}  // namespace

LogMelOptions read_log_mel(const std::string& folder, const ModelConfig& model) {
  LogMelOptions options;
  const auto [path, json] = read_extractor(folder);
  std::int64_t seconds = options.chunk / options.rate;
  read_optional_field(json, "sampling_rate", path, options.rate);
  read_optional_field(json, "n_fft", path, options.window);
  read_optional_field(json, "hop_length", path, options.hop);
  read_optional_field(json, "feature_size", path, options.mels);
  read_optional_field(json, "chunk_length", path, seconds);
  check_range("sampling_rate", options.rate, 1000, 192'000, path);
  check_range("n_fft", options.window, 16, 1 << 14, path);
  check_range("hop_length", options.hop, 1, options.window, path);
  check_range("feature_size", options.mels, 1, 1 << 10, path);
  check_range("chunk_length", seconds, 1, 3600, path);
  if (options.window % 2 != 0) fail_input("'n_fft' is ", options.window, " (", path, "); it must be even");
  refuse_dither(json, path);
  options.chunk = seconds * options.rate;
  if (options.chunk / options.hop % 2 != 0)
    fail_input("a context of ", seconds, " s has ", options.chunk / options.hop, " frames (", path,
               ", hop_length), and two make a place; use the file that belongs to the model");
  if (options.chunk <= options.window)
    fail_input("a context of ", seconds, " s is shorter than a window of ", options.window, " samples (",
               path, ", n_fft); use the file that belongs to the model");
  const std::int64_t places = options.chunk / options.hop / 2;
  if (options.mels != model.mels)
    fail_input("the features are ", options.mels, " mel bands, the model takes ", model.mels, " (", path,
               ", feature_size); use the file that belongs to the model");
  if (places != model.transformer.positions)
    fail_input("a context of ", options.chunk / options.rate, " s has ", places, " places, the model ",
               model.transformer.positions, " (", path,
               ", chunk_length); use the file that belongs to the model");
  return options;
}

std::shared_ptr<const Dictation> read_dictation(const std::string& folder, const ModelConfig& model,
                                                std::shared_ptr<const Tokenizer> tokenizer) {
  const std::int64_t vocabulary = model.decoder.vocab_size;
  if (tokenizer->vocab_size() > vocabulary)
    fail_input("the tokenizer has ", tokenizer->vocab_size(), " tokens, the model ", vocabulary, " (", folder,
               "); use the tokenizer that belongs to it");
  auto dictation = std::make_shared<Dictation>();
  WritingRules& rules = dictation->rules;
  rules.prompt = tokenizer->encode("").ids;
  if (rules.prompt.size() < 2)
    fail_input("the tokenizer puts ", rules.prompt.size(), " tokens around a text (", folder,
               "), and a model that writes needs one before it and one behind it; use the tokenizer.json "
               "that belongs to it");
  rules.end = rules.prompt.back();
  rules.prompt.pop_back();
  std::string path = concat(folder, '/', kGenerationName);
  if (!std::filesystem::exists(path)) path = concat(folder, "/config.json");
  const nlohmann::json json = read_json(path);
  if (!json.is_object()) fail_input("no generation config (", path, "); get the file again");
  check_language(json, rules, path);
  rules.never_first = never_first_by_default(vocabulary);
  read_forbidden(json, "suppress_tokens", vocabulary, path, rules.never);
  read_forbidden(json, "begin_suppress_tokens", vocabulary, path, rules.never_first);
  dictation->text_of = [tokenizer = std::move(tokenizer)](const std::vector<std::int64_t>& tokens) {
    return std::string(trim(tokenizer->decode(tokens)));
  };
  return dictation;
}

namespace {

// The tokens behind the prompt, with the one that ends them. The model was pretrained to write a space before a text.
std::vector<std::int64_t> tokens_of(const SoundInput& input, const std::string& text) {
  std::vector<std::int64_t> ids = input.tokenizer->encode(" " + text).ids;
  ids.erase(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(input.dictation->rules.prompt.size()));
  return ids;
}

// Of models that hear sounds of any length: an hour at the usual rate, of which attention would take far more memory.
constexpr std::int64_t kMostHeard = std::int64_t{1} << 26;

void check_length(const Sounds& sounds, std::int64_t row, const SoundFeatures& features) {
  const double rate = static_cast<double>(features.rate());
  const double heard = sounds.seconds(row) * rate;  // beyond what counts can hold, perhaps
  const std::int64_t most = features.longest().value_or(kMostHeard);
  if (heard > static_cast<double>(most))
    fail_input("the sound is ", short_number(sounds.seconds(row), 7), " s long, and the model hears ",
               short_number(static_cast<double>(most) / rate, 7), " s at once (", sounds[row].path,
               "); cut it into parts");
}

void use_dictation(const SoundInput& input, Dataset& data) {
  data.dictation = input.dictation;
  if (data.targets != Targets::transcripts) return;
  for (Sample& sample : data.samples) sample.characters = tokens_of(input, sample.transcript);
  for (std::int64_t row = 0; row < data.size(); ++row)
    if (const std::int64_t length = written_lengths(data, {row})[0]; length > input.longest_text)
      fail_input("the transcript of row ", data[row].id + 1, " is ", length,
                 " tokens long, and the model writes ", input.longest_text, " (", sounds_of(data)[row].path,
                 "); cut the sound into parts");
}

}  // namespace

std::shared_ptr<const Hearing> read_hearing(const std::string& folder, const ModelConfig& model,
                                            bool whole_context) {
  Hearing hearing;
  if (!takes_raw_sound(model)) {
    hearing.features = std::make_shared<const LogMelFeatures>(read_log_mel(folder, model), whole_context);
    return std::make_shared<const Hearing>(std::move(hearing));
  }
  std::int64_t rate = 16000;
  bool normalize = true;
  const auto [path, json] = read_extractor(folder);
  read_optional_field(json, "sampling_rate", path, rate);
  read_optional_field(json, "do_normalize", path, normalize);
  check_range("sampling_rate", rate, 1000, 192'000, path);
  hearing.features = std::make_shared<const SampleFeatures>(rate, normalize, model.wave);
  return std::make_shared<const Hearing>(std::move(hearing));
}

void hear(const SoundInput& input, const std::vector<Dataset*>& parts) {
  const SoundFeatures& features = *input.hearing->features;
  const auto in_seconds = [&](std::int64_t samples) {
    return static_cast<double>(samples) / static_cast<double>(features.rate());
  };
  for (Dataset* part : parts) {
    if (part->size() == 0) continue;
    const Sounds& sounds = sounds_of(*part);
    for (std::int64_t row = 0; row < sounds.size(); ++row) check_length(sounds, row, features);
    if (input.dictation != nullptr) use_dictation(input, *part);
    auto heard = std::make_shared<const Sounds>(sounds, input.hearing);
    for (std::int64_t row = 0; row < heard->size(); ++row)
      if (heard->length(row) < 1)
        fail_input("the sound is ", short_number(heard->seconds(row)), " s long, and the model needs ",
                   short_number(in_seconds(features.samples(1))), " s (", (*heard)[row].path,
                   "); leave it out");
    part->inputs = std::move(heard);
  }
}

std::string describe_sounds(const std::vector<Dataset*>& parts, const Hearing& hearing) {
  double seconds = 0;
  std::set<std::int64_t> rates;
  for (const Dataset* part : parts)
    if (const Sounds* sounds = find_sounds(*part))
      for (std::int64_t row = 0; row < sounds->size(); ++row) {
        seconds += sounds->seconds(row);
        rates.insert((*sounds)[row].rate);
      }
  const bool are_hours = seconds >= 100 * 60;
  std::string text = concat(short_number(seconds / (are_hours ? 3600 : 60), 3),
                            are_hours ? " hours" : " minutes", " of sound");
  if (rates.empty() || (rates.size() == 1 && *rates.begin() == hearing.features->rate())) return text;
  text += concat(", of ", *rates.begin());
  if (rates.size() > 1) text += concat(" to ", *rates.rbegin());
  return text + concat(" Hz, resampled to ", hearing.features->rate());
}

}  // namespace thaw
