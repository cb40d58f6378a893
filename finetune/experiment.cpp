#include "finetune/experiment.h"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>

#include "finetune/data/corrupt.h"
#include "finetune/data/readers.h"
#include "finetune/data/split.h"
#include "finetune/data/standardize.h"
#include "finetune/data/text.h"
#include "nn/init.h"
#include "nn/layers/dropout.h"
#include "nn/layers/linear.h"

namespace thaw {
namespace {

DataSource source_of(const DataSection& data, const std::string& path, const Dataset* like) {
  DataSource source;
  source.path = path;
  source.task = data.task == "regression" ? Task::kRegression : Task::kClassification;
  source.label = data.label;
  source.group = data.group;
  source.merge = data.merge;
  source.classes = data.classes;
  source.drop_other_classes = !data.classes.empty();
  source.require_every_class = !data.classes.empty() || !data.merge.empty();
  if (like != nullptr) {  // further files are read as the training file was
    source.columns = like->columns;
    if (source.classes.empty()) source.classes = like->classes;
    source.require_every_class = false;
  } else {
    source.rows = data.rows;
  }
  return source;
}

// Classes that are numbers, and so many that hardly one has samples enough: most likely no classes.
bool looks_like_numbers(const Dataset& data) {
  const auto is_number = [](const std::string& name) { return parse_number(name).has_value(); };
  const auto classes = static_cast<std::int64_t>(data.classes.size());
  return classes > 20 && classes * 5 > data.size() &&
         std::all_of(data.classes.begin(), data.classes.end(), is_number);
}

void take_split(Dataset& rest, Dataset& taken, double fraction, std::uint64_t seed) {
  const Split split = split_dataset(rest, fraction, seed);
  taken = rest.subset(split.taken);
  rest = rest.subset(split.rest);
}

// Samples and the file that they are from.
struct Part {
  const Dataset& data;
  const std::string& path;
};

std::int64_t place_of(const Dataset& data, std::int64_t row) {
  return data.id[static_cast<std::size_t>(row)] + 1;
}

void check_duplicates(const Config& config, const Part& known, const Part& other, bool refuse,
                      std::vector<std::string>& notes) {
  const std::vector<Duplicate> found = find_duplicates(known.data, other.data);
  if (found.empty()) return;
  const std::string what = concat(found.size(), " rows of ", other.path, " stand in ", known.path,
                                  " too (first: row ", place_of(other.data, found[0].second_row), " is row ",
                                  place_of(known.data, found[0].first_row), ")");
  if (refuse && config.data.duplicates != "warn")
    fail_input(what, "; remove them, or set data.duplicates = \"warn\"");
  notes.push_back("warning: " + what);
}

void check_groups(const Config& config, const Part& known, const Part& other, bool refuse,
                  std::vector<std::string>& notes) {
  const std::set<std::string> groups(known.data.group.begin(), known.data.group.end());
  std::set<std::string> shared;
  for (const std::string& group : other.data.group)
    if (groups.count(group) > 0) shared.insert(group);
  if (shared.empty()) return;
  const std::string what =
      concat(shared.size(), " groups of ", other.path, " stand in ", known.path, " too (column ",
             in_quotes(config.data.group), ", first: ", in_quotes(*shared.begin()), ")");
  if (refuse && config.data.duplicates != "warn")
    fail_input(what, "; keep a group in one file, or set data.duplicates = \"warn\"");
  notes.push_back("warning: " + what);
}

void check_apart(const Config& config, const Part& known, const Part& other, bool refuse,
                 std::vector<std::string>& notes) {
  check_duplicates(config, known, other, refuse, notes);
  check_groups(config, known, other, refuse, notes);
}

void check_same_shape(const Dataset& train, const Dataset& other, const std::string& path) {
  if (train.sample_shape != other.sample_shape)
    fail_input("samples of ", path, " have the shape ", Shape(other.sample_shape),
               ", those of the training data ", Shape(train.sample_shape), "; both must agree");
}

void read_or_split(const Config& config, const std::string& path, double fraction, const char* what,
                   bool refuse, PreparedData& data, Dataset& part) {
  if (!path.empty()) {
    part = read_dataset(source_of(config.data, path, &data.train));
    check_same_shape(data.train, part, path);
    check_apart(config, {data.train, config.data.train}, {part, path}, refuse, data.notes);
  } else if (fraction > 0) {
    // Each part has a seed of its own, so that taking a test part does not hand its samples to validation.
    take_split(data.train, part, fraction, mix64(config.data.split_seed ^ hash_text(what)));
    data.notes.push_back(
        concat(what, ": ", part.size(), " samples split off (seed ", config.data.split_seed, ")"));
  }
}

// After the splits, which keep equal images together and look for those that two files share.
void corrupt_parts(const DataSection& section, PreparedData& data) {
  if (section.corrupt.empty()) return;
  const auto source_of_part = [&](const std::string& file) { return file.empty() ? section.train : file; };
  corrupt_images(data.train, section.corrupt, section.train);
  corrupt_images(data.validation, section.corrupt, source_of_part(section.validation));
  corrupt_images(data.test, section.corrupt, source_of_part(section.test));
  data.notes.push_back(concat("every image is changed: data.corrupt = ", in_quotes(section.corrupt)));
}

void check_fits_memory(const ModelConfig& config) {
  const double bytes = 4.0 * static_cast<double>(count_elements(config));
  const double machine =
      static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGE_SIZE));
  if (bytes > machine)
    fail_input("the model's parameters need ", bytes / 1e9, " GB (", config.architecture, " on a machine of ",
               machine / 1e9, " GB); use a smaller model");
}

