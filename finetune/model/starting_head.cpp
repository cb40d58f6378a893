#include "finetune/model/starting_head.h"

#include <algorithm>

#include "core/autograd.h"
#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/data/readers/labels.h"
#include "finetune/model/adapter_folder.h"
#include "kernels/kernels.h"
#include "nn/io/weight_files.h"
#include "nn/layers/linear.h"

namespace thaw {
namespace {

using Labels = std::vector<std::string>;

// Whether a head for `labels` is one for the task: the same classes, in whatever order.
bool are_labels_of(const Labels& labels, const PreparedData& data) {
  return labels.size() == data.train.classes.size() && places_of_labels(data.train.classes, labels);
}

// The classes of the head in weights of model.init: those of their folder; else of the one that they go onto,
// where they are the task's. Empty: nobody named them.
Labels labels_of_weights(const ModelSource& source, const PreparedData& data) {
  const Labels& classes = data.train.classes;
  if (source.weights_folder != nullptr) return labels_of_rows(*source.weights_folder, classes);
  if (source.folder == nullptr) return {};
  Labels labels = labels_of_rows(*source.folder, classes);
  return are_labels_of(labels, data) ? labels : Labels{};
}

// Whether what a file has by the name of a parameter has its shape.
bool is_among(const TensorShapes& shapes, const ParameterPtr& parameter) {
  const auto found = shapes.find(parameter->name);
  const Shape& shape = parameter->tensor.shape();
  return found != shapes.end() && found->second == std::vector(shape.begin(), shape.end());
}

// All of the head; of a tensor that several files have the last one counts.
bool has_head(const std::vector<const WeightFiles*>& files, const Model& model) {
  TensorShapes shapes;
  for (const WeightFiles* file : files)
    for (const auto& [name, shape] : shapes_in(model, *file)) shapes[name] = shape;
  const std::vector<ParameterPtr> parameters = head_parameters(model);
  return std::all_of(parameters.begin(), parameters.end(),
                     [&](const ParameterPtr& parameter) { return is_among(shapes, parameter); });
}

bool has_last_layer(const WeightFiles& files, const Model& model) {
  return is_among(shapes_in(model, files), model.output_layer().weight());
}

// Who has the last layer, whatever else the head has: its rows are the classes.
HeadSource source_of_last_layer(const ModelSource& source, const PreparedData& data, const Model& model) {
  if (source.adapter && has_last_layer(*source.adapter->weights, model) &&
      adapter_has_labels_of(source, data))
    return HeadSource::adapter;
  if (source.weights && has_last_layer(*source.weights, model) && weights_have_labels_of(source, data))
    return HeadSource::weights;
  if (source.starts_from_folder() && has_last_layer(*source.folder->weights, model) &&
      has_labels_of(*source.folder, data))
    return HeadSource::folder;
  return HeadSource::drawn;
}

// The classes of the head that the run starts from, in the order of its rows; empty where nobody named them,
// or the head is drawn.
Labels labels_of_head(HeadSource head, const ModelSource& source, const PreparedData& data) {
  switch (head) {
    case HeadSource::drawn:
      return {};
    case HeadSource::folder:
      return labels_of_rows(*source.folder, data.train.classes);
    case HeadSource::weights:
      return labels_of_weights(source, data);
    case HeadSource::adapter:
      return labels_of_adapter(source, data);
  }
  return {};
}

// That a head has the names of its base is an assumption.
void note_whose_labels(HeadSource head, const ModelSource& source, const Labels& labels,
                       std::vector<std::string>& notes) {
  std::string owner, base = source.section.from;
  if (head == HeadSource::adapter && source.adapter->labels.empty()) {
    owner = "the adapter";
    base = source.adapter_base->root;
  } else if (head == HeadSource::weights && source.weights_folder == nullptr) {
    owner = source.section.init;
  }
  if (!owner.empty())
    notes.push_back(concat(owner, " does not name its classes: its head's rows are taken for ",
                           name_list(labels), ", as ", base, " has them"));
}

std::string note_of_unnamed(const std::string& owner, const PreparedData& data) {
  return concat("the head is that of ", owner, ": its classes have no names, and are taken for ",
                joined(data.train.classes), " in this order");
}

}  // namespace

bool has_labels_of(const ModelFolder& folder, const PreparedData& data) {
  const Labels labels = labels_of_rows(folder, data.train.classes);
  if (!labels.empty()) return are_labels_of(labels, data);
  return folder.config.outputs ==
         static_cast<std::int64_t>(std::max<std::size_t>(data.train.classes.size(), 1));
}

Labels labels_of_adapter(const ModelSource& source, const PreparedData& data) {
  if (!source.adapter->labels.empty() || source.adapter_base == nullptr) return source.adapter->labels;
  Labels labels = labels_of_rows(*source.adapter_base, data.train.classes);
  return labels.size() == data.train.classes.size() ? labels : Labels{};
}

// Where nobody named them, the head's shape alone decides.
bool adapter_has_labels_of(const ModelSource& source, const PreparedData& data) {
  const Labels labels = labels_of_adapter(source, data);
  return labels.empty() || are_labels_of(labels, data);
}

bool weights_have_labels_of(const ModelSource& source, const PreparedData& data) {
  const Labels labels = labels_of_weights(source, data);
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

HeadSource head_source(const ModelSource& source, const PreparedData& data, const Model& model) {
  // Its outputs are the tokens of its own tokenizer.
  if (model.writes()) return source.starts_from_folder() ? HeadSource::folder : HeadSource::drawn;
  const HeadSource head = source_of_last_layer(source, data, model);
  std::vector<const WeightFiles*> files;
  if (source.starts_from_folder()) files.push_back(source.folder->weights.get());
  if (head == HeadSource::adapter) files.push_back(source.adapter->weights.get());
  if (head == HeadSource::weights) files.push_back(source.weights.get());
  return head != HeadSource::drawn && has_head(files, model) ? head : HeadSource::drawn;
}

void check_rows_agree(const ModelSource& source, const PreparedData& data, const Model& model) {
  const AdapterFolder& adapter = *source.adapter;
  if (head_source(source, data, model) != HeadSource::folder || !adapts(model, adapter, model.output_layer()))
    return;
  const Labels theirs = labels_of_adapter(source, data);
  const Labels ours = labels_of_rows(*source.folder, data.train.classes);
  if (theirs.empty() || ours.empty() || places_of_labels(theirs, ours) == places_of_labels(ours, ours))
    return;
  fail_input("the adapter's last layer has the classes ", name_list(theirs), ", the model's ",
             name_list(ours), " (", adapter.path, ", ", source.section.from,
             "); set model.from to the base that the adapter was trained on");
}

void order_head(Model& model, const ModelSource& source, const PreparedData& data,
                std::vector<std::string>& notes) {
  const HeadSource head = head_source(source, data, model);
  const Labels labels = labels_of_head(head, source, data);
  const Labels& classes = data.train.classes;
  if (labels.empty()) return;
  note_whose_labels(head, source, labels, notes);
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

std::string note_of_head(HeadSource head, const ModelSource& source, const PreparedData& data,
                         bool folder_has_one) {
  if (head == HeadSource::drawn)
    return concat("the head is new: ", !folder_has_one || has_labels_of(*source.folder, data)
                                           ? "the folder has none that fits"
                                           : "its labels differ from the task's");
  if (!labels_of_head(head, source, data).empty() || data.train.classes.size() < 2) return "";
  return note_of_unnamed(head == HeadSource::folder ? source.section.from : source.section.init, data);
}

void note_unnamed(const ModelSource& source, const PreparedData& data, HeadSource head,
                  std::vector<std::string>& notes) {
  const bool over_folder = source.folder != nullptr;  // whose head load_folder() speaks of
  const std::string& init = source.section.init;
  if (!over_folder && head != HeadSource::drawn && data.train.classes.size() > 1 &&
      labels_of_head(head, source, data).empty())
    notes.push_back(note_of_unnamed(init, data));
  const bool is_alone = source.weights != nullptr && source.weights_folder == nullptr;
  if (!data.train.columns.empty() && is_alone)
    notes.push_back(concat("warning: nothing names the columns of ", init,
                           ", and whether it was trained on standardised values: ",
                           over_folder
                               ? "its values are taken as those of " + source.section.from
                               : "the columns are taken in this order, " + name_list(data.train.columns)));
}

}  // namespace thaw
