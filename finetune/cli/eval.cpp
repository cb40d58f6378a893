// `thaw eval`: metrics of a trained model on the data that a config names.
#include <fcntl.h>
#include <sys/file.h>

#include <filesystem>

#include "core/error.h"
#include "finetune/cli/commands.h"
#include "finetune/cli/output.h"
#include "finetune/cli/saved_model.h"
#include "finetune/common/json.h"
#include "finetune/config/config_text.h"
#include "finetune/data/corrupt.h"
#include "finetune/data/readers/readers.h"
#include "finetune/model/adapter_config.h"
#include "finetune/model/model_folder.h"
#include "finetune/model/picture_source.h"
#include "finetune/model/sound_source.h"
#include "finetune/model/text_source.h"
#include "finetune/preprocess/prepared_data.h"
#include "finetune/preprocess/text_input.h"
#include "finetune/run/prepare_data.h"
#include "finetune/run/test_evaluations.h"
#include "finetune/task/evaluate.h"
#include "finetune/task/metrics_json.h"
#include "nn/io/files.h"
#include "nn/io/sha256.h"

namespace thaw::cli {
namespace {

struct Part {
  const char* split;
  std::string source;
  Dataset data;
  std::string hash;  // content_hash of the data as they were read
};

// A file is read with the model's columns, in their order.
Part read_part(const Config& config, const ModelFolder& folder, const char* split, const std::string& path) {
  DataSource source = data_source(config, path);
  source.columns = folder.preprocess.columns;
  folder.preprocess.encoding.choose_kinds(source);
  if (const auto text = text_input(folder)) {
    source.text = config.data.text.empty() ? text->column : config.data.text;
    source.text_pair = config.data.text_pair.value_or(text->pair_column);
  }
  if (const auto column = audio_column(folder))
    source.audio = config.data.audio.empty() ? *column : config.data.audio;
  source.spell = !folder.config.decoder.writes;
  if (const auto column = picture_column(folder))
    source.image = config.data.image.empty() ? *column : config.data.image;
  if (source.targets == Targets::transcripts) source.classes = folder.preprocess.labels;
  source.group.clear();  // nothing is split
  source.require_every_class = false;
  Part part{split, path, read_dataset(source), {}};
  say_what_was_read(part.data, path);
  part.hash = content_hash(part.data);
  corrupt_images(part.data, config.data.corrupt, path);
  return part;
}

// The test data, else the validation data: from their own file, or split off as training did.
Part part_to_evaluate(const Config& config, const ModelFolder& folder) {
  const DataSection& section = config.data;
  if (!section.test.empty()) return read_part(config, folder, "test", section.test);
  const bool has_test = section.test_fraction.value_or(0) > 0;
  if (!has_test && !section.validation.empty())
    return read_part(config, folder, "validation", section.validation);
  // As the model has them: what it was made from may be gone. preprocess.json says how they are scaled.
  Config of_model = config;
  of_model.model = {};
  of_model.model.from = folder.path;
  if (folder.config.decoder.writes) of_model.model.decoder = "seq2seq";
  of_model.data.standardize = of_model.data.standardize_target = Standardize::unset;
  of_model.data.categories.clear();
  of_model.data.missing = Missing::refuse;
  if (find_task(config.data.task).targets() == Targets::transcripts)
    of_model.data.classes = folder.preprocess.labels;  // what it can write
  PreparedData data =
      load_data(of_model, {.section = of_model.model, .folder = std::make_shared<const ModelFolder>(folder)},
                false, false);
  if (!has_test && data.validation->size() == 0)
    fail_input("the config has neither test nor validation data (", config.path,
               "); set data.test or data.test_fraction");
  Progress().message(data.notes.front());
  if (has_test) return {"test", section.train, std::move(data.test.edit()), data.test_hash};
  return {"validation", section.train, std::move(data.validation.edit()), {}};
}

// A test evaluation of a run's model is entered in the register that comparisons read, and the run counts
// those at its own. 0: these are not the run's test data.
std::int64_t count_evaluation(const std::string& model, const Config& config, const std::string& test_hash) {
  const std::filesystem::path given = std::filesystem::canonical(model);
  // The adapter alone is the run's model too.
  const std::string folder = (is_adapter_folder(model) ? given.parent_path() : given).string();
  const std::string path = folder + "/run.json";
  if (!std::filesystem::exists(path)) return 0;
  // Of evaluations at the same time one waits for the other: each counts.
  const FileDescriptor lock(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ::flock(lock.get(), LOCK_EX);
  record_test_evaluation_with_model({test_hash, folder, sha256_hex(to_toml(config)), now_utc()});
  Json run = Json::parse(read_file(path, std::int64_t{1} << 28), nullptr, false);
  if (!run.is_object() || run.value("test_sha256", Json()) != test_hash ||
      !run.value("test_evaluations", Json()).is_number_integer())
    return 0;
  const std::int64_t evaluations = run["test_evaluations"].get<std::int64_t>() + 1;
  run["test_evaluations"] = evaluations;
  atomic_write(path, json_document(run));
  return evaluations;
}

// A text model is used as it was trained: the config's word on that is for training.
void say_what_counts(const Config& config, const ModelFolder& folder, const TextInput& text) {
  const auto say = [](const char* key, const auto& wanted, const auto& is) {
    Progress().message(
        concat(key, " = ", wanted, " is for training: the model is used as it was trained, with ", is));
  };
  if (config.model.max_length > 0 && config.model.max_length != text.max_length)
    say("model.max_length", config.model.max_length, text.max_length);
  const std::string& pooling = folder.config.transformer.pooling;
  if (!config.model.pooling.empty() && config.model.pooling != pooling)
    say("model.pooling", config.model.pooling, pooling);
}

// Beyond so many classes a matrix would fill the memory.
constexpr std::size_t kMostClasses = 2000;

void add_confusion(const Outputs& outputs, const Dataset& data, Json& json) {
  if (data.classes.size() <= kMostClasses)
    json.update(confusion_json(confusion_of(outputs, data), data.classes));
  else
    Progress().message(concat("the confusion matrix of ", data.classes.size(),
                              " classes is left out: more than ", kMostClasses));
}

}  // namespace

int eval(const Arguments& arguments) {
  const Config config = read_config(arguments);
  SavedModel saved = load_saved_model(arguments.model, arguments.allow_missing);
  const Task& task = *saved.folder.preprocess.task;
  if (task.name() != config.data.task)
    fail_input("the model is made for ", task.name(), ", data.task is ", config.data.task, " (", config.path,
               "); evaluate it on its own task");
  if (const auto text = text_input(saved.folder)) say_what_counts(config, saved.folder, *text);
  if (const auto& context = config.model.audio_context;
      !context.empty() && (context == "full") != saved.folder.preprocess.whole_context)
    Progress().message(
        concat("model.audio_context = ", context, " is for training: the model is used as it was"));
  Part part = part_to_evaluate(config, saved.folder);
  prepare_for(saved.folder, part.source, part.data);
  if (task.has_classes()) use_labels_of(saved.folder, part.source, !config.data.classes.empty(), part.data);
  if (const std::string few = task.unusable(part.data, part.source); !few.empty()) Progress().message(few);
  Json json{{"split", part.split}, {"samples", part.data.size()}};
  const Outputs outputs = predict_all(*saved.model, part.data);
  check_outputs(outputs, part.source);
  json.update(metrics_json(compute_metrics(task, outputs, part.data)));
  if (const std::string undefined = undefined_metrics(task, part.data); !undefined.empty())
    Progress().message(undefined);
  if (arguments.json && task.has_classes()) add_confusion(outputs, part.data, json);
  std::int64_t evaluations = 0;
  if (std::string(part.split) == "test") try {
      evaluations = count_evaluation(arguments.model, config, part.hash);
    } catch (const Error& error) {  // the folder of a run may be one to read only
      Progress().message(concat("warning: this test evaluation is not recorded: ", error.what()));
    }
  if (evaluations > 0) {
    json["test_evaluations"] = evaluations;
    json["exploratory"] = evaluations > 1;
  }
  print(json_line(json) + "\n");
  return 0;
}

}  // namespace thaw::cli
