// A model on disk: config.json (how to build it), model.safetensors (its weights, adapters folded in) and
// preprocess.json (how its inputs are made and what its outputs mean). Text models have the files of their
// tokenizer beside them. Folders of Hugging Face are read too: they have no preprocess.json.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "finetune/model/model_weights.h"
#include "finetune/preprocess/image_input.h"
#include "finetune/preprocess/preprocess.h"
#include "finetune/preprocess/sentence_modules.h"
#include "nn/io/weight_files.h"
#include "nn/models/registry.h"

namespace thaw {

class Tokenizer;

struct ModelFolder {
  ModelConfig config;
  Preprocess preprocess;
  bool has_preprocess = false;
  std::optional<ImageInput> images;  // of a ViT, where the folder says it
  std::string path;                  // of config.json, the weights and the tokenizer
  std::string root;                  // what was named: another folder in sentence-transformers' older layout
  std::string pooling_from;  // what says config.transformer.pooling; empty: nothing, it is the model's own
  std::shared_ptr<const WeightFiles> weights;

  // Of a text model. Its files are read when it is first asked for: not every use of a model needs them.
  const std::shared_ptr<const Tokenizer>& tokenizer() const;

 private:
  mutable std::shared_ptr<const Tokenizer> tokenizer_;
};

// InputError naming the file for anything missing, malformed or out of range. Allocates no weights. What the
// folder says of a text's pooling is in config.transformer.pooling.
ModelFolder read_model_folder(const std::string& path);
bool is_model_folder(const std::string& path);
// The classes of its head; where nobody named them, `classes` may say which row is which (numbered_labels()).
std::vector<std::string> labels_of_rows(const ModelFolder& folder, const std::vector<std::string>& classes);
// How its classifier takes a text: as preprocess.json says; without one it is transformers', which has a
// pooler (a decoder: its last token), whatever the folder says of sentences.
std::string classifier_pooling(const ModelFolder& folder);
// Embeddings are the mean of the tokens' states where nothing says how they are made, as in
// sentence-transformers.
void use_sentence_pooling(ModelFolder& folder);
// The folder's preprocess.json, its labels and pooling included, from `path` instead of its own.
void use_preprocess(const std::string& path, ModelFolder& folder);

// Writes the three files, each atomically, and copies what else says how inputs are made from the folder
// `inputs`, unless it is null: a text model's tokenizer, a ViT's preprocessor_config.json.
void write_model_folder(const std::string& path, const ModelConfig& config, const Preprocess& preprocess,
                        const NamedTensors& weights, const ModelFolder* inputs = nullptr);
void write_preprocess(const std::string& path, const ModelConfig& config, const Preprocess& preprocess);

// Whether the folder's weights have the adapters of its adapter/ in them: the weights' metadata and
// preprocess.json both say it, for who writes the weights anew leaves out the former.
bool has_folded_adapter(const ModelFolder& folder);

}  // namespace thaw
