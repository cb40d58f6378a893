#include "finetune/cli/saved_model.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "core/autograd.h"
#include "core/error.h"
#include "finetune/cli/output.h"
#include "finetune/common/text.h"
#include "finetune/compare/models.h"
#include "finetune/data/readers/labels.h"
#include "finetune/data/readers/transcripts.h"
#include "finetune/data/standardize.h"
#include "finetune/model/adapter_folder.h"
#include "finetune/model/model_source.h"
#include "finetune/model/snapshot.h"
#include "finetune/plan/adapters.h"
#include "finetune/task/regression.h"
#include "finetune/train/checkpoint.h"
#include "kernels/kernels.h"
#include "nn/layers/linear.h"

namespace thaw::cli {
namespace {

// A config.json may claim any size; a file of weights has at least a byte for each.
void check_size(const ModelFolder& folder, const WeightFiles& files) {
  const std::int64_t wanted = count_elements(folder.config);
  if (wanted > files.bytes())
    fail_input("config.json asks for ", wanted, " weights, the file has ", files.bytes(), " bytes of them (",
               files.path(), "); use the config.json that belongs to it");
}

// Vectors of samples do not go through it.
void forgive_output_layer(Model& model, LoadReport& report) {
  const std::string layer = model.output_layer().path() + ".";
  std::erase_if(report.missing, [&](const std::string& name) { return name.starts_with(layer); });
  std::erase_if(report.mismatched,
                [&](const Mismatch& mismatch) { return mismatch.name.starts_with(layer); });
}

// The rows of a recogniser by CTC as its loss has them: the blank first, then the space.
void order_characters(SavedModel& saved) {
  Preprocess& preprocess = saved.folder.preprocess;
  const std::vector<std::string> ordered = in_alphabet_order(preprocess.labels);
  if (preprocess.task->targets() != Targets::transcripts || ordered.empty() || ordered == preprocess.labels ||
      std::ssize(ordered) != saved.folder.config.outputs)
    return;
  std::vector<std::int64_t> rows;
  rows.reserve(ordered.size());
  for (const std::string& name : ordered)
    rows.push_back(std::find(preprocess.labels.begin(), preprocess.labels.end(), name) -
                   preprocess.labels.begin());
  const NoGrad no_grad;
  for (const ParameterPtr& parameter : saved.model->output_layer().parameters())
    kernels::copy(parameter->tensor, rows_in_order(parameter->tensor, rows));
  preprocess.labels = ordered;
}

[[noreturn]] void refuse_alphabet(const ModelFolder& folder) {
  if (folder.has_preprocess || folder.preprocess.labels.empty())
    fail_input("'labels' are no alphabet (", folder.has_preprocess ? "preprocess.json" : "config.json",
               " in ", folder.path, "); make the folder again");
  fail_input("what the model writes are no characters with a blank and a space among them, but ",
             name_list(folder.preprocess.labels), " (", folder.path,
             "); train a recogniser from it with thaw train");
}

// What preprocess.json says must be about this model.
void check_preprocess(const ModelFolder& folder) {
  const Preprocess& p = folder.preprocess;
  auto refuse = [&](const char* key, const char* what) {
    fail_input("'", key, "' ", what, folder.has_preprocess ? " (preprocess.json in " : " (config.json in ",
               folder.path, "); make the folder again");
  };
  if (p.task->targets() == Targets::numbers && folder.config.outputs != 1)
    refuse("task", "is regression, but the model has several outputs");
  const bool writes = p.task->targets() == Targets::transcripts;
  if (writes != (takes_sound(folder.config) && !folder.config.pools_places))
    refuse("task", "is not the model's");
  if (writes && !folder.config.decoder.writes && !is_alphabet(p.labels)) refuse_alphabet(folder);
  if (!p.labels.empty() && static_cast<std::int64_t>(p.labels.size()) != folder.config.outputs)
    refuse("labels", "are not as many as the model's outputs");
  if (!p.sample_shape.empty() && p.sample_shape != folder.config.sample_shape)
    refuse("sample_shape", "is not the model's");
  for (const double value : p.mean)
    if (!std::isfinite(value)) refuse("mean", "has a value that is not finite");
  for (const double value : p.deviation)
    if (!std::isfinite(value) || value < 0) refuse("deviation", "has a value that is no deviation");
}

// Of a model whose outputs are to be named: which of two classes of one name is meant nobody could tell.
void check_labels(const ModelFolder& folder, const std::string& adapter) {
  const auto same = find_same_labels(folder.preprocess.labels);
  if (!same) return;
  const std::string place = !adapter.empty() && std::filesystem::exists(adapter + "/preprocess.json")
                                ? adapter + "/preprocess.json"
                                : folder.path + (folder.has_preprocess ? "/preprocess.json" : "/config.json");
  fail_input("the model names the class ", in_quotes(same->first), " twice, as ", in_quotes(same->first),
             " and as ", in_quotes(same->second), " (", place, "); rename one of them there");
}

// The classes of an adapter that does not name them: the rows of what it has for the model's last layer.
void use_outputs_of(const AdapterFolder& adapter, ModelFolder& folder) {
  const auto model = make_meta_model(folder.config);
  const TensorShapes shapes = shapes_in(*model, *adapter.weights);
  const auto last = shapes.find(model->output_layer().weight()->name);
  if (last == shapes.end() || last->second.empty() || last->second[0] == folder.config.outputs) return;
  folder.config.outputs = last->second[0];
  folder.config.labels.clear();
  folder.preprocess.labels.clear();
  folder.preprocess.task = folder.config.outputs == 1 ? &regression() : &classification();
}

void check_base_is_here(const ModelSource& source) {
  const std::string& base = source.adapter->base;
  if (source.folder == nullptr)
    fail_input(
        "the adapter's base model is ", base.empty() ? "not named" : quoted_name(base),
        base.empty() ? "" : ", which is no folder here", " (", source.adapter->path,
        "/adapter_config.json, base_model_name_or_path); put the adapter's folder into that of its base "
        "as adapter/, and give the base's");
}

// The model's folder, as its adapter needs it.
ModelFolder folder_of(const ModelSource& source, bool need_head) {
  if (source.adapter) check_base_is_here(source);
  ModelFolder folder = *source.folder;
  const bool is_classifier = need_head || (source.adapter && source.adapter->task_type == "SEQ_CLS");
  if (source.adapter_preprocess) {
    use_preprocess(source.adapter->path + "/preprocess.json", folder);
    return folder;
  }
  if (is_classifier)
    folder.config.transformer.pooling = classifier_pooling(folder);
  else
    use_sentence_pooling(folder);
  if (!source.adapter) return folder;
  if (is_classifier) folder.pooling_from = "the adapter is a classifier's, task_type SEQ_CLS";
  use_outputs_of(*source.adapter, folder);
  if (need_head && !folder.preprocess.labels.empty())
    Progress().message(concat("the adapter does not name its classes: its rows are taken for ",
                              name_list(folder.preprocess.labels), ", as ", source.section.from,
                              " has them"));
  return folder;
}

// Of a folder that no run of thaw wrote: images are prepared as its preprocessor_config.json says.
void prepare_images(ModelFolder& folder) {
  const Standardizer standardizer = normalization_of(*folder.images, folder.config.sample_shape);
  folder.preprocess.sample_shape = folder.config.sample_shape;
  folder.preprocess.mean = standardizer.mean;
  folder.preprocess.deviation = standardizer.deviation;
}

// Folds it in, and takes what it brings from what the base's weights lack.
void add_adapter(Model& model, const AdapterFolder& adapter, LoadReport& report) {
  for (const auto& [name, shape] : shapes_in(model, *adapter.weights)) {
    std::erase(report.missing, name);
    std::erase_if(report.mismatched,
                  [&, &loaded = name](const Mismatch& mismatch) { return mismatch.name == loaded; });
  }
  std::vector<std::string> notes;
  fold_adapter(model, adapter, notes);
  if (!notes.empty()) fail_input(notes.front(), " (", adapter.path, "); use the adapter's own base");
}

// What a folder may hold, but this version has not.
void refuse_other_outputs(const ModelFolder& folder) {
  const std::string& type = folder.config.problem_type;
  if (type == "multi_label_classification")
    fail_input("the model gives a sample several labels at once (problem_type in ", folder.path,
               "/config.json), which is not in this version; fine-tune it to give one");
  if (type == "regression" && folder.config.outputs > 1)
    fail_input("the model gives ", folder.config.outputs, " numbers (problem_type in ", folder.path,
               "/config.json), where this version has one; fine-tune it to give one");
}

void check_inputs_known(const ModelFolder& folder) {
  if (!folder.has_preprocess && !has_own_lengths(folder.config) && !folder.images)
    fail_input("there is no preprocess.json",
               takes_processed_images(folder.config) ? concat(" and no ", kImageInputName) : "",
               ", so it is not known how the model's data were prepared (", folder.path,
               "); give the whole folder of a run");
}

[[noreturn]] void refuse_foreign_head(const ModelFolder& folder) {
  const bool is_classifier = !takes_sound(folder.config) || folder.config.pools_places;
  const char* what = is_classifier ? "classifier" : "recogniser";
  fail_input("the model's head is ", folder.config.foreign_head, ", no ", what, "'s (", folder.path,
             "/config.json); train a ", what, " from it with thaw train, or give a model that is one");
}

// Passes over what may be missing, and refuses the rest.
void check_report(Model& model, LoadReport report, const std::string& path, bool allow_missing,
                  bool need_head) {
  if (!need_head) forgive_output_layer(model, report);
  const auto is_head = [&](const std::string& name) { return model.group_of(name) == model.head(); };
  const bool lacks_head = std::any_of(report.missing.begin(), report.missing.end(), is_head);
  const bool without_head = std::all_of(report.missing.begin(), report.missing.end(), is_head) && lacks_head;
  if (allow_missing && !lacks_head && !report.missing.empty()) {
    Progress().message(concat("warning: ", name_list(report.missing),
                              " of the model stay as initialised: ", path, " lacks them"));
    report.missing.clear();
  }
  if (!report.fits())
    fail_input(
        without_head ? "the model has no head: " : "the weights do not fit: ", describe_problems(report),
        " (", path, "); ",
        without_head && !need_head ? "say in 1_Pooling/config.json how to make a vector of a text without it"
                                   : "give the folder of a finished run");
}

}  // namespace

std::string folder_to_use(const std::string& path, const std::string& strategy) {
  if (std::filesystem::exists(path + "/cells.txt"))
    fail_input("the folder holds a study, which has a comparison in each of its cells (", path,
               "); give the folder of one of them");
  if (is_comparison_folder(path)) {
    const ComparedModel model = find_compared_model(path, strategy);
    Progress().message(concat("the model is ", model.folder, ": ", model.why));
    return model.folder;
  }
  if (!strategy.empty())
    fail_input("--strategy says which model of a comparison to use, but this is the folder of one model (",
               path, "); leave --strategy out, or give the folder of a comparison");
  return path;
}

SavedModel load_saved_model(const std::string& path, bool allow_missing, bool need_head) {
  const ModelSource source = open_trained(path);
  const std::shared_ptr<const AdapterFolder>& adapter = source.adapter;
  SavedModel saved{folder_of(source, need_head), nullptr, adapter ? adapter->path : ""};
  if (need_head) refuse_other_outputs(saved.folder);
  check_inputs_known(saved.folder);
  const WeightFiles& files = *saved.folder.weights;
  check_fits_memory(saved.folder.config);
  if (!allow_missing) check_size(saved.folder, files);
  if (!saved.folder.has_preprocess && saved.folder.images) prepare_images(saved.folder);
  saved.model = make_model(saved.folder.config);
  LoadReport report = load_weights(*saved.model, files);
  check_finite(*saved.model, files.path());
  if (adapter) {
    add_adapter(*saved.model, *adapter, report);
    check_finite(*saved.model, adapter->weights->path());
  }
  const bool lacks_outputs = std::find(report.missing.begin(), report.missing.end(),
                                       saved.model->output_layer().weight()->name) != report.missing.end();
  if (need_head && lacks_outputs && !saved.folder.config.foreign_head.empty())
    refuse_foreign_head(saved.folder);
  for (const std::string& note : report.notes) Progress().message(note);
  check_report(*saved.model, std::move(report), files.path(), allow_missing, need_head);
  order_characters(saved);
  check_preprocess(saved.folder);
  if (need_head) check_labels(saved.folder, saved.adapter);
  return saved;
}

void check_outputs(const Outputs& outputs, const std::string& source) {
  if (const auto row = first_row_not_finite(outputs))
    fail("the model gives no finite output for row ", *row + 1, " of ", source,
         "; look at that input, or at the weights' size");
}

void check_result_file(const std::string& output, const std::string& input, const std::string& model) {
  namespace fs = std::filesystem;
  if (output.empty()) return;
  check_output(output, "--output");
  std::error_code ignored;
  if (!fs::exists(output, ignored)) return;
  if (fs::equivalent(output, input, ignored))
    fail_input("the result would be written over the data (--output ", output, "); choose another name");
  if (fs::equivalent(fs::absolute(output).parent_path(), model, ignored))
    fail_input("the result would be written over a file of the model (--output ", output,
               "); choose another name");
}

namespace {

// The classes of a model that does not name them.
std::vector<std::string> labels_for(const ModelFolder& folder, const std::string& source, bool in_order,
                                    const std::vector<std::string>& classes) {
  const std::int64_t outputs = folder.config.outputs;
  std::vector<std::string> labels = numbered_labels(classes, outputs);
  if (!labels.empty()) {
    Progress().message("the model's classes have no names, and the data's are taken for their numbers");
    return labels;
  }
  if (static_cast<std::int64_t>(classes.size()) != outputs)
    fail_input("the data have ", classes.size(), " classes, the model ", outputs, " (", source,
               "); give data of the model's task");
  if (!in_order)
    fail_input("the model's classes have no names (", folder.path, "), and the data's are ",
               name_list(classes), "; say the order of the model's with data.classes = [..]");
  Progress().message(
      concat("the model's classes have no names, and are taken for ", joined(classes), " in this order"));
  return classes;
}

}  // namespace

void use_labels_of(const ModelFolder& folder, const std::string& source, bool in_order, Dataset& data) {
  const std::vector<std::string> labels = folder.preprocess.labels.empty()
                                              ? labels_for(folder, source, in_order, data.classes)
                                              : folder.preprocess.labels;
  const auto index = places_of_labels(data.classes, labels);
  if (!index) {
    const auto unknown = std::find_if(data.classes.begin(), data.classes.end(), [&](const std::string& name) {
      return !places_of_labels({name}, labels);
    });
    fail_input("the model does not know the class ", in_quotes(*unknown), ", it has ", name_list(labels),
               " (", source, "); say which of its classes that is, with data.merge = { ",
               in_quotes(labels.front()), " = [", in_quotes(*unknown),
               "], .. }, or give data of the model's task");
  }
  for (Sample& sample : data.samples) sample.label = (*index)[static_cast<std::size_t>(sample.label)];
  data.classes = labels;
}

}  // namespace thaw::cli
