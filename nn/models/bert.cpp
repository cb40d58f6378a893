#include "nn/models/bert.h"

#include <algorithm>
#include <iterator>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops.h"
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
  const char* classifier;
  bool pooler_dropout;  // before the pooler too
  bool told_types;      // its tokenizers say which of two texts a token is of
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
    tanh,
    "classifier",
    false,
    true};

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
    relu,
    "classifier",
    false,
    false};

// BERT's layers. Positions are counted as position_ids() says, and the pooler is a part of the classifier.
constexpr BertFamily roberta(const char* architecture) {
  BertFamily family = kBert;
  family.architecture = architecture;
  family.prefix = "roberta.";
  family.pooler = "classifier.dense";
  family.classifier = "classifier.out_proj";
  family.pooler_dropout = true;
  family.told_types = false;
  return family;
}
constexpr BertFamily kRoberta = roberta("roberta");
constexpr BertFamily kXlmRoberta = roberta("xlm-roberta");

const BertFamily& family_of(const ModelConfig& config) {
  for (const BertFamily* family : {&kDistilBert, &kRoberta, &kXlmRoberta})
    if (config.architecture == family->architecture) return *family;
  return kBert;
}

// What checkpoints hold beside the encoder: masks of positions and heads of other tasks.
bool is_no_part(const std::string& name) {
  if (name.ends_with("position_ids")) return true;
  constexpr std::string_view kHeads[] = {"cls.", "vocab_", "lm_head.", "qa_outputs."};
  return std::any_of(std::begin(kHeads), std::end(kHeads),
                     [&](std::string_view head) { return name.starts_with(head); });
}

// As RoBERTa counts: padding has the position of its own id and is not counted, wherever it stands. [B, T]
Tensor position_ids(const Tensor& ids, std::int64_t pad_id) {
  const NoGrad no_grad;
  const std::int64_t length = ids.size(1);
  const Options indices{DType::i64, ids.device()};
  const Tensor place = arange(length, indices);
  const Tensor up_to = le(place.reshape({length, 1}), place.reshape({1, length}));
  const Tensor counts = ne(ids, full({}, static_cast<double>(pad_id), indices));
  const Tensor counted = cast(counts, DType::f32);
  const Tensor position = matmul(counted, cast(up_to, DType::f32)) * counted;  // sums of ones are exact
  return cast(position + static_cast<double>(pad_id), DType::i64);
}

bool is_in_classifier(std::string_view name) { return name.starts_with("classifier."); }

std::string last_part(const std::string& name) { return name.substr(name.rfind('.') + 1); }

}  // namespace

Bert::Bert(const ModelConfig& config, const Init& init)
    : family_(family_of(config)), config_(config.transformer), pooling_(config.transformer.pooling) {
  const TransformerConfig& t = config.transformer;
  if (pooling_ != "pooler" && pooling_ != "cls" && pooling_ != kMeanPooling)
    fail_input("unknown pooling '", pooling_, "' (model.pooling); use pooler, cls or mean");
  const auto table = [&](const char* name, std::int64_t rows, std::int64_t padding = -1) {
    const std::string path = std::string("embeddings.") + name;
    return &add_module(path, std::make_unique<Embedding>(rows, t.hidden_size, init.in(path), padding));
  };
  words_ = table("word_embeddings", t.vocab_size, t.pad_id);
  positions_ = table("position_embeddings", t.positions, t.first_position - 1);
  if (t.token_types > 0) types_ = table("token_type_embeddings", t.token_types);
  embedding_norm_ = &add_module(
      "embeddings.LayerNorm",
      std::make_unique<LayerNorm>(t.hidden_size, init.in("embeddings.LayerNorm"), t.layer_norm_eps));
  embedding_dropout_ = &add_module("embeddings.dropout", std::make_unique<Dropout>(t.hidden_dropout));
  std::vector<Group> groups{{"embeddings", {"embeddings"}}};
  const EncoderLayer::Options options{false, family_.attention_output_dropout ? t.hidden_dropout : 0};
  for (std::int64_t i = 0; i < t.layers; ++i) {
    const std::string path = concat(family_.layers, ".", i);
    layers_.push_back(
        &add_module(path, std::make_unique<EncoderLayer>(t, family_.names, options, init.in(path))));
    groups.push_back({concat("layer.", i), {path}});
  }
  std::vector<std::string> head{"dropout", "classifier"};
  if (pooling_ == "pooler") {
    if (family_.pooler_dropout)
      pooler_dropout_ = &add_module("classifier.dropout", std::make_unique<Dropout>(t.classifier_dropout));
    pooler_ = &add_module(family_.pooler,
                          std::make_unique<Linear>(t.hidden_size, t.hidden_size, init.in(family_.pooler)));
    if (!is_in_classifier(family_.pooler)) head.insert(head.begin(), family_.pooler);
  }
  classifier_dropout_ = &add_module("dropout", std::make_unique<Dropout>(t.classifier_dropout));
  classifier_ = &add_module(family_.classifier, std::make_unique<Linear>(t.hidden_size, config.outputs,
                                                                         init.in(family_.classifier)));
  groups.push_back({"head", std::move(head)});
  finish(std::move(groups));
  init_transformer(*this, t.initializer_range, init);
}

