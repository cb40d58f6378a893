#include "finetune/model/adapter_config.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "core/error.h"
#include "finetune/common/json.h"
#include "nn/io/files.h"
#include "nn/io/json_file.h"
#include "nn/io/safetensors_header.h"

namespace thaw {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMostConfigBytes = std::int64_t{1} << 20;

// Keys that say nothing of what the adapter computes, or that are read below.
constexpr std::array kHarmless = {"alpha_pattern",
                                  "auto_mapping",
                                  "base_model_name_or_path",
                                  "bias",
                                  "corda_config",
                                  "ensure_weight_tying",
                                  "eva_config",
                                  "exclude_modules",
                                  "fan_in_fan_out",
                                  "inference_mode",
                                  "init_lora_weights",
                                  "layers_pattern",
                                  "layers_to_transform",
                                  "loftq_config",
                                  "lora_alpha",
                                  "lora_dropout",
                                  "megatron_core",
                                  "modules_to_save",
                                  "peft_type",
                                  "peft_version",
                                  "qalora_group_size",
                                  "r",
                                  "rank_pattern",
                                  "revision",
                                  "runtime_config",
                                  "target_modules",
                                  "task_type",
                                  "use_dora",
                                  "use_rslora"};

bool says_nothing(const nlohmann::json& value) {
  return value.is_null() || value == false || ((value.is_object() || value.is_array()) && value.empty());
}

// Some starts take away from the base's weights what they put into the adapter.
bool keeps_the_base(const nlohmann::json& start) {
  return start.is_boolean() || start.is_null() || start == "gaussian" || start == "orthogonal" ||
         start == "eva";
}

void refuse_what_thaw_has_not(const nlohmann::json& json, const std::string& path) {
  for (const auto& [key, value] : json.items())
    if (std::find(kHarmless.begin(), kHarmless.end(), key) == kHarmless.end() && !says_nothing(value))
      fail_input("the adapter has ", quoted_name(key), " set, which thaw has not (", path,
                 "); merge it into its base with PEFT, and start from that");
  std::string type, bias = "none";
  read_field(json, "peft_type", path, type);
  if (type != "LORA")
    fail_input("the adapter is of peft_type ", quoted_name(type), " (", path, "); thaw reads LORA");
  read_optional_field(json, "bias", path, bias);
  if (bias != "none")
    fail_input("the adapter has bias = ", quoted_name(bias), " (", path,
               "); merge it into its base with PEFT, and start from that");
  const auto start = json.find("init_lora_weights");
  if (start != json.end() && !keeps_the_base(*start))
    fail_input("the adapter began with init_lora_weights = ", start->dump(),
               ", which changes its base's weights (", path,
               "); convert it with PEFT's path_initial_model_for_weight_conversion, or merge it with PEFT");
}

constexpr std::int64_t kMostRank = 65536;
constexpr double kLeastAlpha = 1e-6, kMostAlpha = 1e6;
constexpr std::size_t kMostPatterns = 1024;

template <class T>
T read_within(const nlohmann::json& json, const char* key, const std::string& path, T value, T least,
              T most) {
  read_optional_field(json, key, path, value);
  if (!(value >= least && value <= most))
    fail_input("'", key, "' is ", value, " (", path, "); it must be ", least, " to ", most);
  return value;
}

// `json` in the file's order, which decides where several keys match.
template <class T>
std::vector<LoraPattern> read_patterns(const Json& json, const char* key, const std::string& path, T least,
                                       T most) {
  std::vector<LoraPattern> patterns;
  const auto found = json.find(key);
  if (found == json.end() || found->is_null()) return patterns;
  const std::string place = concat(path, ", ", key);
  if (!found->is_object() || found->size() > kMostPatterns)
    fail_input("'", key, "' is no table of at most ", kMostPatterns, " names (", path,
               "); make the folder again");
  for (const auto& [name, value] : found->items()) {
    const nlohmann::json entry{{name, value}};
    const auto number = read_within<T>(entry, name.c_str(), place, least, least, most);
    patterns.push_back(
        {name, NamePattern(concat("(.*\\.)?(", name, ")$"), place), static_cast<double>(number)});
  }
  return patterns;
}

const LoraPattern* first_match(const std::vector<LoraPattern>& patterns, const std::string& module) {
  const auto found = std::find_if(patterns.begin(), patterns.end(), [&](const LoraPattern& pattern) {
    return pattern.pattern.matches(module);
  });
  return found == patterns.end() ? nullptr : &*found;
}

}  // namespace

bool is_adapter_folder(const std::string& path) {
  return !path.empty() && fs::exists(path + kAdapterConfigName) && !fs::exists(path + "/config.json");
}

LoraOptions AdapterFolder::options_of(const std::string& module) const {
  LoraOptions own = options;
  if (const LoraPattern* rank = first_match(ranks, module)) own.r = static_cast<std::int64_t>(rank->value);
  if (const LoraPattern* alpha = first_match(alphas, module)) own.alpha = alpha->value;
  return own;
}

AdapterFolder read_adapter_folder(const std::string& path) {
  const std::string file = path + kAdapterConfigName;
  const nlohmann::json json = read_json(file, kMostConfigBytes);
  if (!json.is_object()) fail_input("no adapter's config (", file, "); make the folder again");
  refuse_what_thaw_has_not(json, file);
  AdapterFolder folder;
  folder.path = path;
  LoraOptions& options = folder.options;
  options.r = read_within<std::int64_t>(json, "r", file, 8, 1, kMostRank);
  options.alpha = read_within<double>(json, "lora_alpha", file, 8, kLeastAlpha, kMostAlpha);
  const auto in_order = Json::parse(read_file(file, kMostConfigBytes));
  folder.ranks = read_patterns<std::int64_t>(in_order, "rank_pattern", file, 1, kMostRank);
  folder.alphas = read_patterns<double>(in_order, "alpha_pattern", file, kLeastAlpha, kMostAlpha);
  options.dropout = read_within<double>(json, "lora_dropout", file, 0, 0, 0.99);
  read_optional_field(json, "use_rslora", file, options.rslora);
  read_optional_field(json, "use_dora", file, options.dora);
  read_optional_field(json, "base_model_name_or_path", file, folder.base);
  if (const auto task = json.find("task_type"); task != json.end() && task->is_string())
    folder.task_type = task->get<std::string>();
  if (const std::string beside = path + "/preprocess.json"; fs::exists(beside)) {
    const nlohmann::json preprocess = read_json(beside);
    read_field(preprocess, "labels", beside, folder.labels);
    read_optional_field(preprocess, "pooling", beside, folder.pooling);
  }
  const std::string weights = path + "/adapter_model.safetensors";
  if (!fs::exists(weights))
    fail_input("the folder has no adapter_model.safetensors (", path,
               "); save the adapter again, as safetensors");
  folder.weights = std::make_shared<const WeightFiles>(weights);
  return folder;
}

}  // namespace thaw
