#include "finetune/export/recipe_model.h"

#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/export/pieces.h"
#include "finetune/export/python.h"
#include "finetune/model/adapter_folder.h"

namespace thaw {
namespace {

std::string activation_of(const std::string& name) {
  if (name == "gelu") return "torch.nn.functional.gelu";
  return name == "silu" || name == "swish" ? "torch.nn.functional.silu" : "torch." + name;
}

ScriptSection mlp(const ModelConfig& model) {
  std::int64_t inputs = 1;
  for (const std::int64_t size : model.sample_shape) inputs *= size;
  std::vector<std::string> hidden;
  for (const std::int64_t size : model.hidden) hidden.push_back(std::to_string(size));
  return {"",
          concat("INPUTS = ", inputs, "\nHIDDEN = ", py_list(hidden), "\nACTIVATION = ",
                 activation_of(model.activation), "\nDROPOUT = ", py_number(model.dropout), "\n"),
          {pieces::mlp_py()}};
}

ScriptSection cnn(const ModelConfig& model) {
  return {"",
          concat("CHANNELS = ", model.sample_shape[0], "\nWIDTH = ", model.width, "\nDEPTH = ", model.depth,
                 "\nDROPOUT = ", py_number(model.dropout), "\n"),
          {pieces::cnn_py()}};
}

ScriptSection transformer(const ModelConfig& model) {
  const TransformerConfig& t = model.transformer;
  const std::string dropout = concat("HIDDEN_DROPOUT = ", py_number(t.hidden_dropout),
                                     "\nATTENTION_DROPOUT = ", py_number(t.attention_dropout), "\n");
  if (model.architecture == "whisper") return {"", dropout, {pieces::whisper_py()}};
  const char* pooling = t.pooling == "mean"  ? pieces::mean_pooling_py()
                        : t.pooling == "cls" ? pieces::cls_pooling_py()
                                             : pieces::pooler_pooling_py();
  return {"",
          concat(dropout, "CLASSIFIER_DROPOUT = ", py_number(t.classifier_dropout), "\n"),
          {pooling, pieces::bert_py()}};
}

// A tuple for each stage.
std::string stages_of(const std::vector<ConvStage>& stages,
                      const std::vector<std::int64_t ConvStage::*>& sizes, std::size_t before) {
  std::vector<std::string> tuples;
  for (const ConvStage& stage : stages) {
    std::vector<std::string> values;
    values.reserve(sizes.size());
    for (const auto size : sizes) values.push_back(std::to_string(stage.*size));
    tuples.push_back("(" + joined(values) + ")");
  }
  return py_list(tuples, before);
}

std::string conv_net_constants(const ModelConfig& model) {
  return concat("CHANNELS = ", model.sample_shape[0], "\nSTEM = ", model.conv_net.stem_channels,
                "\nDROPOUT = ", py_number(model.dropout), "\n");
}

ScriptSection efficientnet_lite(const ModelConfig& model) {
  const ConvNetConfig& c = model.conv_net;
  const std::string stages = stages_of(c.stages,
                                       {&ConvStage::channels, &ConvStage::depth, &ConvStage::kernel,
                                        &ConvStage::stride, &ConvStage::expansion},
                                       9);
  return {"",
          concat(conv_net_constants(model),
                 "# Of each: channels, blocks, kernel, stride, expansion.\nSTAGES = ", stages,
                 "\nLAST = ", c.last_channels, "\nNORM_EPS = ", py_number(c.norm_eps),
                 "\nNORM_MOMENTUM = ", py_number(c.norm_momentum), "\n"),
          {pieces::same_conv_py(), pieces::efficientnet_lite_py()}};
}

ScriptSection squeezenet(const ModelConfig& model) {
  return {"",
          concat(conv_net_constants(model), "# Of each: channels within, channels, stride.\nFIRES = ",
                 stages_of(model.conv_net.stages,
                           {&ConvStage::squeeze, &ConvStage::channels, &ConvStage::stride}, 8),
                 "\n"),
          {pieces::same_conv_py(), pieces::squeezenet_py()}};
}

// transformers' own, by the names that it has for the architecture's class and dropouts.
ScriptSection image_classifier(const ModelConfig& model) {
  const TransformerConfig& t = model.transformer;
  std::vector<std::pair<std::string, std::string>> dropouts;
  if (model.architecture == "vit")
    dropouts = {{"hidden_dropout_prob", py_number(t.hidden_dropout)},
                {"attention_probs_dropout_prob", py_number(t.attention_dropout)}};
  const char* name = model.architecture == "vit"      ? "ViT"
                     : model.architecture == "resnet" ? "ResNet"
                                                      : "ConvNext";
  return {"",
          concat("CLASS = transformers.", name, "ForImageClassification\nDROPOUTS = ", py_dict(dropouts, 11),
                 "\n"),
          {pieces::image_classifier_py()}};
}

ScriptSection network(const ModelConfig& model) {
  if (model.architecture == "mlp") return mlp(model);
  if (model.architecture == "cnn") return cnn(model);
  if (model.architecture == "efficientnet-lite") return efficientnet_lite(model);
  if (model.architecture == "squeezenet") return squeezenet(model);
  return is_image_classifier(model) ? image_classifier(model) : transformer(model);
}

std::string lora_constants(const RecipeSource& recipe) {
  const AdapterSpec& adapters = *recipe.setup.strategy.adapters;
  const auto& lora = std::get<LoraOptions>(adapters.layer);
  const std::string targets = "TARGET_MODULES = ";
  return concat("R = ", lora.r, "\nALPHA = ", py_number(lora.alpha), "\nUSE_RSLORA = ", py_bool(lora.rslora),
                "\nLORA_DROPOUT = ", py_number(lora.dropout), "\n", targets,
                py_texts(targets_for_peft(recipe.model, adapters), targets.size()), "\n");
}

}  // namespace

ScriptSection model_section(const RecipeSource& recipe) {
  const ModelConfig& model = recipe.setup.model_config;
  ScriptSection section = network(model);
  section.heading = "the model";
  section.constants += concat("OUTPUTS = ", model.outputs, "\n");
  if (recipe.setup.strategy.adapters) {
    section.constants += lora_constants(recipe);
    section.pieces.push_back(pieces::lora_py());
  } else {
    section.pieces.push_back(pieces::start_py());
    section.pieces.push_back(pieces::weights_py());
  }
  return section;
}

bool is_image_classifier(const ModelConfig& model) {
  return model.architecture == "resnet" || model.architecture == "convnext" || model.architecture == "vit";
}

bool is_read_from_folder(const ModelConfig& model) {
  return has_own_lengths(model) || is_image_classifier(model);
}

bool has_dropout(const ModelConfig& model) {
  const TransformerConfig& t = model.transformer;
  return model.dropout + t.hidden_dropout + t.attention_dropout + t.classifier_dropout > 0;
}

}  // namespace thaw
