#include "nn/models/labels.h"

#include "core/error.h"
#include "nn/io/json_file.h"

namespace thaw {
namespace {

constexpr std::int64_t kMostLabels = 1 << 20;

// LABEL_0, LABEL_1, ...: what transformers writes where nobody named them.
bool are_placeholders(const std::vector<std::string>& labels) {
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (labels[i] != "LABEL_" + std::to_string(i)) return false;
  return true;
}

// A name, which may be written as a number.
std::string label_in(const nlohmann::json& names, const std::string& key, const std::string& place) {
  const auto found = names.find(key);
  if (found != names.end() && found->is_number()) return found->dump();
  std::string name;
  read_field(names, key.c_str(), place, name);
  return name;
}

}  // namespace

void read_labels(const nlohmann::json& json, const std::string& path, ModelConfig& config) {
  config.outputs = 2;  // what transformers assumes
  read_optional_field(json, "num_labels", path, config.outputs);
  read_optional_field(json, "problem_type", path, config.problem_type);
  const auto names = json.find("id2label");
  if (names == json.end() || names->is_null()) return;
  if (!names->is_object() || static_cast<std::int64_t>(names->size()) > kMostLabels)
    fail_input("'id2label' is no table of names (", path, "); make the folder again");
  std::vector<std::string> labels;
  for (std::size_t i = 0; i < names->size(); ++i)
    labels.push_back(label_in(*names, std::to_string(i), path + ", id2label"));
  config.outputs = static_cast<std::int64_t>(labels.size());
  if (!are_placeholders(labels)) config.labels = labels;
}

void write_labels(const ModelConfig& config, nlohmann::ordered_json& json) {
  const bool regression = config.outputs == 1;
  json["problem_type"] = regression ? "regression" : "single_label_classification";
  nlohmann::ordered_json id2label = nlohmann::ordered_json::object(),
                         label2id = nlohmann::ordered_json::object();
  for (std::size_t i = 0; i < static_cast<std::size_t>(config.outputs); ++i) {
    const std::string name = i < config.labels.size() ? config.labels[i] : "LABEL_" + std::to_string(i);
    id2label[std::to_string(i)] = name;
    label2id[name] = i;
  }
  json.erase("num_labels");  // the source's; transformers refuses one that differs from id2label
  json["id2label"] = id2label;
  json["label2id"] = label2id;
}

}  // namespace thaw
