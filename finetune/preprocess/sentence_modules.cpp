#include "finetune/preprocess/sentence_modules.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "finetune/common/text.h"
#include "nn/io/json_file.h"
#include "nn/io/safetensors_header.h"
#include "nn/models/transformer.h"

namespace thaw {
namespace {

namespace fs = std::filesystem;
constexpr const char* kUsualPooling = "1_Pooling";  // the folder of its config

// "mean", "cls", "lasttoken", or what thaw has not.
std::string read_pooling(const std::string& path) {
  const nlohmann::json config = read_json(path);
  const auto is_set = [&](const char* mode) {
    bool value = false;
    read_optional_field(config, mode, path, value);
    return value;
  };
  std::vector<std::string> modes;
  // From version 6 on one name, or a list of them; before, a switch for each.
  if (const auto named = config.find("pooling_mode"); named != config.end() && named->is_string())
    modes = {named->get<std::string>()};
  else
    read_optional_field(config, "pooling_mode", path, modes);
  for (const char* mode :
       {"cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken"})
    if (is_set(concat("pooling_mode_", mode).c_str())) modes.emplace_back(mode);
  if (modes.empty())
    fail_input("no way to make one vector of a text is named (", path,
               R"(); set "pooling_mode" to "mean" or "cls")");
  std::string pooling = joined(modes);
  if (pooling == "mean_tokens") pooling = kMeanPooling;
  if (pooling == "cls_token") pooling = "cls";
  return pooling;
}

// What this version has, in the one order that it has.
constexpr std::array<std::string_view, 3> kModules = {"Transformer", "Pooling", "Normalize"};
constexpr std::ptrdiff_t kTransformer = 0, kPooling = 1, kNormalize = 2;

std::ptrdiff_t place_of(const std::string& type, const std::string& file) {
  const auto found = std::find(kModules.begin(), kModules.end(), type.substr(type.rfind('.') + 1));
  if (found == kModules.end())
    fail_input("sentences go through a module of the type ", quoted_name(type), " (", file,
               "); only Transformer, Pooling and Normalize are in this version; remove the file to train "
               "and use what comes before it");
  return found - kModules.begin();
}

// A folder in that of the model, as the module of a `kind` names it.
std::string folder_named(const std::string& name, const char* kind, const std::string& modules) {
  if (name.empty() || name.find('/') != std::string::npos || name == "." || name == "..")
    fail_input("the ", kind, " module's path ", quoted_name(name), " is no folder of the model (", modules,
               "); get the folder again");
  return name;
}

void use_pooling_folder(const std::string& folder, const std::string& name, const std::string& modules,
                        SentenceModules& sentences) {
  sentences.pooling_file = concat(folder, '/', folder_named(name, "Pooling", modules), "/config.json");
  if (!fs::exists(sentences.pooling_file))
    fail_input("it is not known how the vector of a text is made: ", modules, " names ",
               sentences.pooling_file,
               ", which is missing; get the folder again, or remove both to do without");
  sentences.pooling = read_pooling(sentences.pooling_file);
}

}  // namespace

void check_pooling(const SentenceModules& sentences, bool decoder) {
  const std::string& pooling = sentences.pooling;
  if (pooling == kMeanPooling || pooling == (decoder ? kLastToken : "cls")) return;
  fail_input("the vector of a text is made by ", quoted_name(pooling), " (", sentences.pooling_file,
             "); this version has mean and ", decoder ? kLastToken : "cls",
             " for such a model: use one of that kind, or remove the file to train with what the model is "
             "without it");
}

SentenceModules read_sentence_modules(const std::string& folder) {
  SentenceModules sentences;
  const std::string file = folder + "/modules.json";
  if (!fs::exists(file)) {
    const std::string usual = concat(folder, '/', kUsualPooling, "/config.json");
    if (fs::exists(usual)) sentences.pooling = read_pooling(sentences.pooling_file = usual);
    return sentences;
  }
  std::ptrdiff_t last = -1;
  for (const nlohmann::json& module : read_json(file)) {
    std::string type, path;
    if (module.is_object()) {
      read_optional_field(module, "type", file, type);
      read_optional_field(module, "path", file, path);
    }
    const std::ptrdiff_t place = place_of(type, file);
    if (place <= last)
      fail_input("the module ", quoted_name(type), " comes too late or twice (", file,
                 "); this version has the order Transformer, Pooling, Normalize");
    last = place;
    if (place == kTransformer && !path.empty())
      sentences.transformer = folder_named(path, "Transformer", file);
    if (place == kPooling) use_pooling_folder(folder, path, file, sentences);
  }
  if (sentences.pooling.empty())
    fail_input("it is not known how the vector of a text is made: no Pooling is named (", file,
               "); get the folder again, or remove the file to do without");
  sentences.normalize = last == kNormalize;
  return sentences;
}

}  // namespace thaw
