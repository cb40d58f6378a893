// `thaw inspect`: what is in a model folder or a file of weights.
#include <filesystem>

#include "core/error.h"
#include "finetune/cli/commands.h"
#include "finetune/cli/output.h"
#include "finetune/common/json.h"
#include "finetune/common/text_table.h"
#include "finetune/model/adapter_config.h"
#include "finetune/model/model_folder.h"
#include "finetune/plan/adapters.h"
#include "nn/io/safetensors_header.h"

namespace thaw::cli {
namespace {

using Rows = std::vector<TextRow>;

std::int64_t elements_of(const SafetensorsEntry& entry) {
  std::int64_t count = 1;
  for (const std::int64_t size : entry.shape) count *= size;
  return count;
}

// What is inspected: tensors of a file and, where a config.json says how to build the model, its groups.
struct Inspected {
  std::shared_ptr<const WeightFiles> weights;
  std::unique_ptr<Model> model;  // on the meta device; null for a file alone
  ModelFolder folder;

  std::string group_of(const SafetensorsEntry& entry) const {
    if (model == nullptr) return "";
    const auto name = model_name(*model, entry.name);
    const int group = name ? model->group_of(*name) : -1;
    return group < 0 ? "" : model->groups()[static_cast<std::size_t>(group)].name;
  }

  std::vector<SafetensorsEntry> entries() const {
    std::vector<SafetensorsEntry> all;
    for (const SafetensorsFile& file : weights->files())
      all.insert(all.end(), file.entries().begin(), file.entries().end());
    return all;
  }

  struct Count {
    std::int64_t tensors = 0, elements = 0;
  };
  Count count(const std::string* group) const {
    Count total;
    for (const SafetensorsEntry& entry : entries())
      if (group == nullptr || group_of(entry) == *group) {
        ++total.tensors;
        total.elements += elements_of(entry);
      }
    return total;
  }
};

Inspected open(const std::string& path) {
  if (is_adapter_folder(path)) return {read_adapter_folder(path).weights, nullptr, {}};
  if (!is_model_folder(path)) return {std::make_shared<const WeightFiles>(path), nullptr, {}};
  const ModelFolder folder = read_model_folder(path);
  return {folder.weights, make_meta_model(folder.config), folder};
}

std::string as_json(const Inspected& inspected) {
  Json json = Json::object();
  if (inspected.model != nullptr) {
    json["architecture"] = inspected.folder.config.architecture;
    json["task"] = inspected.folder.preprocess.task->name();
    json["labels"] = inspected.folder.preprocess.labels;
    json["groups"] = Json::array();
    for (const Group& group : inspected.model->groups()) {
      const auto count = inspected.count(&group.name);
      json["groups"].push_back(
          {{"name", group.name}, {"tensors", count.tensors}, {"elements", count.elements}});
    }
  }
  json["tensors"] = Json::array();
  for (const SafetensorsEntry& entry : inspected.entries()) {
    Json tensor{{"name", entry.name},
                {"dtype", entry.dtype},
                {"shape", entry.shape},
                {"elements", elements_of(entry)}};
    if (inspected.model != nullptr) tensor["group"] = inspected.group_of(entry);
    json["tensors"].push_back(tensor);
  }
  json["elements"] = inspected.count(nullptr).elements;
  json["metadata"] = inspected.weights->files().front().metadata();
  return json_document(json);
}

std::string as_text(const Inspected& inspected) {
  std::string text;
  if (inspected.model != nullptr) {
    text +=
        inspected.folder.config.architecture + " for " + inspected.folder.preprocess.task->name() + "\n\n";
    Rows groups = {{"group", "tensors", "elements"}};
    for (const Group& group : inspected.model->groups()) {
      const auto count = inspected.count(&group.name);
      groups.push_back({group.name, std::to_string(count.tensors), std::to_string(count.elements)});
    }
    text += text_table(groups) + "\n";
  }
  Rows tensors = {{"tensor", "dtype", "shape", "elements", inspected.model == nullptr ? "" : "group"}};
  for (const SafetensorsEntry& entry : inspected.entries())
    tensors.push_back({one_line(entry.name), entry.dtype, shape_text(entry.shape),
                       std::to_string(elements_of(entry)), inspected.group_of(entry)});
  const auto all = inspected.count(nullptr);
  return text + text_table(tensors) + concat("\n", all.tensors, " tensors, ", all.elements, " elements\n");
}

}  // namespace

int inspect(const Arguments& arguments) {
  const Inspected inspected = open(arguments.path);
  print(arguments.json ? as_json(inspected) : as_text(inspected));
  return 0;
}

}  // namespace thaw::cli
