#include "finetune/model/model_folder.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <string_view>

#include "core/error.h"
#include "finetune/common/json.h"
#include "finetune/common/text.h"
#include "finetune/data/readers/labels.h"
#include "finetune/model/encoding_json.h"
#include "finetune/model/picture_source.h"
#include "finetune/preprocess/character_vocabulary.h"
#include "finetune/preprocess/picture_view_json.h"
#include "finetune/preprocess/sound_input.h"
#include "finetune/preprocess/tokenizer/tokenizer.h"
#include "finetune/task/regression.h"
#include "finetune/task/transcription.h"
#include "nn/io/json_file.h"
#include "nn/io/safetensors_header.h"
#include "nn/models/checkpoint_class.h"
#include "nn/models/transformer.h"

namespace thaw {
namespace {

namespace fs = std::filesystem;
constexpr const char* kFolded = "thaw_folded";  // in preprocess.json and among the weights' metadata

const Task* task_in(const nlohmann::json& json, const std::string& path) {
  std::string name;
  read_field(json, "task", path, name);
  if (const Task* task = task_named(name)) return task;
  fail_input("'task' is ", in_quotes(name), ", none of ", joined(task_names()), " (", path,
             "); make the folder again");
}

// `pooling`, and `normalize`, which it begins with, stay as they are where the file names none.
Preprocess read_preprocess(const std::string& path, bool normalize, std::string& pooling) {
  const nlohmann::json json = read_json(path);
  Preprocess p;
  p.normalize = normalize;
  p.task = task_in(json, path);
  read_field(json, "sample_shape", path, p.sample_shape);
  read_field(json, "columns", path, p.columns);
  read_field(json, "mean", path, p.mean);
  read_field(json, "deviation", path, p.deviation);
  read_field(json, "labels", path, p.labels);
  read_field(json, "label", path, p.label_column);
  read_field(json, "group", path, p.group_column);
  read_optional_field(json, "quote", path, p.quote);
  read_optional_field(json, "text", path, p.text_column);
  read_optional_field(json, "text_pair", path, p.pair_column);
  read_optional_field(json, "max_length", path, p.max_length);
  read_optional_field(json, "pooling", path, pooling);
  read_optional_field(json, "normalize", path, p.normalize);
  read_optional_field(json, "audio", path, p.audio_column);
  read_optional_field(json, "whole_context", path, p.whole_context);
  read_optional_field(json, "image", path, p.image_column);
  if (const auto view = json.find("picture"); view != json.end())
    p.view = view_from_json(*view, p.sample_shape, path);
  read_optional_field(json, kFolded, path, p.has_folded);
  if (json.contains("encoding")) p.encoding = read_encoding(json["encoding"], p.columns, path);
  read_optional_field(json, "target_mean", path, p.target_scale.mean);
  read_optional_field(json, "target_deviation", path, p.target_scale.deviation);
  if (!std::isfinite(p.target_scale.mean) || !(p.target_scale.deviation > 0) ||
      !std::isfinite(p.target_scale.deviation))
    fail_input("'target_mean' and 'target_deviation' are no mean and standard deviation (", path,
               "); make the folder again");
  if (p.mean.size() != p.deviation.size())
    fail_input("'mean' and 'deviation' have different lengths (", path, "); make the folder again");
  return p;
}

// What of them `config`, a model made from the folder's, is used with.
std::vector<std::string> input_files(const ModelFolder& folder, const ModelConfig& config) {
  if (takes_text(folder.config)) return folder.tokenizer()->files();
  if (folder.images) return {kImageInputName};
  if (!takes_sound(folder.config)) return {};
  std::vector<std::string> files;
  if (config.decoder.writes) files = folder.tokenizer()->files();
  for (const char* name : {kImageInputName, kProcessorName, kGenerationName})
    if (fs::exists(concat(folder.path, '/', name))) files.emplace_back(name);
  return files;
}

void copy_input_files(const ModelFolder& from, const ModelConfig& config, const std::string& to) {
  for (const std::string& name : input_files(from, config))
    atomic_write(concat(to, '/', name), read_file(concat(from.path, '/', name), kMaxTokenizerBytes));
}

// The processor of a model whose pictures have another size than those of its folder.
void write_processor_of_size(const ModelFolder& from, const PictureView& view, const std::string& to) {
  if (!from.images || !from.images->view || from.images->view->sample_shape() == view.sample_shape()) return;
  nlohmann::json config = read_json(from.images->file);
  write_picture_view(view, from.images->file, config);
  atomic_write(concat(to, '/', kImageInputName), json_document(config));
}

// What a folder without a config.json may be instead.
[[noreturn]] void refuse_folder(const std::string& path) {
  const bool has_run = fs::exists(path + "/metrics.jsonl");  // which no comparison writes
  if (has_run && fs::exists(path + "/run.json"))
    fail_input("the run diverged, and has left no model (", path,
               "/run.json); give the folder of another run");
  if (has_run)
    fail_input("the run has not come to its end (", path, "); go on with thaw train ", path,
               "/config.toml --out ", path, " --resume");
  if (fs::exists(path + "/adapter_config.json"))
    fail_input("this is the folder of an adapter, not of a whole model (", path,
               "); set model.from to its base and model.init to it, or merge them with thaw merge");
  fail_input("the folder has no config.json (", path, "); give one with config.json and model.safetensors");
}

void use_sentence_modules(const SentenceModules& sentences, ModelFolder& folder) {
  folder.preprocess.normalize = sentences.normalize;
  if (sentences.pooling.empty()) return;
  check_pooling(sentences, own_pooling(folder.config) == std::string_view(kLastToken));
  folder.config.transformer.pooling = sentences.pooling;
  folder.pooling_from = sentences.pooling_file;
}

void take_preprocess(const std::string& path, ModelFolder& folder) {
  folder.preprocess = read_preprocess(path, folder.preprocess.normalize, folder.config.transformer.pooling);
  folder.pooling_from = path;
}

// A network that takes pictures of any size takes those that its folder's data had, or its preprocessor_config.json makes.
void use_picture_size(ModelFolder& folder) {
  if (!takes_processed_images(folder.config)) return;
  std::vector<std::int64_t> shape = folder.preprocess.sample_shape;
  if (!folder.has_preprocess && folder.images && folder.images->view)
    shape = folder.images->view->sample_shape();
  if (takes_shape(folder.config, shape)) folder.config.sample_shape = shape;
}

// Whether transformers' recogniser by CTC says what its rows are.
bool has_characters(const ModelFolder& folder) {
  return takes_raw_sound(folder.config) &&
         class_in(nlohmann::json::parse(folder.config.source)).ends_with("ForCTC") &&
         fs::exists(concat(folder.path, '/', kVocabularyName));
}

// With weights beside those that modules.json names it is not known which are meant.
void check_one_model(const ModelFolder& folder) {
  if (folder.path != folder.root && (has_weights(folder.root) || fs::exists(folder.root + "/config.json")))
    fail_input("there are two models: modules.json names the one in ", folder.path, ", and ", folder.root,
               " has a config.json or weights too; remove the one that is not meant");
}

}  // namespace

bool is_model_folder(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

const std::shared_ptr<const Tokenizer>& ModelFolder::tokenizer() const {
  if (tokenizer_ == nullptr) tokenizer_ = load_tokenizer(path);
  return tokenizer_;
}

ModelFolder read_model_folder(const std::string& path) {
  if (!is_model_folder(path))
    fail_input("there is no model folder (", path, "); give one with config.json and model.safetensors");
  const SentenceModules sentences = read_sentence_modules(path);
  ModelFolder folder;
  folder.root = path;
  folder.path = sentences.transformer.empty() ? path : concat(path, '/', sentences.transformer);
  check_one_model(folder);
  if (!fs::exists(folder.path + "/config.json")) refuse_folder(folder.path);
  folder.config = read_model_config(folder.path + "/config.json");
  if (takes_text(folder.config)) use_sentence_modules(sentences, folder);
  folder.has_preprocess = fs::exists(folder.path + "/preprocess.json");
  if (folder.has_preprocess) {
    take_preprocess(folder.path + "/preprocess.json", folder);
  } else {
    // As in transformers: one output is a number, whatever it is called.
    if (folder.config.outputs == 1)
      folder.preprocess.task = &regression();
    else
      folder.preprocess.labels = folder.config.labels;
    if (takes_sound(folder.config) && !folder.config.pools_places) folder.preprocess.task = &transcription();
    if (has_characters(folder))
      folder.preprocess.labels = read_character_vocabulary(folder.path, folder.config.outputs);
    // As its decoder, or its classifier, was trained.
    folder.preprocess.whole_context =
        folder.config.decoder.writes || (folder.config.pools_places && !takes_raw_sound(folder.config));
  }
  folder.images = read_image_input(folder.path, folder.config);
  use_picture_size(folder);
  if (!has_weights(folder.path))
    fail_input("the folder ", folder.path, " has no model.safetensors",
               fs::exists(folder.path + "/pytorch_model.bin")
                   ? ", and thaw reads no pytorch_model.bin; save the model again with safetensors"
                   : "; give the whole folder of a model, or finish the run that makes it");
  folder.weights = std::make_shared<const WeightFiles>(folder.path);
  return folder;
}

std::vector<std::string> labels_of_rows(const ModelFolder& folder, const std::vector<std::string>& classes) {
  const std::vector<std::string>& labels = folder.preprocess.labels;
  return labels.empty() ? numbered_labels(classes, folder.config.outputs) : labels;
}

std::string classifier_pooling(const ModelFolder& folder) {
  return folder.has_preprocess ? folder.config.transformer.pooling : own_pooling(folder.config);
}

void use_sentence_pooling(ModelFolder& folder) {
  if (!folder.pooling_from.empty()) return;
  folder.config.transformer.pooling = kMeanPooling;
  folder.pooling_from = "no 1_Pooling says another: as sentence-transformers has it";
}

void use_preprocess(const std::string& path, ModelFolder& folder) {
  take_preprocess(path, folder);
  folder.has_preprocess = true;
  folder.config.labels = folder.preprocess.labels;
  folder.config.outputs = std::max<std::int64_t>(static_cast<std::int64_t>(folder.config.labels.size()), 1);
}

void write_preprocess(const std::string& path, const ModelConfig& config, const Preprocess& p) {
  Json preprocess{{"task", p.task->name()},  {"sample_shape", p.sample_shape}, {"columns", p.columns},
                  {"mean", p.mean},          {"deviation", p.deviation},       {"labels", p.labels},
                  {"label", p.label_column}, {"group", p.group_column}};
  if (!p.encoding.empty()) preprocess["encoding"] = encoding_json(p.encoding);
  if (p.target_scale != TargetScale()) {
    preprocess["target_mean"] = p.target_scale.mean;
    preprocess["target_deviation"] = p.target_scale.deviation;
  }
  if (!p.quote.empty()) preprocess["quote"] = p.quote;
  if (takes_text(config)) {
    preprocess["text"] = p.text_column;
    if (!p.pair_column.empty()) preprocess["text_pair"] = p.pair_column;
    preprocess["max_length"] = p.max_length;
    preprocess["pooling"] = config.transformer.pooling;
    preprocess["normalize"] = p.normalize;
  }
  if (takes_sound(config)) {
    preprocess["audio"] = p.audio_column;
    preprocess["whole_context"] = p.whole_context;
  }
  if (p.view) {
    preprocess["image"] = p.image_column;
    preprocess["picture"] = view_to_json(*p.view);
  }
  if (p.has_folded) preprocess[kFolded] = true;
  atomic_write(path + "/preprocess.json", json_document(preprocess));
}

void write_model_folder(const std::string& path, const ModelConfig& config, const Preprocess& preprocess,
                        const NamedTensors& weights, const ModelFolder* inputs) {
  std::map<std::string, std::string> metadata{{"format", "pt"}};
  if (preprocess.has_folded) metadata[kFolded] = "adapter";
  save_safetensors(path + "/" + kWeightsName, weights, metadata);
  if (inputs != nullptr) copy_input_files(*inputs, config, path);
  if (inputs != nullptr && preprocess.view) write_processor_of_size(*inputs, *preprocess.view, path);
  if (takes_raw_sound(config) && preprocess.task->targets() == Targets::transcripts &&
      !preprocess.labels.empty())
    write_character_vocabulary(path, preprocess.labels);
  write_preprocess(path, config, preprocess);
  atomic_write(path + "/config.json", write_model_config(config));
}

bool has_folded_adapter(const ModelFolder& folder) {
  return folder.weights->files().front().metadata().contains(kFolded) || folder.preprocess.has_folded;
}

}  // namespace thaw