const char* Bert::architecture() const { return family_.architecture; }

std::string_view Bert::prefix_in_file() const { return family_.prefix; }

Tensor Bert::positions_of(const Tensor& ids) {
  if (config_.first_position == 0) return first_positions(*positions_, ids.size(1));
  check_length(ids.size(1), config_.longest_text());
  return positions_->forward(position_ids(ids, config_.pad_id));
}

Tensor Bert::embed(const ModelState& state) {
  const ModelInput& x = state.x;
  const TraceScope trace(words_->scope());
  Tensor h = words_->forward(x.values);
  if (types_ != nullptr)
    h = h + (x.types.defined() && family_.told_types ? types_->forward(x.types)
                                                     : select(types_->weight()->tensor, 0, 0));
  h = h + positions_of(x.values);
  h = embedding_norm_->forward(state.rows->pack(h));
  return embedding_dropout_->forward(h);
}

ModelState Bert::begin(const ModelInput& x) { return begin_tokens(x); }

void Bert::run_group(int group, ModelState& state) {
  const RandomScope random(state.rows->random());
  state.h =
      group == 0 ? embed(state) : layers_[static_cast<std::size_t>(group - 1)]->forward(state.h, *state.rows);
}

Tensor Bert::pool(ModelState state) {
  const Tensor mask = state.x.padding.mask, states = take_states(std::move(state));
  const TraceScope trace(classifier_->scope());
  return pooling_ == kMeanPooling ? mean_state(states, mask) : select(states, 1, 0);
}

Tensor Bert::head_features(const Tensor& pooled) {
  if (pooler_ == nullptr) return pooled;
  const TraceScope trace(classifier_->scope());
  const Tensor first = pooler_dropout_ != nullptr ? pooler_dropout_->forward(pooled) : pooled;
  return family_.pooler_activation(pooler_->forward(first));
}

Tensor Bert::output(const Tensor& features) {
  return classifier_->forward(classifier_dropout_->forward(features));
}

std::string Bert::name_in_file(const std::string& name) const {
  return is_in_classifier(name) || name.starts_with("pre_classifier.") ? name : family_.prefix + name;
}

std::optional<std::string> Bert::name_in_model(const std::string& name_in_file) const {
  std::string name = name_in_file;
  if (name.starts_with(family_.prefix)) name.erase(0, std::string_view(family_.prefix).size());
  // RoBERTa's encoder has a pooler that its classifier does without.
  const bool unused_pooler = (pooler_ == nullptr && name.starts_with(family_.pooler)) ||
                             (is_in_classifier(family_.pooler) && name.starts_with("pooler."));
  if (is_no_part(name) || unused_pooler) return std::nullopt;
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

}  // namespace thaw
