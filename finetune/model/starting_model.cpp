#include "finetune/model/starting_model.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>

#include "core/autograd.h"
#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/data/readers/labels.h"
#include "finetune/data/texts.h"
#include "finetune/model/adapter_folder.h"
#include "finetune/model/snapshot.h"
#include "finetune/model/starting_head.h"
#include "finetune/plan/adapters.h"
#include "kernels/kernels.h"
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
std::string why_no_head(const ModelSource& source, const PreparedData& data, const Model& model,
                        const std::vector<std::string>& missing) {
  if (!weights_have_labels_of(source, data))
    return concat("its labels, ", name_list(source.weights_folder->preprocess.labels),
                  ", differ from the task's");
  std::vector<std::string> absent;
  for (const ParameterPtr& parameter : head_parameters(model))
    if (std::find(missing.begin(), missing.end(), parameter->name) != missing.end())
      absent.push_back(parameter->name);
  return concat("it has no ", joined(absent));
}

// Everything in the file must have a place in the model, except a head of another shape, which stays new.
void load_init(Model& model, const ModelSource& source, const PreparedData& data,
               std::vector<std::string>& notes) {
  const std::string& path = source.section.init;
  const NoGrad no_grad;
  const KeptOutputLayer before(model);
  LoadReport report = load_weights(model, *source.weights);
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
  if (has_last && is_new == 0 && head_source(source, data, model) != HeadSource::weights) {
    before.put_back();
    notes.push_back(
        concat("the head is not that of ", path, ": ", why_no_head(source, data, model, missing)));
  }
  report.missing.clear();  // any subset of the names will do
  if (!report.fits())
    fail_input("the weights in ", path, " do not fit the model: ", describe_problems(report),
               "; rename them or change [model]");
}

// Whether the file has weights that stay as they are beside adapters.
bool changes_base(const Model& model, const AdapterSpec& adapters, const WeightFiles& weights) {
  const std::vector<std::string> saved = saved_modules(model, adapters.modules_to_save);
  std::set<std::string> stays;
  for (const ParameterPtr& parameter : model.parameters())
    if (parameter->kind != ParameterKind::lora && !is_in_any(parameter->name, saved))
      stays.insert(parameter->name);
  const TensorShapes shapes = shapes_in(model, weights);
  return std::any_of(shapes.begin(), shapes.end(),
                     [&](const auto& tensor) { return stays.contains(tensor.first); });
}

// How the head of model.init takes a text: as its folder says, else as that of model.from.
std::string pooling_of_init(const ModelSource& source) {
  if (source.adapter != nullptr && !source.adapter->pooling.empty()) return source.adapter->pooling;
  return classifier_pooling(source.weights_folder != nullptr ? *source.weights_folder : *source.folder);
}

// A head that is not new takes a text as it did where it was trained.
void use_pooling_of_head(const ModelSource& source, const PreparedData& data, ModelConfig& model) {
  if (!source.section.pooling.empty()) return;
  ModelSource with_weights = source;  // from random weights it is still the same network
  with_weights.section.pretrained = true;
  for (const bool of_init : {true, false}) {
    ModelConfig taken = model;
    taken.transformer.pooling = of_init ? pooling_of_init(source) : classifier_pooling(*source.folder);
    const HeadSource head = head_source(with_weights, data, *make_meta_model(taken));
    if (head == HeadSource::drawn || (head == HeadSource::folder) == of_init) continue;
    model = taken;
    return;
  }
}

// An adapter that lies in the folder and that nobody asked for.
void note_unused_adapter(const ModelSource& source, std::vector<std::string>& notes) {
  std::error_code ignored;  // of a path that is not there
  const std::string own = source.folder->path + "/adapter";
  if (is_adapter_folder(own) && !has_folded_adapter(*source.folder) &&
      !std::filesystem::equivalent(own, source.section.init, ignored))
    notes.push_back(concat("the adapter ", own, " is not used: model.init did not name it"));
}

void load_folder(Model& model, const ModelSource& source, const PreparedData& data, bool allow_missing,
                 std::vector<std::string>& notes) {
  const WeightFiles& files = *source.folder->weights;
  const HeadSource head = head_source(source, data, model);
  std::set<std::string> names;
  for (const ParameterPtr& parameter : head_parameters(model)) names.insert(parameter->name);
  const std::vector<ParameterPtr> outputs = model.output_layer().parameters();
  const NoGrad no_grad;
  const KeptOutputLayer drawn_outputs(model);
  note_unused_adapter(source, notes);
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
  if (!drawn.empty() && !source.has_init())
    notes.push_back(concat("the folder has no ", joined(drawn), " that fits: initialised at random"));
  std::erase_if(report.missing, is_head);
  std::erase_if(report.mismatched, [&](const Mismatch& mismatch) { return is_head(mismatch.name); });
  if (head == HeadSource::drawn) drawn_outputs.put_back();
  const bool folder_has_one = shapes_in(model, files).contains(model.output_layer().weight()->name);
  if (const std::string note = note_of_head(head, source, data, folder_has_one); !note.empty())
    notes.push_back(note);
  if (!report.fits() && !allow_missing)
    fail_input("the weights in ", files.path(), " do not fit: ", describe_problems(report),
               "; use the matching config.json, or --allow-missing");
  if (!report.fits()) notes.push_back("warning: " + describe_problems(report));
  check_finite(model, files.path());
}

