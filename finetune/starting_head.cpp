#include "finetune/starting_head.h"

#include <algorithm>

#include "core/autograd.h"
#include "core/error.h"
#include "finetune/data/labels.h"
#include "finetune/data/text.h"
#include "finetune/origin.h"
#include "kernels/kernels.h"
#include "nn/layers/linear.h"
#include "nn/weight_files.h"

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
  const std::vector<std::string>& labels = folder.preprocess.labels;
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
  const std::vector<std::string> labels = read_model_folder(base).preprocess.labels;
  return labels.size() == data.train.classes.size() ? labels : std::vector<std::string>{};
}

// Where nobody named them, the head's shape alone decides.
bool has_labels_of(const AdapterFolder& adapter, const Config& config, const PreparedData& data) {
  const std::vector<std::string> labels = labels_of(adapter, config, data);
  return labels.empty() || are_labels_of(labels, data);
}

bool file_has_labels_of(const std::string& weights, const PreparedData& data) {
  const std::vector<std::string> labels = labels_beside(weights);
  return labels.empty() || are_labels_of(labels, data);
}

// The weights of the head: all that stands above the last layer but norms.
std::vector<ParameterPtr> head_parameters(const Model& model) {
  std::vector<ParameterPtr> parameters = model.parameters();
  std::erase_if(parameters, [&](const ParameterPtr& parameter) {
    return parameter->group != model.head() || parameter->kind == ParameterKind::norm;
  });
  return parameters;
}

namespace {

// All of them, in the model's shapes; of a tensor that several paths have the last one counts.
bool has_head(const std::vector<std::string>& paths, const Model& model) {
  TensorShapes shapes;
  for (const std::string& path : paths)
    for (const auto& [name, shape] : shapes_in(model, WeightFiles(path))) shapes[name] = shape;
  const std::vector<ParameterPtr> parameters = head_parameters(model);
  return std::all_of(parameters.begin(), parameters.end(), [&](const ParameterPtr& parameter) {
    const auto found = shapes.find(parameter->name);
    const Shape& shape = parameter->tensor.shape();
    return found != shapes.end() && found->second == std::vector(shape.begin(), shape.end());
  });
}

// model.init is an adapter that with the folder's weights makes a whole head: PEFT saves a BERT's classifier
// and leaves its pooler to the base.
bool adapter_ends_head(const Config& config, const PreparedData& data, const Model& model) {
  if (!is_adapter_folder(config.model.init)) return false;
  const AdapterFolder folder = read_adapter_folder(config.model.init);
  if (!has_labels_of(folder, config, data)) return false;
  const TensorShapes shapes = shapes_in(model, WeightFiles(folder.weights()));
  const bool has_part = std::any_of(shapes.begin(), shapes.end(), [&](const auto& tensor) {
    return model.group_of(tensor.first) == model.head();
  });
  return has_part && has_head({read_model_folder(config.model.from).path, folder.weights()}, model);
}

}  // namespace

HeadSource head_source(const Config& config, const PreparedData& data, const Model& model) {
  const bool from_folder = is_model_folder(config.model.from) && config.model.pretrained;
  const std::string& init = config.model.init;
  if (is_adapter_folder(init)) {
    const AdapterFolder adapter = read_adapter_folder(init);
    if (has_labels_of(adapter, config, data) && has_head({adapter.weights()}, model))
      return HeadSource::adapter;
    if (from_folder && adapter_ends_head(config, data, model)) return HeadSource::adapter;
  } else if (!init.empty() && has_head({init}, model) && file_has_labels_of(init, data)) {
    return HeadSource::file;
  }
  if (!from_folder) return HeadSource::drawn;
  const ModelFolder folder = read_model_folder(config.model.from);
  return has_labels_of(folder, data) && has_head({folder.path}, model) ? HeadSource::folder
                                                                       : HeadSource::drawn;
}

namespace {

// The classes of the head that the run starts from, in the order of its rows; empty where nobody named them,
// or the head is drawn.
std::vector<std::string> labels_of_head(HeadSource source, const Config& config, const PreparedData& data) {
  switch (source) {
    case HeadSource::drawn:
      return {};
    case HeadSource::folder:
      return read_model_folder(config.model.from).preprocess.labels;
    case HeadSource::file:
      return labels_beside(config.model.init);
    case HeadSource::adapter:
      return labels_of(read_adapter_folder(config.model.init), config, data);
  }
  return {};
}

// Row i becomes what row rows[i] was.
void permute_rows(Tensor& tensor, const std::vector<std::int64_t>& rows) {
  const Tensor before = tensor.clone();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Tensor row = select(tensor, 0, static_cast<std::int64_t>(i));
    kernels::copy(row, select(before, 0, rows[i]));
  }
}

// That an adapter's head has the names of its base is an assumption.
void note_whose_labels(const Config& config, const std::vector<std::string>& labels,
                       std::vector<std::string>& notes) {
  if (!is_adapter_folder(config.model.init)) return;
  const AdapterFolder adapter = read_adapter_folder(config.model.init);
  if (adapter.labels.empty())
    notes.push_back(concat("the adapter does not name its classes: its head's rows are taken for ",
                           name_list(labels), ", as ", base_of_labels(adapter, config), " has them"));
}

}  // namespace

// Puts the rows of a head that was loaded in the order of the task's classes, an adapter's included. Last,
// for a part of the head may come from the folder and a part from model.init.
void order_head(Model& model, const Config& config, const PreparedData& data,
                std::vector<std::string>& notes) {
  const std::vector<std::string> labels = labels_of_head(head_source(config, data, model), config, data);
  const std::vector<std::string>& classes = data.train.classes;
  if (labels.empty()) return;
  note_whose_labels(config, labels, notes);
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
    if (parameter) permute_rows(parameter->tensor, rows);
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
  if (head != HeadSource::drawn && data.train.classes.size() > 1 &&
      labels_of_head(head, config, data).empty())
    notes.push_back(concat("the head is that of ", config.model.init,
                           ": its classes have no names, and are taken for ", joined(data.train.classes),
                           " in this order"));
  if (!data.train.columns.empty() && !origin_of(config))
    notes.push_back(concat("warning: nothing names the columns of ", config.model.init,
                           ", and whether it was trained on standardised values: the columns are taken in "
                           "this order, ",
                           name_list(data.train.columns)));
}

}  // namespace thaw