// Everything in the file must have a place in the model, except a head of another shape, which stays new.
void load_init(Model& model, const std::string& path, std::vector<std::string>& notes) {
  const SafetensorsFile file(path);
  LoadReport report = load_weights(model, file);
  std::erase_if(report.mismatched, [&](const std::string& text) {
    const std::string name = text.substr(0, text.find(':'));
    if (model.group_of(name) + 1 != static_cast<int>(model.groups().size())) return false;
    notes.push_back("the head is new: " + text);
    return true;
  });
  report.missing.clear();  // any subset of the names will do
  if (!report.unexpected.empty() || !report.mismatched.empty())
    fail_input("the weights in ", path, " do not fit the model: ", describe_problems(report),
               "; rename them or change [model]");
}

bool has_labels_of(const ModelFolder& folder, const PreparedData& data) {
  const std::vector<std::string>& labels = folder.preprocess.labels;
  if (!labels.empty()) return labels == data.train.classes;
  return folder.config.outputs ==
         static_cast<std::int64_t>(std::max<std::size_t>(data.train.classes.size(), 1));
}

// Every weight of the head, in the model's shape.
bool has_head(const SafetensorsFile& file, const Model& model) {
  std::map<std::string, Shape> shapes;
  for (const SafetensorsEntry& entry : file.entries()) shapes[model_name(entry.name)] = Shape(entry.shape);
  const int head = static_cast<int>(model.groups().size()) - 1;
  const std::vector<ParameterPtr> parameters = model.parameters();
  return std::all_of(parameters.begin(), parameters.end(), [&](const ParameterPtr& parameter) {
    const auto found = shapes.find(parameter->name);
    return parameter->group != head || (found != shapes.end() && found->second == parameter->tensor.shape());
  });
}

