#include "finetune/model/starting_head.h"

#include <algorithm>

#include "core/autograd.h"
#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/data/readers/labels.h"
#include "finetune/model/adapter_folder.h"
#include "finetune/model/origin.h"
#include "kernels/kernels.h"
#include "nn/io/weight_files.h"
#include "nn/layers/linear.h"

namespace thaw {
namespace {

// Whether a head for `labels` is one for the task: the same classes, in whatever order.
bool are_labels_of(const std::vector<std::string>& labels, const PreparedData& data) {
  return labels.size() == data.train.classes.size() && places_of_labels(data.train.classes, labels);
}

// The folder whose classes an adapter's head has, as PEFT records none: of the base that it was trained on,
// where that is here, else of the one that it goes onto.
std::string base_of_labels(const AdapterFolder& adapter, const Config& config) {
  return is_model_folder(adapter.base) ? adapter.base : config.model.from;
}

}  // namespace

bool has_labels_of(const ModelFolder& folder, const PreparedData& data) {
  const std::vector<std::string> labels = labels_of_rows(folder, data.train.classes);
  if (!labels.empty()) return are_labels_of(labels, data);
  return folder.config.outputs ==
         static_cast<std::int64_t>(std::max<std::size_t>(data.train.classes.size(), 1));
}

// The classes of an adapter's head: its own, else the base's, where those are as many as the task's. Empty:
// nobody named them.
std::vector<std::string> labels_of(const AdapterFolder& adapter, const Config& config,
                                   const PreparedData& data) {
  const std::string base = base_of_labels(adapter, config);
  if (!adapter.labels.empty() || !is_model_folder(base)) return adapter.labels;
  const std::vector<std::string> labels = labels_of_rows(read_model_folder(base), data.train.classes);
  return labels.size() == data.train.classes.size() ? labels : std::vector<std::string>{};
}

// Where nobody named them, the head's shape alone decides.
bool has_labels_of(const AdapterFolder& adapter, const Config& config, const PreparedData& data) {
  const std::vector<std::string> labels = labels_of(adapter, config, data);
  return labels.empty() || are_labels_of(labels, data);
}

std::vector<ParameterPtr> head_parameters(const Model& model) {
  std::vector<ParameterPtr> parameters = model.parameters();
  std::erase_if(parameters, [&](const ParameterPtr& parameter) {
    const ParameterKind kind = parameter->kind;
    return parameter->group != model.head() || kind == ParameterKind::norm || kind == ParameterKind::lora ||
           kind == ParameterKind::adapter;
  });
  return parameters;
}

namespace {

// Whether what a file has by the name of a parameter has its shape.
bool is_among(const TensorShapes& shapes, const ParameterPtr& parameter) {
  const auto found = shapes.find(parameter->name);
  const Shape& shape = parameter->tensor.shape();
  return found != shapes.end() && found->second == std::vector(shape.begin(), shape.end());
}

// All of the head; of a tensor that several paths have the last one counts.
bool has_head(const std::vector<std::string>& paths, const Model& model) {
  TensorShapes shapes;
  for (const std::string& path : paths)
    for (const auto& [name, shape] : shapes_in(model, WeightFiles(path))) shapes[name] = shape;
  const std::vector<ParameterPtr> parameters = head_parameters(model);
  return std::all_of(parameters.begin(), parameters.end(),
                     [&](const ParameterPtr& parameter) { return is_among(shapes, parameter); });
}

bool has_last_layer(const std::string& path, const Model& model) {
  return is_among(shapes_in(model, WeightFiles(path)), model.output_layer().weight());
}

bool starts_from_folder(const Config& config) {
  return is_model_folder(config.model.from) && config.model.pretrained;
}

// The classes of the head in a file of weights: those of its folder; else of the one that it goes onto, where
// they are the task's. Empty: nobody named them.
std::vector<std::string> labels_of_file(const Config& config, const PreparedData& data) {
  const std::vector<std::string>& classes = data.train.classes;
  if (const std::string own = folder_of_init(config); !own.empty())
    return labels_of_rows(read_model_folder(own), classes);
  if (!is_model_folder(config.model.from)) return {};
  const std::vector<std::string> labels = labels_of_rows(read_model_folder(config.model.from), classes);
  return are_labels_of(labels, data) ? labels : std::vector<std::string>{};
}

}  // namespace

bool file_has_labels_of(const Config& config, const PreparedData& data) {
  const std::vector<std::string> labels = labels_of_file(config, data);
  return labels.empty() || are_labels_of(labels, data);
}

namespace {

// Who has the last layer, whatever else the head has: its rows are the classes.
HeadSource source_of_last_layer(const Config& config, const PreparedData& data, const Model& model) {
  const std::string& init = config.model.init;
  if (is_adapter_folder(init)) {
    const AdapterFolder adapter = read_adapter_folder(init);
    if (has_last_layer(adapter.weights(), model) && has_labels_of(adapter, config, data))
      return HeadSource::adapter;
  } else if (!init.empty() && has_last_layer(init, model) && file_has_labels_of(config, data)) {
    return HeadSource::file;
  }
  if (!starts_from_folder(config)) return HeadSource::drawn;
  const ModelFolder folder = read_model_folder(config.model.from);
  return has_last_layer(folder.path, model) && has_labels_of(folder, data) ? HeadSource::folder
                                                                           : HeadSource::drawn;
}

}  // namespace

HeadSource head_source(const Config& config, const PreparedData& data, const Model& model) {
  const HeadSource source = source_of_last_layer(config, data, model);
  std::vector<std::string> paths;
  if (starts_from_folder(config)) paths.push_back(read_model_folder(config.model.from).path);
  if (source == HeadSource::adapter) paths.push_back(read_adapter_folder(config.model.init).weights());
  if (source == HeadSource::file) paths.push_back(config.model.init);
  return source != HeadSource::drawn && has_head(paths, model) ? source : HeadSource::drawn;
}

void check_rows_agree(const AdapterFolder& adapter, const Config& config, const PreparedData& data,
                      const Model& model) {
  if (head_source(config, data, model) != HeadSource::folder || !adapts(model, adapter, model.output_layer()))
    return;
  const std::vector<std::string> theirs = labels_of(adapter, config, data);
  const std::vector<std::string> ours =
      labels_of_rows(read_model_folder(config.model.from), data.train.classes);
  if (theirs.empty() || ours.empty() || places_of_labels(theirs, ours) == places_of_labels(ours, ours))
    return;
  fail_input("the adapter's last layer has the classes ", name_list(theirs), ", the model's ",
             name_list(ours), " (", adapter.path, ", ", config.model.from,
             "); set model.from to the base that the adapter was trained on");
}

namespace {

// The classes of the head that the run starts from, in the order of its rows; empty where nobody named them,
// or the head is drawn.
std::vector<std::string> labels_of_head(HeadSource source, const Config& config, const PreparedData& data) {
  switch (source) {
    case HeadSource::drawn:
      return {};
    case HeadSource::folder:
      return labels_of_rows(read_model_folder(config.model.from), data.train.classes);
    case HeadSource::file:
      return labels_of_file(config, data);
    case HeadSource::adapter:
      return labels_of(read_adapter_folder(config.model.init), config, data);
  }
  return {};
}

// That a head has the names of its base is an assumption.
void note_whose_labels(HeadSource source, const Config& config, const std::vector<std::string>& labels,
                       std::vector<std::string>& notes) {
  std::string owner, base;
  if (source == HeadSource::adapter) {
    const AdapterFolder adapter = read_adapter_folder(config.model.init);
    if (adapter.labels.empty()) owner = "the adapter", base = base_of_labels(adapter, config);
  } else if (source == HeadSource::file && folder_of_init(config).empty()) {
    owner = config.model.init, base = config.model.from;
  }
  if (!owner.empty())
    notes.push_back(concat(owner, " does not name its classes: its head's rows are taken for ",
                           name_list(labels), ", as ", base, " has them"));
}

}  // namespace

// Puts the rows of a head that was loaded in the order of the task's classes, an adapter's included. Last,
// for a part of the head may come from the folder and a part from model.init.
void order_head(Model& model, const Config& config, const PreparedData& data,
                std::vector<std::string>& notes) {
  const HeadSource source = head_source(config, data, model);
  const std::vector<std::string> labels = labels_of_head(source, config, data);
  const std::vector<std::string>& classes = data.train.classes;
  if (labels.empty()) return;
  note_whose_labels(source, config, labels, notes);
  const std::vector<std::int64_t> rows = places_of_labels(classes, labels).value();
  if (std::is_sorted(rows.begin(), rows.end())) return;
  const NoGrad no_grad;
  const Linear& layer = model.output_layer();
  std::vector<ParameterPtr> parameters = {layer.weight(), layer.bias()};
  if (const LoraAdapter* lora = layer.lora()) {
    parameters.push_back(lora->b());
    parameters.push_back(lora->magnitude());
  }
  for (const ParameterPtr& parameter : parameters)
    if (parameter) kernels::copy(parameter->tensor, rows_in_order(parameter->tensor, rows));
  notes.push_back(concat("the head is kept, its rows in the order of the task's classes: ",
                         name_list(classes), "; they were those of ", name_list(labels)));
}

// What is to be known of it; empty where nothing is.
std::string note_of_head(HeadSource source, const Config& config, const ModelFolder& folder,
                         const PreparedData& data, bool folder_has_one) {
  if (source == HeadSource::drawn)
    return concat("the head is new: ", !folder_has_one || has_labels_of(folder, data)
                                           ? "the folder has none that fits"
                                           : "its labels differ from the task's");
  if (!labels_of_head(source, config, data).empty() || data.train.classes.size() < 2) return "";
  return concat("the head is that of ", source == HeadSource::folder ? config.model.from : config.model.init,
                ": its classes have no names, and are taken for ", joined(data.train.classes),
                " in this order");
}

// What a file of weights by itself leaves open, and is taken by its place.
void note_unnamed(const Config& config, const PreparedData& data, HeadSource head,
                  std::vector<std::string>& notes) {
  const bool over_folder = is_model_folder(config.model.from);  // whose head load_folder() speaks of
  if (!over_folder && head != HeadSource::drawn && data.train.classes.size() > 1 &&
      labels_of_head(head, config, data).empty())
    notes.push_back(concat("the head is that of ", config.model.init,
                           ": its classes have no names, and are taken for ", joined(data.train.classes),
                           " in this order"));
  const bool is_alone = folder_of_init(config).empty() && !is_adapter_folder(config.model.init);
  if (!data.train.columns.empty() && is_alone)
    notes.push_back(concat("warning: nothing names the columns of ", config.model.init,
                           ", and whether it was trained on standardised values: ",
                           over_folder
                               ? "its values are taken as those of " + config.model.from
                               : "the columns are taken in this order, " + name_list(data.train.columns)));
}

}  // namespace thaw
