// A model on disk: config.json (how to build it), model.safetensors (its weights, adapters folded in) and
// preprocess.json (how its inputs are made and what its outputs mean). Text models have the files of their
// tokenizer beside them. Folders of Hugging Face are read too: they have no preprocess.json.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "finetune/image_input.h"
#include "nn/models/registry.h"
#include "nn/weight_files.h"

namespace thaw {

struct Preprocess {
  std::string task = "classification";  // or "regression"
  std::vector<std::int64_t> sample_shape;
  std::vector<std::string> columns;     // tables: features in order
  std::vector<double> mean, deviation;  // empty: not standardised
  std::vector<std::string> labels;      // classification
  std::string label_column = "label";
  std::string group_column;
  std::string text_column;      // text models
  std::string pair_column;      // of the second text, where they take pairs
  std::int64_t max_length = 0;  // text models: tokens; longer texts are cut
  bool normalize = false;       // text models: embeddings have length 1
  bool has_folded = false;      // the weights have the adapters of the folder's adapter/ in them
};

struct ModelFolder {
  ModelConfig config;
  Preprocess preprocess;
  bool has_preprocess = false;
  std::optional<ImageInput> images;  // of a ViT, where the folder says it
  std::string path;
};

// InputError naming the file for anything missing, malformed or out of range. Allocates no weights. What the
// folder says of a text's pooling is in config.transformer.pooling.
ModelFolder read_model_folder(const std::string& path);
bool is_model_folder(const std::string& path);
// How its classifier takes a text: as preprocess.json says; without one it is transformers', which has a
// pooler (a decoder: its last token), whatever the folder says of sentences.
std::string classifier_pooling(const ModelFolder& folder);
// The folder's preprocess.json, its labels and pooling included, from `path` instead of its own.
void use_preprocess(const std::string& path, ModelFolder& folder);

// Writes the three files, each atomically, and copies what else says how inputs are made from the folder
// `inputs`: a text model's tokenizer, a ViT's preprocessor_config.json.
void write_model_folder(const std::string& path, const ModelConfig& config, const Preprocess& preprocess,
                        const NamedTensors& weights, const std::string& inputs = {});
void write_preprocess(const std::string& path, const ModelConfig& config, const Preprocess& preprocess);

// Whether the folder's weights have the adapters of its adapter/ in them: the weights' metadata and
// preprocess.json both say it, for who writes the weights anew leaves out the former.
bool has_folded_adapter(const std::string& path);

// Parameters and buffers under every name that they have in files; LoRA and DoRA are folded into the weights
// that they adapt.
NamedTensors merged_weights(Model& model);

// The model's name for a tensor of a file, without "base_model.model.", which PEFT puts before every name;
// nothing for what is no part of the model.
std::optional<std::string> model_name(const Model& model, const std::string& name_in_file);

// Of the model's tensors those that the files have, by the model's names, with their shapes there.
using TensorShapes = std::map<std::string, std::vector<std::int64_t>>;
TensorShapes shapes_in(const Model& model, const WeightFiles& files);

struct Mismatch {
  std::string name;
  std::string shapes;  // "the file has [10, 64], the model [3, 64]"
  std::string text() const { return name + ": " + shapes; }
};

struct LoadReport {
  std::vector<std::string> missing;     // in the model, not in the file under any of its names
  std::vector<std::string> unexpected;  // in the file, not in the model
  std::vector<Mismatch> mismatched;
  bool fits() const { return missing.empty() && unexpected.empty() && mismatched.empty(); }
};

// Copies what fits from the files into the model, converting dtypes, and says what did not.
LoadReport load_weights(Model& model, const WeightFiles& files);

// One line: counts and the first three names of each kind.
std::string describe_problems(const LoadReport& report);

}  // namespace thaw