void load_folder(Model& model, const Config& config, const PreparedData& data, bool allow_missing,
                 std::vector<std::string>& notes) {
  const ModelFolder folder = read_model_folder(config.model.from);
  const SafetensorsFile file(folder.weights);
  const bool new_labels = !has_labels_of(folder, data);
  const bool new_head = new_labels || !has_head(file, model);
  const std::vector<ParameterPtr> parameters = model.parameters();
  const int head = static_cast<int>(model.groups().size()) - 1;
  std::vector<Tensor> fresh;
  const NoGrad no_grad;
  for (const ParameterPtr& parameter : parameters)
    if (parameter->group == head) fresh.push_back(parameter->tensor.clone());
  LoadReport report = load_weights(model, file);
  auto is_head = [&](const std::string& name) {
    return model.group_of(name.substr(0, name.find(':'))) == head;
  };
  std::erase_if(report.missing, is_head);
  std::erase_if(report.mismatched, is_head);
  if (new_head) {
    std::size_t next = 0;
    for (const ParameterPtr& parameter : parameters)
      if (parameter->group == head) kernels::copy(parameter->tensor, std::as_const(fresh[next++]));
    notes.push_back(concat("the head is new: ", new_labels ? "its labels differ from the task's"
                                                           : "the folder has none that fits"));
  }
  const bool problems = !report.missing.empty() || !report.unexpected.empty() || !report.mismatched.empty();
  if (problems && !allow_missing)
    fail_input("the weights in ", folder.weights, " do not fit: ", describe_problems(report),
               "; use the matching config.json, or --allow-missing");
  if (problems) notes.push_back("warning: " + describe_problems(report));
}

}  // namespace

PreparedData load_data(const Config& config, bool want_test, bool refuse_duplicates) {
  const DataSection& section = config.data;
  if (section.train.empty()) fail_input("no training data are named (", config.path, "); set data.train");
  PreparedData data;
  data.regression = section.task == "regression";
  data.train = read_dataset(source_of(section, section.train, nullptr));
  if (!data.regression && data.train.classes.size() < 2)
    fail_input("the labels have ", data.train.classes.size(), " class (", section.train,
               "); classification needs two: add samples, or set data.task = \"regression\"");
  if (!data.regression && looks_like_numbers(data.train))
    data.notes.push_back(concat("warning: the labels are ", data.train.classes.size(),
                                " different numbers in ", data.train.size(),
                                " samples; to predict a number set data.task = \"regression\""));
  const double test_fraction = section.test_fraction.value_or(want_test ? 0.2 : 0.0);
  read_or_split(config, section.test, test_fraction, "test", refuse_duplicates, data, data.test);
  read_or_split(config, section.validation, section.validation_fraction, "validation", refuse_duplicates,
                data, data.validation);
  // What is split off the training file is kept apart from the rest of it, not from another file.
  if (!section.validation.empty())
    check_apart(config, {data.test, section.test.empty() ? section.train : section.test},
                {data.validation, section.validation}, refuse_duplicates, data.notes);
  if (data.test.size() > 0) data.test_hash = content_hash(data.test);
  corrupt_parts(section, data);

  Preprocess& preprocess = data.preprocess;
  preprocess.task = section.task;
  preprocess.sample_shape = data.train.sample_shape;
  preprocess.columns = data.train.columns;
  preprocess.labels = data.train.classes;
  preprocess.label_column = section.label;
  preprocess.group_column = section.group;
  return data;
}

PreparedData draw_training_data(const Config& config, const PreparedData& loaded, std::uint64_t draw_seed) {
  const DataSection& section = config.data;
  PreparedData data{
      {},          loaded.validation, loaded.test, loaded.test_hash, loaded.regression, loaded.preprocess,
      loaded.notes};
  // All of the pool is copied only where nothing is drawn from it.
  if (section.samples_per_class > 0)
    data.train = loaded.train.subset(draw_per_class(loaded.train, section.samples_per_class, draw_seed));
  const Dataset& pool = section.samples_per_class > 0 ? data.train : loaded.train;
  if (section.limit > 0)
    data.train = pool.subset(draw_rows(pool, section.limit, draw_seed));
  else if (section.samples_per_class == 0)
    data.train = loaded.train;
  if (data.train.size() != loaded.train.size())
    data.notes.push_back(concat("training: ", data.train.size(), " of ", loaded.train.size(),
                                " samples drawn (seed ", draw_seed, ")"));
  if (section.standardize) {
    const Standardizer standardizer = Standardizer::fit(data.train);
    for (Dataset* part : {&data.train, &data.validation, &data.test})
      if (part->size() > 0) standardizer.apply(*part);
    data.preprocess.mean = standardizer.mean;
    data.preprocess.deviation = standardizer.deviation;
  }
  return data;
}

