// What Hugging Face's config.json says of a GPT-2 or a ViT, what is refused, and what is written back.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/ops.h"
#include "core/random.h"
#include "finetune/plan/adapters.h"
#include "nn/layers/dropout.h"
#include "nn/models/gpt2.h"
#include "nn/models/registry.h"
#include "tests/support/compare.h"
#include "tests/support/files.h"
#include "tests/support/messages.h"

namespace thaw::test {
namespace {

using nlohmann::json;

// The smallest configs, with changes.
json gpt2(const json& changes = json::object()) {
  json config = {{"model_type", "gpt2"}, {"vocab_size", 10}, {"n_embd", 8}, {"n_layer", 1}, {"n_head", 2}};
  config.update(changes);
  return config;
}

json bert(const json& changes) {
  json config = {{"model_type", "bert"},        {"vocab_size", 12},         {"hidden_size", 8},
                 {"num_hidden_layers", 1},      {"num_attention_heads", 2}, {"intermediate_size", 16},
                 {"max_position_embeddings", 9}};
  config.update(changes);
  return config;
}

json vit(const json& changes = json::object()) {
  json config = {{"model_type", "vit"},
                 {"hidden_size", 8},
                 {"num_hidden_layers", 1},
                 {"num_attention_heads", 2},
                 {"intermediate_size", 12}};
  config.update(changes);
  return config;
}

struct TransformerConfigs : ::testing::Test {
  ModelConfig read(const json& config) const {
    return read_model_config(folder.write("config.json", config.dump()));
  }
  std::string refusal(const json& config) const {
    return message_of<InputError>([&] { read(config); });
  }
  TemporaryFolder folder;
};

TEST_F(TransformerConfigs, Gpt2HasTheOriginalsDefaults) {
  const TransformerConfig t = read(gpt2()).transformer;
  EXPECT_EQ(t.positions, 1024);
  EXPECT_EQ(t.intermediate_size, 32) << "4 * n_embd";
  EXPECT_EQ(t.activation, "gelu_new");
  EXPECT_EQ(t.layer_norm_eps, 1e-5);
  EXPECT_EQ(t.embedding_dropout, 0.1);
  EXPECT_EQ(t.hidden_dropout, 0.1);
  EXPECT_EQ(t.attention_dropout, 0.1);
  EXPECT_EQ(read(gpt2({{"n_inner", nullptr}})).transformer.intermediate_size, 32);
  EXPECT_EQ(read(gpt2({{"n_inner", 5}})).transformer.intermediate_size, 5);
}

TEST_F(TransformerConfigs, Gpt2KeepsItsThreeDropoutsApart) {
  ModelConfig config = read(gpt2({{"embd_pdrop", 0.2}, {"resid_pdrop", 0.3}, {"attn_pdrop", 0.4}}));
  EXPECT_EQ(config.transformer.embedding_dropout, 0.2);
  EXPECT_EQ(config.transformer.hidden_dropout, 0.3);
  EXPECT_EQ(config.transformer.attention_dropout, 0.4);
  std::vector<double> rates;
  const auto model = make_model(config);
  for (const Module* module : model->modules())
    if (const auto* dropout = dynamic_cast<const Dropout*>(module)) rates.push_back(dropout->p());
  EXPECT_EQ(rates, (std::vector<double>{0.2, 0.4, 0.3, 0.3}));
  set_dropout(config, 0);
  const json written = json::parse(write_model_config(config));
  for (const char* key : {"embd_pdrop", "resid_pdrop", "attn_pdrop"}) EXPECT_EQ(written.at(key), 0.0) << key;
}

TEST_F(TransformerConfigs, Gpt2SaysWhatItsTextsArePaddedWith) {
  const auto written = [&](const json& changes, std::int64_t pad_id) {
    ModelConfig config = read(gpt2(changes));
    config.transformer.pad_id = pad_id;
    return json::parse(write_model_config(config)).value("pad_token_id", json());
  };
  EXPECT_EQ(written({{"pad_token_id", 3}}, 7), 3);
  EXPECT_EQ(written({{"pad_token_id", nullptr}}, 7), 7);
  EXPECT_EQ(written(json::object(), 7), 7);
  EXPECT_EQ(written(json::object(), -1), json());
}

TEST_F(TransformerConfigs, WhatIsWrittenFitsTheLabelsAndTheWeights) {
  for (const json& source : {gpt2(), vit()})
    for (const char* key : {"dtype", "torch_dtype"}) {
      json with_stale = source;
      with_stale.update({{"num_labels", 2}, {key, "float16"}});
      ModelConfig config = read(with_stale);
      config.outputs = 3;
      const json written = json::parse(write_model_config(config));
      EXPECT_FALSE(written.contains("num_labels"));
      EXPECT_EQ(written.at("id2label").size(), 3U);
      EXPECT_EQ(written.at("dtype"), "float32");
      EXPECT_FALSE(written.contains("torch_dtype"));
    }
}

TEST_F(TransformerConfigs, WhatIsNotInThisVersionIsRefused) {
  for (const char* key :
       {"scale_attn_by_inverse_layer_idx", "reorder_and_upcast_attn", "add_cross_attention"})
    expect_has(refusal(gpt2({{key, true}})), std::string(key) + " = true");
  for (const char* key : {"scale_attn_weights", "tie_word_embeddings"})
    expect_has(refusal(gpt2({{key, false}})), std::string(key) + " = false");
  expect_worded(refusal(vit({{"qkv_bias", false}})));
}

TEST_F(TransformerConfigs, SizesThatCannotBeAreNamed) {
  expect_worded(refusal(gpt2({{"n_head", 3}})));
  expect_worded(refusal(gpt2({{"n_positions", 0}})));
  expect_worded(refusal(gpt2({{"num_hidden_layers", 7}})));
  expect_worded(refusal(vit({{"patch_size", 0}})));
  expect_worded(refusal(vit({{"image_size", 8}})));
  expect_worded(refusal(vit({{"num_channels", -1}})));
  expect_worded(refusal(vit({{"hidden_act", "wavy"}})));
}

json roberta(const json& changes = json::object()) {
  json config = bert({{"model_type", "roberta"}, {"type_vocab_size", 1}, {"max_position_embeddings", 11}});
  config.update(changes);
  return config;
}

TEST_F(TransformerConfigs, RobertaHasPositionsBehindPaddings) {
  const TransformerConfig t = read(roberta()).transformer;
  EXPECT_EQ(t.pad_id, 1);
  EXPECT_EQ(t.longest_text(), 9);
  EXPECT_EQ(read(roberta({{"pad_token_id", 0}})).transformer.longest_text(), 10);
  const auto model = make_model(read(roberta()));
  EXPECT_EQ(model->forward(full({1, 9}, 3, {DType::i64})).shape(), (Shape{1, 2}));
  expect_worded(message_of<InputError>([&] { model->forward(full({1, 10}, 3, {DType::i64})); }));
  expect_worded(refusal(roberta({{"max_position_embeddings", 2}})));
  expect_worded(refusal(roberta({{"pad_token_id", nullptr}})));
  expect_worded(refusal(roberta({{"pad_token_id", 12}})));
}

TEST_F(TransformerConfigs, RobertasHeadIsItsClassificationHead) {
  for (const char* type : {"roberta", "xlm-roberta"}) {
    const ModelConfig config = read(roberta({{"model_type", type}}));
    const auto model = make_model(config);
    EXPECT_STREQ(model->architecture(), type);
    EXPECT_EQ(model->output_layer().path(), "classifier.out_proj");
    EXPECT_EQ(model->groups().back().prefixes.back(), "classifier");
    EXPECT_EQ(saved_modules(*model, {}), std::vector<std::string>{"classifier"}) << "as PEFT has it";
    EXPECT_EQ(model->lora_targets(), (std::vector<std::string>{"query", "value"}));
    EXPECT_EQ(json::parse(write_model_config(config)).at("architectures").front(),
              type == std::string("roberta") ? "RobertaForSequenceClassification"
                                             : "XLMRobertaForSequenceClassification");
  }
}

// Its gradient is zero in PyTorch too, wherever the token stands.
TEST_F(TransformerConfigs, PaddingsRowIsNotTrained) {
  for (const json& config : {bert({{"pad_token_id", 1}}), roberta()}) {
    const auto model = make_model(read(config));
    model->train(false);
    sum(square(model->forward(full({1, 3}, 1, {DType::i64})))).backward();
    for (const ParameterPtr& parameter : model->parameters())
      if (parameter->name == "embeddings.word_embeddings.weight") {
        EXPECT_EQ(sum(square(parameter->tensor.grad())).item(), 0);
      }
  }
}

TEST_F(TransformerConfigs, TheClassStandsForAMissingModelType) {
  const auto type_of = [&](const json& changes, const char* name) {
    json config = changes;
    config.erase("model_type");
    config["architectures"] = json::array({name});
    return read(config).architecture;
  };
  EXPECT_EQ(type_of(bert(json::object()), "BertForSequenceClassification"), "bert");
  EXPECT_EQ(type_of(bert(json::object()), "TFBertModel"), "bert");
  EXPECT_EQ(type_of(roberta(), "RobertaModel"), "roberta");
  EXPECT_EQ(type_of(roberta(), "XLMRobertaForSequenceClassification"), "xlm-roberta");
  EXPECT_EQ(type_of(gpt2(), "GPT2LMHeadModel"), "gpt2");
  EXPECT_EQ(type_of(vit(), "ViTForImageClassification"), "vit");
  json other = bert({{"architectures", json::array({"BertGenerationEncoder"})}});
  other.erase("model_type");
  expect_worded(refusal(other));
  other.erase("architectures");
  expect_worded(refusal(other));
}

TEST_F(TransformerConfigs, WhatIsNotReadIsRefusedWithWhatIs) {
  for (const char* type : {"modernbert", "deberta", "deberta-v2", "mpnet", "electra", "albert"}) {
    const std::string message = refusal(bert({{"model_type", type}}));
    expect_has(message, std::string("\"") + type + "\"");
    expect_has(message, "instead");
  }
  expect_worded(refusal(bert({{"model_type", "wavy"}})));
  for (const char* key : {"is_decoder", "add_cross_attention"})
    for (const json& config : {bert({{key, true}}), roberta({{key, true}})})
      expect_has(refusal(config), std::string(key) + " = true");
  expect_worded(refusal(bert({{"position_embedding_type", "relative_key"}})));
}

TEST_F(TransformerConfigs, LabelsMayBeNumbers) {
  const ModelConfig config = read(bert({{"id2label", {{"0", 10}, {"1", "b"}, {"2", 2.5}}}}));
  EXPECT_EQ(config.labels, (std::vector<std::string>{"10", "b", "2.5"}));
  expect_worded(refusal(bert({{"id2label", {{"0", nullptr}}}})));
}

TEST_F(TransformerConfigs, TheClassSaysWhoseTheHeadIs) {
  const auto head = [&](const json& config) { return read(config).foreign_head; };
  for (const char* mine : {"BertForSequenceClassification", "BertModel", "TFBertForSequenceClassification"})
    EXPECT_EQ(head(bert({{"architectures", json::array({mine})}})), "") << mine;
  EXPECT_EQ(head(bert(json::object())), "");
  EXPECT_EQ(head(vit({{"architectures", json::array({"ViTForImageClassification"})}})), "");
  for (const char* other :
       {"BertForTokenClassification", "BertForQuestionAnswering", "BertForMaskedLM", "BertForPreTraining",
        "BertForNextSentencePrediction", "BertForMultipleChoice", "BertLMHeadModel"})
    expect_has(head(bert({{"architectures", json::array({other})}})), other);
  expect_has(head(gpt2({{"architectures", json::array({"GPT2LMHeadModel"})}})), "GPT2LMHeadModel");
  expect_has(head(gpt2({{"architectures", json::array({"GPT2DoubleHeadsModel"})}})), "GPT2DoubleHeadsModel");
  expect_has(head(vit({{"architectures", json::array({"ViTForMaskedImageModeling"})}})),
             "ViTForMaskedImageModeling");
  expect_has(head(bert({{"problem_type", "multi_label_classification"}})), "several labels");
  expect_has(head(bert({{"problem_type", "regression"}, {"num_labels", 2}})), "2 numbers");
  EXPECT_EQ(head(bert({{"problem_type", "regression"}, {"num_labels", 1}})), "");
}

TEST_F(TransformerConfigs, AnUnknownArchitectureIsSaidBeforeItsSizes) {
  ModelConfig config;
  config.architecture = "alexnet";
  expect_worded(message_of<InputError>([&] { make_model(config); }));
}

TEST_F(TransformerConfigs, VitTakesImagesOfItsSize) {
  EXPECT_EQ(read(vit()).sample_shape, (std::vector<std::int64_t>{3, 224, 224}));
  const ModelConfig config = read(vit({{"image_size", 8}, {"patch_size", 3}, {"num_channels", 1}}));
  const auto model = make_model(config);
  EXPECT_EQ(model->sample_shape(), (Shape{1, 8, 8}));
  const auto parameters = model->parameters();
  const auto positions = std::find_if(parameters.begin(), parameters.end(), [](const ParameterPtr& p) {
    return p->name == "embeddings.position_embeddings";
  });
  ASSERT_NE(positions, parameters.end());
  EXPECT_EQ((*positions)->tensor.shape(), (Shape{1, 5, 8})) << "2 x 2 patches; the image's rest is not seen";
  EXPECT_EQ(model->forward(zeros({2, 1, 8, 8})).shape(), (Shape{2, 2}));
}

// Two texts of 4 and 3 tokens, padded to `length`.
ModelInput two_texts(std::int64_t length) {
  const Options indices{DType::i64, kCpu};
  std::vector<double> tokens(static_cast<std::size_t>(2 * length), 0);
  std::vector<double> seen = tokens;
  for (std::int64_t text = 0; text < 2; ++text)
    for (std::int64_t i = 0; i < 4 - text; ++i) {
      const auto at = static_cast<std::size_t>(text * length + i);
      tokens[at] = static_cast<double>(1 + i + text);
      seen[at] = 1;
    }
  ModelInput x(from_vector(tokens, {2, length}, indices));
  x.padding = padding_of(eq(from_vector(seen, {2, length}, indices), full({}, 1, indices)));
  return x;
}

// The texts' features under dropout, and every gradient of their squares' sum.
std::vector<Tensor> features_and_gradients(Model& model, std::int64_t length) {
  const RandomScope random({7, 3, 0, from_vector({41, 5}, {2}, {DType::i64, kCpu})});
  std::vector<Tensor> found{model.features(two_texts(length))};
  sum(square(found[0])).backward();
  for (const ParameterPtr& parameter : model.parameters()) {
    found.push_back(parameter->tensor.grad());
    parameter->tensor.clear_grad();
  }
  return found;
}

// Adapters begin by changing nothing.
void start_changing(Model& model) {
  const NoGrad no_grad;
  for (const ParameterPtr& parameter : model.parameters())
    if (parameter->name.ends_with("lora_B.weight") || parameter->name.ends_with("adapter.up.weight"))
      kernels::fill(parameter->tensor, 0.1);
}

struct Padded : TransformerConfigs, ::testing::WithParamInterface<std::string> {
  std::unique_ptr<Model> make(const std::string& architecture) const {
    ModelConfig config =
        read(architecture == "gpt2" ? gpt2({{"vocab_size", 12}}) : bert({{"num_hidden_layers", 2}}));
    if (architecture == "bert") config.transformer.pooling = "mean";
    set_dropout(config, 0.4);
    return make_model(config);
  }
};

// What dropout takes away hangs on the sample, the head and the two tokens alone, on the token alone, and in
// an adapter likewise; and no gradient comes back from padding.
TEST_P(Padded, PaddingChangesNeitherDropoutNorGradients) {
  for (const char* architecture : {"bert", "gpt2"}) {
    SCOPED_TRACE(architecture);
    const auto model = make(architecture);
    const LoraOptions lora{.r = 2, .alpha = 8, .dropout = 0.4, .dora = GetParam() == "dora"};
    if (GetParam() == "adapter") attach_adapters(*model, {BottleneckOptions{.size = 3}, {}, {}}, 1);
    if (GetParam() == "lora" || GetParam() == "dora") attach_adapters(*model, {lora, {}, {}}, 1);
    start_changing(*model);
    const std::vector<Tensor> exact = features_and_gradients(*model, 4);
    const std::vector<Tensor> padded = features_and_gradients(*model, 9);
    for (std::size_t i = 0; i < exact.size(); ++i) {
      ASSERT_EQ(exact[i].defined(), padded[i].defined()) << i;
      if (!exact[i].defined()) continue;
      EXPECT_TRUE(is_close(exact[i], padded[i], {1e-4, 1e-5})) << i;
    }
    model->train(false);
    const double change = sum(square(features_and_gradients(*model, 4)[0] - exact[0])).item();
    EXPECT_GT(change, 0.1) << "dropout was on";
  }
}

INSTANTIATE_TEST_SUITE_P(Adapters, Padded, ::testing::Values("none", "lora", "dora", "adapter"),
                         [](const auto& test) { return test.param; });

TEST_F(TransformerConfigs, NumbersThatCannotBeAreNamedWithTheirFile) {
  EXPECT_EQ(read(bert({{"hidden_dropout_prob", 0}})).transformer.hidden_dropout, 0);
  for (const json& change : {json{{"hidden_dropout_prob", 1.5}}, json{{"attention_probs_dropout_prob", -0.1}},
                             json{{"classifier_dropout", 1}}, json{{"layer_norm_eps", -1e-5}},
                             json{{"initializer_range", -1}}, json{{"hidden_act", "wavy"}}}) {
    SCOPED_TRACE(change.dump());
    expect_worded(refusal(bert(change)));
  }
}

TEST_F(TransformerConfigs, Gpt2TakesTheMeanOfItsTokensWhereThatIsSaid) {
  ModelConfig config = read(gpt2({{"vocab_size", 12}}));
  EXPECT_STREQ(own_pooling(config), "lasttoken");
  const auto last = make_model(config);
  config.transformer.pooling = "mean";
  const auto mean = make_model(config);
  for (Model* model : {last.get(), mean.get()}) model->train(false);
  const Tensor ids = from_vector({3, 5}, {1, 2}, {DType::i64, kCpu});
  const Tensor first = last->features(slice(ids, 1, 0, 1)), both = last->features(ids);
  EXPECT_TRUE(is_close(mean->features(ids), (first + both) * 0.5, {1e-5, 1e-6})) << "a token sees none later";
}

TEST_F(TransformerConfigs, ATextBeyondTheLastPositionIsRefused) {
  const auto model = make_model(read(gpt2({{"n_positions", 4}})));
  const Tensor ids = zeros({1, 5}, {DType::i64});
  expect_worded(message_of<InputError>([&] { model->forward(ids); }));
}

}  // namespace
}  // namespace thaw::test
