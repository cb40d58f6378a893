#include "nn/models/bert.h"

#include "core/error.h"
#include "nn/models/architecture.h"

namespace thaw {

struct BertFamily {
  const char* architecture;
  const char* prefix;  // of the encoder's names in a classifier's checkpoint
  const char* layers;
  EncoderLayerNames names;
  bool attention_output_dropout;
  const char* pooler;
  Activation pooler_activation;
};

namespace {

constexpr BertFamily kBert = {
    "bert",
    "bert.",
    "encoder.layer",
    {{"attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"},
     "attention.output.LayerNorm",
     "intermediate.dense",
     "output.dense",
     "output.LayerNorm"},
    true,
    "pooler.dense",
    tanh};

constexpr BertFamily kDistilBert = {
    "distilbert",
    "distilbert.",
    "transformer.layer",
    {{"attention.q_lin", "attention.k_lin", "attention.v_lin", "attention.out_lin"},
     "sa_layer_norm",
     "ffn.lin1",
     "ffn.lin2",
     "output_layer_norm"},
    false,
    "pre_classifier",
    relu};

const BertFamily& family_of(const ModelConfig& config) {
  return config.architecture == kBert.architecture ? kBert : kDistilBert;
}

// What checkpoints of pretraining hold beside the encoder: masks of positions and heads of other tasks.
bool is_no_part(const std::string& name) {
  return name.ends_with("position_ids") || name.starts_with("cls.") || name.starts_with("vocab_");
}

std::string last_part(const std::string& name) { return name.substr(name.rfind('.') + 1); }

}  // namespace

Bert::Bert(const ModelConfig& config) : family_(family_of(config)), pooling_(config.transformer.pooling) {
  const TransformerConfig& t = config.transformer;
  if (pooling_ != "pooler" && pooling_ != "cls" && pooling_ != "mean")
    fail_input("unknown pooling '", pooling_, "' (model.pooling); use pooler, cls or mean");
  const auto table = [&](const char* name, std::int64_t rows) {
    const std::string path = std::string("embeddings.") + name;
    return &add_module(path, std::make_unique<Embedding>(rows, t.hidden_size, path));
  };
  words_ = table("word_embeddings", t.vocab_size);
  positions_ = table("position_embeddings", t.positions);
  if (t.token_types > 0) types_ = table("token_type_embeddings", t.token_types);
  embedding_norm_ =
      &add_module("embeddings.LayerNorm", std::make_unique<LayerNorm>(t.hidden_size, t.layer_norm_eps));
  embedding_dropout_ = &add_module("embeddings.dropout", std::make_unique<Dropout>(t.hidden_dropout));
  std::vector<Group> groups{{"embeddings", {"embeddings"}}};
  const EncoderLayer::Options options{false, family_.attention_output_dropout ? t.hidden_dropout : 0};
  for (std::int64_t i = 0; i < t.layers; ++i) {
    const std::string path = concat(family_.layers, ".", i);
    layers_.push_back(&add_module(path, std::make_unique<EncoderLayer>(t, family_.names, options, path)));
    groups.push_back({concat("layer.", i), {path}});
  }
  if (pooling_ == "pooler")
    pooler_ =
        &add_module(family_.pooler, std::make_unique<Linear>(t.hidden_size, t.hidden_size, family_.pooler));
  classifier_dropout_ = &add_module("dropout", std::make_unique<Dropout>(t.classifier_dropout));
  classifier_ =
      &add_module("classifier", std::make_unique<Linear>(t.hidden_size, config.outputs, "classifier"));
  groups.push_back({"head", {family_.pooler, "dropout", "classifier"}});
  finish(std::move(groups));
  init_transformer(*this, t.initializer_range);
}

const char* Bert::architecture() const { return family_.architecture; }

Tensor Bert::embed(const ModelInput& x, const TokenRows& texts) {
  const TraceScope trace(words_->scope());
  Tensor h = words_->forward(x.values);
  if (types_ != nullptr)
    h = h + (x.types.defined() ? types_->forward(x.types) : select(types_->weight()->tensor, 0, 0));
  h = h + first_positions(*positions_, x.values.size(1));
  h = embedding_norm_->forward(texts.pack(h));
  return embedding_dropout_->forward(h);
}

Tensor Bert::encode(const ModelInput& x, std::vector<Tensor>* layers) {
  const TokenRows texts(x.values.size(0), x.values.size(1), x.padding, x.values.device());
  const RandomScope random(texts.random());
  Tensor h = embed(x, texts);
  if (layers != nullptr) layers->push_back(texts.unpack(h));
  for (EncoderLayer* layer : layers_) {
    h = layer->forward(h, texts);
    if (layers != nullptr) layers->push_back(texts.unpack(h));
  }
  return texts.unpack(h);
}

Tensor Bert::mean_state(const Tensor& states, const Tensor& mask) const {
  if (!mask.defined()) return mean(states, {1});
  const Tensor weight = cast(mask, states.dtype());
  return sum(states * unsqueeze(weight, -1), {1}) / sum(weight, {1}, true);
}

Tensor Bert::features(const ModelInput& x) {
  const Tensor states = encode(x);
  const TraceScope trace(classifier_->scope());
  if (pooling_ == "mean") return mean_state(states, x.padding.mask);
  const Tensor first = select(states, 1, 0);
  return pooler_ != nullptr ? family_.pooler_activation(pooler_->forward(first)) : first;
}

Tensor Bert::forward(const ModelInput& x) {
  return classifier_->forward(classifier_dropout_->forward(features(x)));
}

std::string Bert::name_in_file(const std::string& name) const {
  const bool on_top = name.starts_with("classifier.") || name.starts_with("pre_classifier.");
  return on_top ? name : family_.prefix + name;
}

std::optional<std::string> Bert::name_in_model(const std::string& name_in_file) const {
  std::string name = name_in_file;
  if (name.starts_with(family_.prefix)) name.erase(0, std::string_view(family_.prefix).size());
  if (is_no_part(name) || (pooler_ == nullptr && name.starts_with(family_.pooler))) return std::nullopt;
  // TensorFlow's names, in checkpoints that were converted long ago.
  const auto rename = [&](std::string_view from, std::string_view to) {
    if (name.ends_with(from)) name.replace(name.size() - from.size(), from.size(), to);
  };
  rename("LayerNorm.gamma", "LayerNorm.weight");
  rename("LayerNorm.beta", "LayerNorm.bias");
  return name;
}

std::vector<std::string> Bert::lora_targets() const {
  const AttentionNames& names = family_.names.attention;
  return {last_part(names.query), last_part(names.value)};
}

std::vector<std::string> Bert::bottleneck_targets() const {
  return {family_.names.attention.output, family_.names.output};
}

void read_bert(const nlohmann::json& json, const std::string& path, ModelConfig& config) {
  TransformerConfig& t = config.transformer;
  t.positions = 512;
  t.token_types = 2;
  t.hidden_dropout = t.attention_dropout = 0.1;
  read_field(json, "vocab_size", path, t.vocab_size);
  read_optional_field(json, "max_position_embeddings", path, t.positions);
  read_optional_field(json, "type_vocab_size", path, t.token_types);
  read_field(json, "hidden_size", path, t.hidden_size);
  read_field(json, "num_hidden_layers", path, t.layers);
  read_field(json, "num_attention_heads", path, t.heads);
  read_field(json, "intermediate_size", path, t.intermediate_size);
  read_optional_field(json, "hidden_act", path, t.activation);
  read_optional_field(json, "layer_norm_eps", path, t.layer_norm_eps);
  read_optional_field(json, "hidden_dropout_prob", path, t.hidden_dropout);
  read_optional_field(json, "attention_probs_dropout_prob", path, t.attention_dropout);
  t.classifier_dropout = t.hidden_dropout;
  read_optional_field(json, "classifier_dropout", path, t.classifier_dropout);
  read_optional_field(json, "initializer_range", path, t.initializer_range);
  std::string positions = "absolute";
  read_optional_field(json, "position_embedding_type", path, positions);
  bool decoder = false;
  read_optional_field(json, "is_decoder", path, decoder);
  if (positions != "absolute" || decoder)
    fail_input("a BERT with ", decoder ? "a decoder's mask" : "relative positions", " (", path,
               ") is not in this version; use an encoder with absolute positions");
  check_text_sizes_in(t, path);
  read_labels(json, path, config);
}

void write_bert(const ModelConfig& config, nlohmann::ordered_json& json) {
  const TransformerConfig& t = config.transformer;
  json["architectures"] = {"BertForSequenceClassification"};
  json["hidden_dropout_prob"] = t.hidden_dropout;
  json["attention_probs_dropout_prob"] = t.attention_dropout;
  json["classifier_dropout"] = t.classifier_dropout;
  write_labels(config, json);
}

void read_distilbert(const nlohmann::json& json, const std::string& path, ModelConfig& config) {
  check_same(json, path,
             {{"dim", "hidden_size"}, {"n_layers", "num_hidden_layers"}, {"n_heads", "num_attention_heads"}});
  TransformerConfig& t = config.transformer;
  t.positions = 512;
  t.hidden_dropout = t.attention_dropout = 0.1;
  t.classifier_dropout = 0.2;
  read_field(json, "vocab_size", path, t.vocab_size);
  read_optional_field(json, "max_position_embeddings", path, t.positions);
  read_field(json, "dim", path, t.hidden_size);
  read_field(json, "n_layers", path, t.layers);
  read_field(json, "n_heads", path, t.heads);
  read_field(json, "hidden_dim", path, t.intermediate_size);
  read_optional_field(json, "activation", path, t.activation);
  read_optional_field(json, "dropout", path, t.hidden_dropout);
  read_optional_field(json, "attention_dropout", path, t.attention_dropout);
  read_optional_field(json, "seq_classif_dropout", path, t.classifier_dropout);
  read_optional_field(json, "initializer_range", path, t.initializer_range);
  check_text_sizes_in(t, path);
  read_labels(json, path, config);
}

void write_distilbert(const ModelConfig& config, nlohmann::ordered_json& json) {
  const TransformerConfig& t = config.transformer;
  json["architectures"] = {"DistilBertForSequenceClassification"};
  json["dropout"] = t.hidden_dropout;
  json["attention_dropout"] = t.attention_dropout;
  json["seq_classif_dropout"] = t.classifier_dropout;
  write_labels(config, json);
}

}  // namespace thaw
