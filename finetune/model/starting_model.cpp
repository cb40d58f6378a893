#include "finetune/model/starting_model.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>

#include "core/autograd.h"
#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/data/readers/labels.h"
#include "finetune/model/adapter_config.h"
#include "finetune/model/adapter_folder.h"
#include "finetune/model/model_folder.h"
#include "finetune/model/origin.h"
#include "finetune/model/snapshot.h"
#include "finetune/model/starting_head.h"
#include "finetune/plan/adapters.h"
#include "kernels/kernels.h"
#include "nn/init.h"
#include "nn/io/weight_files.h"
#include "nn/layers/linear.h"

namespace thaw {
namespace {

// The last layer's weights as they are now, to be put back. Only they hang on the labels: what else the head
// has, such as a pooler, stays as pretrained.
class KeptOutputLayer {
 public:
  explicit KeptOutputLayer(Model& model) : parameters_(model.output_layer().parameters()) {
    for (const ParameterPtr& parameter : parameters_) values_.push_back(parameter->tensor.clone());
  }
  void put_back() const {
    for (std::size_t i = 0; i < parameters_.size(); ++i) kernels::copy(parameters_[i]->tensor, values_[i]);
  }

 private:
  std::vector<ParameterPtr> parameters_;
  std::vector<Tensor> values_;
};

// Why the last layer that the file has is not taken.
std::string why_no_head(const Config& config, const PreparedData& data, const Model& model,
                        const std::vector<std::string>& missing) {
  if (!file_has_labels_of(config, data))
    return concat("its labels, ", name_list(read_model_folder(folder_of_init(config)).preprocess.labels),
                  ", differ from the task's");
  std::vector<std::string> absent;
  for (const ParameterPtr& parameter : head_parameters(model))
    if (std::find(missing.begin(), missing.end(), parameter->name) != missing.end())
      absent.push_back(parameter->name);
  return concat("it has no ", joined(absent));
}

// Everything in the file must have a place in the model, except a head of another shape, which stays new.
void load_init(Model& model, const Config& config, const PreparedData& data,
               std::vector<std::string>& notes) {
  const std::string& path = config.model.init;
  const NoGrad no_grad;
  const KeptOutputLayer before(model);
  LoadReport report = load_weights(model, WeightFiles(path));
  notes.insert(notes.end(), report.notes.begin(), report.notes.end());
  const auto is_new = std::erase_if(report.mismatched, [&](const Mismatch& mismatch) {
    if (model.group_of(mismatch.name) != model.head()) return false;
    notes.push_back("the head is new: " + mismatch.text());
    return true;
  });
  check_finite(model, path);
  reset_magnitudes(model, report.missing);
  const auto& missing = report.missing;
  const bool has_last =
      std::find(missing.begin(), missing.end(), model.output_layer().weight()->name) == missing.end();
  if (has_last && is_new == 0 && head_source(config, data, model) != HeadSource::file) {
    before.put_back();
    notes.push_back(
        concat("the head is not that of ", path, ": ", why_no_head(config, data, model, missing)));
  }
  report.missing.clear();  // any subset of the names will do
  if (!report.fits())
    fail_input("the weights in ", path, " do not fit the model: ", describe_problems(report),
               "; rename them or change [model]");
}

// Whether the file has weights that stay as they are beside adapters.
bool changes_base(const Model& model, const AdapterSpec& adapters, const std::string& path) {
  const std::vector<std::string> saved = saved_modules(model, adapters.modules_to_save);
  std::set<std::string> stays;
  for (const ParameterPtr& parameter : model.parameters())
    if (parameter->kind != ParameterKind::lora && !is_in_any(parameter->name, saved))
      stays.insert(parameter->name);
  const TensorShapes shapes = shapes_in(model, WeightFiles(path));
  return std::any_of(shapes.begin(), shapes.end(),
                     [&](const auto& tensor) { return stays.contains(tensor.first); });
}

// How the head of model.init takes a text: as its folder says, else as that of model.from.
std::string pooling_of_init(const Config& config, const ModelFolder& from) {
  const std::string& init = config.model.init;
  std::string own = is_adapter_folder(init) ? read_adapter_folder(init).pooling : "";
  if (!own.empty()) return own;
  const std::string folder = folder_of_init(config);
  return classifier_pooling(folder.empty() ? from : read_model_folder(folder));
}

// A head that is not new takes a text as it did where it was trained.
void use_pooling_of_head(const Config& config, const PreparedData& data, const ModelFolder& folder,
                         ModelConfig& model) {
  if (!config.model.pooling.empty()) return;
  Config with_weights = config;  // from random weights it is still the same network
  with_weights.model.pretrained = true;
  for (const bool of_init : {true, false}) {
    ModelConfig taken = model;
    taken.transformer.pooling = of_init ? pooling_of_init(config, folder) : classifier_pooling(folder);
    const HeadSource source = head_source(with_weights, data, *make_meta_model(taken));
    if (source == HeadSource::drawn || (source == HeadSource::folder) == of_init) continue;
    model = taken;
    return;
  }
}

void load_folder(Model& model, const Config& config, const PreparedData& data, bool allow_missing,
                 std::vector<std::string>& notes) {
  const ModelFolder folder = read_model_folder(config.model.from);
  const WeightFiles files(folder.path);
  const HeadSource head = head_source(config, data, model);
  std::set<std::string> names;
  for (const ParameterPtr& parameter : head_parameters(model)) names.insert(parameter->name);
  const std::vector<ParameterPtr> outputs = model.output_layer().parameters();
  const NoGrad no_grad;
  const KeptOutputLayer drawn_outputs(model);
  std::error_code ignored;  // of a path that is not there
  const std::string own_adapter = folder.path + "/adapter";
  if (is_adapter_folder(own_adapter) && !has_folded_adapter(folder.path) &&
      !std::filesystem::equivalent(own_adapter, config.model.init, ignored))
    notes.push_back(concat("the adapter ", own_adapter, " is not used: model.init did not name it"));
  LoadReport report = load_weights(model, files);
  notes.insert(notes.end(), report.notes.begin(), report.notes.end());
  const auto is_head = [&](const std::string& name) { return names.contains(name); };
  const auto is_output = [&](const std::string& name) {
    return std::any_of(outputs.begin(), outputs.end(),
                       [&](const ParameterPtr& parameter) { return parameter->name == name; });
  };
  // Of the head what stands below the last layer, such as a pooler: that it is drawn must not go unsaid.
  std::vector<std::string> drawn = report.missing;
  for (const Mismatch& mismatch : report.mismatched) drawn.push_back(mismatch.name);
  std::erase_if(drawn, [&](const std::string& name) { return !is_head(name) || is_output(name); });
  if (!drawn.empty() && config.model.init.empty())
    notes.push_back(concat("the folder has no ", joined(drawn), " that fits: drawn at random"));
  std::erase_if(report.missing, is_head);
  std::erase_if(report.mismatched, [&](const Mismatch& mismatch) { return is_head(mismatch.name); });
  if (head == HeadSource::drawn) drawn_outputs.put_back();
  const bool folder_has_one = shapes_in(model, files).contains(model.output_layer().weight()->name);
  if (const std::string note = note_of_head(head, config, folder, data, folder_has_one); !note.empty())
    notes.push_back(note);
  if (!report.fits() && !allow_missing)
    fail_input("the weights in ", files.path(), " do not fit: ", describe_problems(report),
               "; use the matching config.json, or --allow-missing");
  if (!report.fits()) notes.push_back("warning: " + describe_problems(report));
  check_finite(model, files.path());
}

// Loads an adapter by `load`, but not a head that is for other labels.
template <class Load>
void load_init_adapter(Model& model, const AdapterFolder& adapter, const Config& config,
                       const PreparedData& data, std::vector<std::string>& notes, Load load) {
  const NoGrad no_grad;
  const KeptOutputLayer before(model);
  load();
  check_finite(model, adapter.weights());
  check_rows_agree(adapter, config, data, model);
  if (has_labels_of(adapter, config, data)) return;
  before.put_back();
  notes.push_back(concat("the head is not the adapter's: its labels, ",
                         name_list(labels_of(adapter, config, data)), ", differ from the task's (",
                         adapter.path, ")"));
}

BottleneckConfig bottlenecks_of(Model& model) {
  BottleneckConfig config;
  for (const Linear* layer : model.linears())
    if (const auto* adapter = dynamic_cast<const BottleneckAdapter*>(layer->adapter())) {
      config.options = adapter->options();
      config.layers.push_back(layer->path());
    }
  return config;
}

}  // namespace

ModelConfig model_config(const Config& config, const PreparedData& data) {
  ModelConfig model;
  std::optional<ModelFolder> folder;
  if (is_model_folder(config.model.from)) {
    folder = read_model_folder(config.model.from);
    model = folder->config;
    if (!takes_text(model) && model.sample_shape != data.train.sample_shape)
      fail_input("the model in ", config.model.from, " takes samples ", Shape(model.sample_shape),
                 ", the data have ", Shape(data.train.sample_shape), "; use data of that shape");
    if (!config.model.pooling.empty()) model.transformer.pooling = config.model.pooling;
  } else {
    model.architecture = config.model.from;
    model.hidden = config.model.hidden;
    model.activation = config.model.activation;
    model.width = config.model.width;
    model.depth = config.model.depth;
  }
  if (config.model.dropout) set_dropout(model, *config.model.dropout);
  if (takes_text(model))
    model.transformer.pad_id = model.transformer.pad_id < 0 ? data.train.pad_id : model.transformer.pad_id;
  else
    model.sample_shape = data.train.sample_shape;
  model.labels = data.train.classes;
  model.outputs = data.task->outputs(data.train);
  if (folder && takes_text(model)) use_pooling_of_head(config, data, *folder, model);
  check_fits_memory(model);
  return model;
}

PreparedModel prepare_model(const Config& config, const PreparedData& data, std::uint64_t seed,
                            const std::optional<AdapterSpec>& adapters, bool allow_missing) {
  PreparedModel prepared;
  prepared.config = model_config(config, data);
  const InitSeed init_seed(seed);
  prepared.model = make_model(prepared.config);
  Model& model = *prepared.model;
  if (is_model_folder(config.model.from) && config.model.pretrained)
    load_folder(model, config, data, allow_missing, prepared.notes);
  const std::string& init = config.model.init;
  const bool from_adapter = is_adapter_folder(init);
  const bool low_rank = adapters && adapters->is_low_rank();
  const AdapterFolder adapter = from_adapter ? read_adapter_folder(init) : AdapterFolder{};
  if (from_adapter && !low_rank)
    load_init_adapter(model, adapter, config, data, prepared.notes, [&] {
      const std::int64_t count = fold_adapter(model, adapter, prepared.notes);
      prepared.notes.push_back(concat("the adapter of model.init is folded into ", count, " weights"));
    });
  if (adapters) attach_adapters(model, *adapters, seed);
  if (adapters && !low_rank) prepared.config.adapters = bottlenecks_of(model);
  if (from_adapter && low_rank)
    load_init_adapter(model, adapter, config, data, prepared.notes,
                      [&] { load_adapter(model, adapter, *adapters, prepared.notes); });
  if (!init.empty() && !from_adapter) load_init(model, config, data, prepared.notes);
  if (!init.empty()) note_unnamed(config, data, head_source(config, data, model), prepared.notes);
  order_head(model, config, data, prepared.notes);
  if (!init.empty() && !from_adapter && low_rank && changes_base(model, *adapters, init)) {
    prepared.init_changed_base = true;
    prepared.notes.push_back(concat("warning: the adapter's folder will name no base model: ", init,
                                    " changes the base's weights"));
  }
  return prepared;
}

bool head_is_new(const Config& config, const PreparedData& data, const Model& model) {
  return head_source(config, data, model) == HeadSource::drawn;
}

}  // namespace thaw