PreparedData prepare_data(const Config& config, std::uint64_t draw_seed, bool want_test,
                          bool refuse_duplicates) {
  return draw_training_data(config, load_data(config, want_test, refuse_duplicates), draw_seed);
}

ModelConfig model_config(const Config& config, const PreparedData& data) {
  ModelConfig model;
  if (is_model_folder(config.model.from)) {
    const ModelFolder folder = read_model_folder(config.model.from);
    model = folder.config;
    if (model.sample_shape != data.train.sample_shape)
      fail_input("the model in ", config.model.from, " takes samples ", Shape(model.sample_shape),
                 ", the data have ", Shape(data.train.sample_shape), "; use data of that shape");
  } else {
    model.architecture = config.model.from;
    model.hidden = config.model.hidden;
    model.activation = config.model.activation;
    model.width = config.model.width;
    model.depth = config.model.depth;
  }
  if (config.model.dropout) model.dropout = *config.model.dropout;
  model.sample_shape = data.train.sample_shape;
  model.outputs = data.regression ? 1 : static_cast<std::int64_t>(data.train.classes.size());
  check_fits_memory(model);
  return model;
}

PreparedModel prepare_model(const Config& config, const PreparedData& data, std::uint64_t seed,
                            const std::optional<LoraSpec>& lora, bool allow_missing) {
  PreparedModel prepared;
  prepared.config = model_config(config, data);
  const InitSeed init_seed(seed);
  prepared.model = make_model(prepared.config);
  if (is_model_folder(config.model.from))
    load_folder(*prepared.model, config, data, allow_missing, prepared.notes);
  if (lora) attach_lora(*prepared.model, *lora, seed);
  if (!config.model.init.empty()) load_init(*prepared.model, config.model.init, prepared.notes);
  return prepared;
}

bool head_is_new(const Config& config, const PreparedData& data, const Model& model) {
  if (!config.model.init.empty() && has_head(SafetensorsFile(config.model.init), model)) return false;
  if (!is_model_folder(config.model.from)) return true;
  const ModelFolder folder = read_model_folder(config.model.from);
  return !has_labels_of(folder, data) || !has_head(SafetensorsFile(folder.weights), model);
}

void attach_lora(Model& model, const LoraSpec& spec, std::uint64_t seed) {
  const InitSeed init_seed(seed, model.parameters().front()->tensor.device());
  const int head = static_cast<int>(model.groups().size()) - 1;
  auto is_target = [&](const Linear& linear) {
    if (spec.target_modules.empty()) return model.group_of(linear.path()) != head;
    return std::any_of(spec.target_modules.begin(), spec.target_modules.end(),
                       [&](const std::string& target) {
                         return linear.path() == target || linear.path().ends_with("." + target);
                       });
  };
  int attached = 0;
  std::string known;
  for (Linear* linear : model.linears()) {
    known += (known.empty() ? "" : ", ") + linear->path();
    if (!is_target(*linear)) continue;
    linear->attach({spec.r, spec.alpha, spec.dropout});
    ++attached;
  }
  if (attached == 0)
    throw NothingToAdapt(concat("lora finds no layer to adapt",
                                spec.target_modules.empty() ? " below the head" : " among target_modules",
                                "; the Linear layers are: ", known));
  model.refresh();
}

}  // namespace thaw