// Loads an adapter by `load`, but not a head that is for other labels.
template <class Load>
void load_init_adapter(Model& model, const ModelSource& source, const PreparedData& data,
                       std::vector<std::string>& notes, Load load) {
  const NoGrad no_grad;
  const KeptOutputLayer before(model);
  load();
  check_finite(model, source.adapter->weights->path());
  check_rows_agree(source, data, model);
  if (adapter_has_labels_of(source, data)) return;
  before.put_back();
  notes.push_back(concat("the head is not the adapter's: its labels, ",
                         name_list(labels_of_adapter(source, data)), ", differ from the task's (",
                         source.adapter->path, ")"));
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

ModelConfig model_config(const ModelSource& source, const PreparedData& data) {
  const ModelSection& section = source.section;
  ModelConfig model;
  if (source.folder != nullptr) {
    model = source.folder->config;
    if (!has_own_lengths(model) && !takes_shape(model, data.train.sample_shape()))
      fail_input("the model in ", section.from, " takes samples ", Shape(model.sample_shape),
                 ", the data have ", Shape(data.train.sample_shape()), "; use data of that shape");
    if (!section.pooling.empty()) model.transformer.pooling = section.pooling;
  } else {
    model.architecture = section.from;
    static_cast<ArchitectureOptions&>(model) = section;
  }
  if (section.dropout) set_dropout(model, *section.dropout);
  if (!has_own_lengths(model))
    model.sample_shape = data.train.sample_shape();
  else if (takes_text(model) && model.transformer.pad_id < 0)
    model.transformer.pad_id = texts_of(data.train).pad_id;
  model.labels = data.train.classes;
  model.outputs = data.task->outputs(data.train);
  model.pools_places = takes_sound(model) && data.task->targets() != Targets::transcripts;
  model.decoder.writes = data.train.dictation != nullptr;
  if (model.decoder.writes) model.outputs = model.decoder.vocab_size;
  if (source.folder != nullptr && takes_text(model)) use_pooling_of_head(source, data, model);
  check_fits_memory(model);
  return model;
}

PreparedModel prepare_model(const ModelConfig& config, const ModelSource& source, const PreparedData& data,
                            std::uint64_t seed, const std::optional<AdapterSpec>& adapters,
                            bool allow_missing) {
  PreparedModel prepared;
  prepared.config = config;
  std::vector<std::string>& notes = prepared.notes;
  prepared.model = make_model(prepared.config, {.seed = seed});
  Model& model = *prepared.model;
  if (source.starts_from_folder()) load_folder(model, source, data, allow_missing, notes);
  const bool low_rank = adapters && adapters->is_low_rank();
  if (source.adapter && !low_rank)
    load_init_adapter(model, source, data, notes, [&] {
      const std::int64_t count = fold_adapter(model, *source.adapter, notes);
      notes.push_back(concat("the adapter of model.init is folded into ", count, " weights"));
    });
  if (adapters) attach_adapters(model, *adapters, seed);
  if (adapters && !low_rank) prepared.config.adapters = bottlenecks_of(model);
  if (source.adapter && low_rank)
    load_init_adapter(model, source, data, notes,
                      [&] { load_adapter(model, *source.adapter, *adapters, notes); });
  if (source.weights) load_init(model, source, data, notes);
  if (source.has_init()) note_unnamed(source, data, head_source(source, data, model), notes);
  order_head(model, source, data, notes);
  if (source.weights && low_rank && changes_base(model, *adapters, *source.weights)) {
    prepared.init_changed_base = true;
    notes.push_back(concat("warning: the adapter's folder will name no base model: ", source.section.init,
                           " changes the base's weights"));
  }
  return prepared;
}

PreparedModel prepare_model(const ModelSource& source, const PreparedData& data, std::uint64_t seed,
                            bool allow_missing) {
  return prepare_model(model_config(source, data), source, data, seed, std::nullopt, allow_missing);
}

bool head_is_new(const ModelSource& source, const PreparedData& data, const Model& model) {
  return head_source(source, data, model) == HeadSource::drawn;
}

}  // namespace thaw
