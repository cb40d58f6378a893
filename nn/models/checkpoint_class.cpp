#include "nn/models/checkpoint_class.h"

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "nn/io/json_file.h"
#include "nn/io/safetensors_header.h"

namespace thaw {
namespace {

// What is asked for often, and what can be used in its place.
constexpr std::pair<std::string_view, const char*> kInstead[] = {
    {"modernbert", "a BERT or RoBERTa of its size"},
    {"deberta", "a RoBERTa of its size"},
    {"deberta-v2", "a RoBERTa or XLM-RoBERTa of its size"},
    {"mpnet", "a MiniLM or a RoBERTa, for sentences all-MiniLM-L12-v2 or all-distilroberta-v1"},
    {"electra", "a BERT of its size"},
    {"albert", "a BERT or DistilBERT"},
    {"camembert", "an XLM-RoBERTa"},
    {"xlm-roberta-xl", "an XLM-RoBERTa"},
    {"roberta-prelayernorm", "a RoBERTa"},
    {"nomic_bert", "a BERT of its size"},
    {"bart", "a BERT or RoBERTa"},
    {"t5", "a BERT or RoBERTa"},
    {"llama", "a GPT-2"},
    {"mistral", "a GPT-2"},
    {"qwen2", "a GPT-2"},
    {"opt", "a GPT-2"},
    {"gpt_neox", "a GPT-2"},
    {"deit", "a ViT"},
    {"convnextv2", "a ConvNeXt"},
    {"regnet", "a ResNet"},
    {"efficientnet", "an EfficientNet-lite, a ResNet or a ConvNeXt"},
};

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> starts) {
  for (const std::string_view start : starts)
    if (text.starts_with(start)) return true;
  return false;
}

// Neither a classifier's nor without a head.
bool has_foreign_head(std::string_view name) {
  for (const char* known :
       {"ForSequenceClassification", "ForImageClassification", "ForAudioClassification", "ForCTC"})
    if (name.ends_with(known)) return false;
  if (name.empty()) return false;
  return !name.ends_with("Model") || name.ends_with("HeadModel") || name.ends_with("HeadsModel");
}

}  // namespace

std::string class_in(const nlohmann::json& json) {
  const auto names = json.find("architectures");
  if (names == json.end() || !names->is_array() || names->empty() || !names->front().is_string()) return "";
  std::string name = names->front().get<std::string>();
  for (const std::string_view framework : {"TF", "Flax"})
    if (name.starts_with(framework)) return name.substr(framework.size());
  return name;
}

bool is_class_of(const std::string& name, const char* family) {
  if (!name.starts_with(family)) return false;
  const std::string_view rest = std::string_view(name).substr(std::string_view(family).size());
  return starts_with_any(rest, {"For", "LMHead", "DoubleHeads"}) || rest == "Model";
}

std::string foreign_head_in(const nlohmann::json& json, const ModelConfig& config) {
  const std::string name = class_in(json);
  const std::string& type = config.problem_type;
  if (has_foreign_head(name)) return concat("that of a ", quoted_name(name));
  if (type == "multi_label_classification") return "one of several labels at once (problem_type)";
  if (type == "regression" && config.outputs > 1)
    return concat("one of ", config.outputs, " numbers (problem_type)");
  bool weighs_layers = false;
  if (config.pools_places) read_optional_field(json, "use_weighted_layer_sum", "config.json", weighs_layers);
  if (weighs_layers) return "one on a weighted sum of all layers (use_weighted_layer_sum)";
  return "";
}

void refuse_model_type(const std::string& type, const std::string& path, const std::string& known) {
  for (const auto& [name, instead] : kInstead)
    if (type == name)
      fail_input("a model of the model_type ", quoted_name(type), " (", path,
                 ") is not in this version; use ", instead, " instead (it reads ", known, ")");
  fail_input("model_type ", quoted_name(type), " (", path, ") is not in this version; it reads ", known);
}

}  // namespace thaw
