#include "nn/models/bert_config.h"

#include "core/error.h"
#include "nn/io/json_file.h"
#include "nn/io/safetensors_header.h"
#include "nn/models/labels.h"
#include "nn/models/transformer.h"

namespace thaw {
namespace {

// `pad_id` is what the architecture has where the file says nothing.
void read_pad_id(const nlohmann::json& json, const std::string& path, TransformerConfig& t) {
  const auto found = json.find("pad_token_id");
  if (found != json.end() && found->is_null())
    t.pad_id = -1;
  else if (found != json.end())
    read_field(json, "pad_token_id", path, t.pad_id);
}

// BERT's, with its pad_id set to the default.
void read_sizes(const nlohmann::json& json, const std::string& path, ModelConfig& config) {
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
  if (positions != "absolute")
    fail_input("a ", config.architecture, " with the position_embedding_type ", quoted_name(positions), " (",
               path, ") is not in this version; use one with absolute positions");
  check_switches(json, path, config,
                 {{"is_decoder", false}, {"add_cross_attention", false}, {"is_encoder_decoder", false}});
  read_pad_id(json, path, t);
  check_text_sizes_in(t, path);
  read_labels(json, path, config);
}

void write_sizes(const ModelConfig& config, nlohmann::ordered_json& json) {
  const TransformerConfig& t = config.transformer;
  json["hidden_dropout_prob"] = t.hidden_dropout;
  json["attention_probs_dropout_prob"] = t.attention_dropout;
  json["classifier_dropout"] = t.classifier_dropout;
  write_labels(config, json);
}

}  // namespace

void read_bert(const nlohmann::json& json, const std::string& path, ModelConfig& config) {
  config.transformer.pad_id = 0;
  read_sizes(json, path, config);
}

void write_bert(const ModelConfig& config, nlohmann::ordered_json& json) {
  json["architectures"] = {"BertForSequenceClassification"};
  write_sizes(config, json);
}

void read_roberta(const nlohmann::json& json, const std::string& path, ModelConfig& config) {
  config.transformer.pad_id = 1;
  read_sizes(json, path, config);
  TransformerConfig& t = config.transformer;
  if (t.pad_id < 0 || t.pad_id >= t.vocab_size)
    fail_input("'pad_token_id' is ", t.pad_id, " (", path,
               "), which is no token of the vocabulary; make "
               "the folder again");
  t.first_position = t.pad_id + 1;
  if (t.longest_text() < 1)
    fail_input("'max_position_embeddings' is ", t.positions, " (", path,
               "): a RoBERTa's first token has the "
               "position ",
               t.first_position, ", so that none is left for a text; make the folder again");
}

void write_roberta(const ModelConfig& config, nlohmann::ordered_json& json) {
  json["architectures"] = {"RobertaForSequenceClassification"};
  write_sizes(config, json);
}

void write_xlm_roberta(const ModelConfig& config, nlohmann::ordered_json& json) {
  json["architectures"] = {"XLMRobertaForSequenceClassification"};
  write_sizes(config, json);
}

void read_distilbert(const nlohmann::json& json, const std::string& path, ModelConfig& config) {
  check_same(json, path,
             {{"dim", "hidden_size"}, {"n_layers", "num_hidden_layers"}, {"n_heads", "num_attention_heads"}});
  TransformerConfig& t = config.transformer;
  t.positions = 512;
  t.pad_id = 0;
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
  read_pad_id(json, path, t);
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
