// What backward needs of a forward pass, written down a second time by hand: for random sets of trained parameters, that and
// not a byte more is kept, and gradients and optimizer state belong to trained parameters alone.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "core/ops.h"
#include "core/random.h"
#include "kernels/memory.h"
#include "nn/models/registry.h"
#include "nn/optim/adamw.h"
#include "tests/support/small_models.h"

namespace thaw::test {
namespace {

constexpr std::int64_t kFloat = 4;

// Which parameters are trained, by name; and the bytes that are kept for their gradients.
class Needed {
 public:
  explicit Needed(const Model& model) {
    for (const ParameterPtr& p : model.parameters()) trained_[p->name] = p->requires_grad();
  }
  bool trains(const std::string& name) const {
    if (const auto found = trained_.find(name); found != trained_.end()) return found->second;
    ADD_FAILURE() << "no parameter " << name;
    return false;
  }
  bool trains_any(const std::string& layer) const {
    return trains(layer + ".weight") || trains(layer + ".bias");
  }

  // An activation of so many numbers. Its name, so that it counts once however often it is needed.
  void keep(bool needed, const std::string& activation, std::int64_t numbers) {
    if (needed && kept_.insert(activation).second) bytes_ += numbers * kFloat;
  }
  std::int64_t bytes() const { return bytes_; }

  // y = norm(x) with `statistics` means and as many deviations. Whether y needs a gradient, where x does (`flows`) or not.
  bool norm(const std::string& layer, bool flows, const std::string& x, std::int64_t numbers,
            std::int64_t statistics) {
    const bool needs_x = flows || trains(layer + ".weight");
    keep(needs_x, x, numbers);
    keep(needs_x, layer + " statistics", 2 * statistics);
    return needs_x || trains(layer + ".bias");
  }
  // y = linear(x): the gradient of the weight needs x.
  bool linear(const std::string& layer, bool flows, const std::string& x, std::int64_t numbers) {
    keep(trains(layer + ".weight"), x, numbers);
    return flows || trains_any(layer);
  }
  // The mean cross-entropy of B rows: logits, their log-sum-exp, the sum of weights.
  void cross_entropy(bool flows, std::int64_t batch, std::int64_t classes) {
    keep(flows, "logits", batch * classes + batch + 1);
  }

 private:
  std::map<std::string, bool> trained_;
  std::set<std::string> kept_;
  std::int64_t bytes_ = 0;
};

// ReLU's gradient needs its output; so does the next layer's weight.
void needed_by_mlp(Needed& needed, const ModelConfig& config, std::int64_t batch) {
  bool flows = false;
  std::string x = "input";  // which is there anyway
  std::int64_t width = 0;
  for (std::size_t i = 0; i < config.hidden.size(); ++i) {
    const std::string layer = concat("layers.", i);
    flows = needed.linear(layer, flows, x, batch * width);
    x = layer + " relu";
    width = config.hidden[i];
    needed.keep(flows, x, batch * width);
  }
  flows = needed.linear("head", flows, x, batch * width);
  needed.cross_entropy(flows, batch, config.outputs);
}

struct Image {
  std::string name;
  std::int64_t channels, side;
  std::int64_t numbers(std::int64_t batch) const { return batch * channels * side * side; }
};

// conv, then batch norm over the batch; the output's name is the norm's.
bool needed_by_conv(Needed& needed, const std::string& conv, const std::string& norm, bool flows,
                    Image& image, std::int64_t channels, std::int64_t stride, std::int64_t batch) {
  needed.keep(needed.trains(conv + ".weight"), image.name, image.name == "input" ? 0 : image.numbers(batch));
  flows = flows || needed.trains(conv + ".weight");
  image = {conv + " y", channels, image.side / stride};
  flows = needed.norm(norm, flows, image.name, image.numbers(batch), channels);
  image.name = norm + " y";
  return flows;
}

void needed_by_cnn(Needed& needed, const ModelConfig& config, std::int64_t batch) {
  Image image{"input", config.sample_shape[0], config.sample_shape[1]};
  bool flows = needed_by_conv(needed, "stem.conv", "stem.bn", false, image, config.width, 1, batch);
  const auto relu = [&](const std::string& name) {
    image.name = name;
    needed.keep(flows, name, image.numbers(batch));
  };
  relu("stem relu");
  for (std::int64_t i = 0; i < config.depth; ++i) {
    const std::string block = concat("layers.", i);
    const std::int64_t channels = config.width << i, stride = i == 0 ? 1 : 2;
    Image shortcut = image;
    bool through_shortcut = flows;
    flows = needed_by_conv(needed, block + ".conv1", block + ".bn1", flows, image, channels, stride, batch);
    relu(block + " relu 1");
    flows = needed_by_conv(needed, block + ".conv2", block + ".bn2", flows, image, channels, 1, batch);
    if (i > 0)
      through_shortcut = needed_by_conv(needed, block + ".downsample.0", block + ".downsample.1",
                                        through_shortcut, shortcut, channels, stride, batch);
    flows = flows || through_shortcut;
    relu(block + " relu 2");
  }
  flows = needed.linear("head", flows, "pooled", batch * image.channels);
  needed.cross_entropy(flows, batch, config.outputs);
}

// Without dropout and padding, the head on the mean of the tokens.
void needed_by_bert(Needed& needed, const ModelConfig& config, std::int64_t batch, std::int64_t length) {
  const TransformerConfig& t = config.transformer;
  const std::int64_t tokens = batch * length, numbers = tokens * t.hidden_size;
  bool flows = false;
  for (const char* table : {"word_embeddings", "position_embeddings", "token_type_embeddings"})
    flows = flows || needed.trains(concat("embeddings.", table, ".weight"));
  flows = needed.norm("embeddings.LayerNorm", flows, "embeddings", numbers, tokens);
  std::string x = "embeddings y";
  for (std::int64_t i = 0; i < t.layers; ++i) {
    const std::string layer = concat("encoder.layer.", i, '.'), self = layer + "attention.self.";
    const bool q = needed.linear(self + "query", flows, x, numbers);
    const bool k = needed.linear(self + "key", flows, x, numbers);
    const bool v = needed.linear(self + "value", flows, x, numbers);
    // probabilities = softmax(q k^T), y = probabilities v
    needed.keep(q, layer + "k", numbers);
    needed.keep(k, layer + "q", numbers);
    needed.keep(q || k || v, layer + "probabilities", batch * t.heads * length * length);
    needed.keep(q || k, layer + "v", numbers);
    bool inside = needed.linear(layer + "attention.output.dense", q || k || v, layer + "context", numbers);
    flows =
        needed.norm(layer + "attention.output.LayerNorm", inside || flows, layer + "sum 1", numbers, tokens);
    x = layer + "y 1";
    inside = needed.linear(layer + "intermediate.dense", flows, x, numbers);
    needed.keep(inside, layer + "gelu x", tokens * t.intermediate_size);
    inside = needed.linear(layer + "output.dense", inside, layer + "gelu y", tokens * t.intermediate_size);
    flows = needed.norm(layer + "output.LayerNorm", inside || flows, layer + "sum 2", numbers, tokens);
    x = layer + "y 2";
  }
  needed.keep(flows, "number of tokens", 1);
  flows = needed.linear("classifier", flows, "mean", batch * t.hidden_size);
  needed.cross_entropy(flows, batch, config.outputs);
}

// Each parameter above a random place is trained with a chance that every mask has for itself: from hardly any to nearly all.
void set_random_mask(const Model& model, std::uint64_t number) {
  const RandomKey key = random_key(7, "masks", number);
  const std::vector<ParameterPtr> parameters = model.parameters();
  const std::uint64_t chance = random_below(key, 0, 100), lowest = random_below(key, 1, parameters.size());
  for (std::uint64_t i = 0; i < parameters.size(); ++i)
    parameters[i]->set_requires_grad(i >= lowest && random_below(key, 2 + i, 100) < chance);
}

class MemoryMinimum : public ::testing::TestWithParam<const char*> {
 protected:
  static constexpr std::int64_t kBatch = 5, kLength = 7;

  MemoryMinimum() : config_(small_model(GetParam())) {
    config_.hidden = {40, 30, 20, 10};
    config_.depth = 3;
    TransformerConfig& t = config_.transformer;  // MiniLM's
    t.layers = 6;
    t.hidden_size = 384;
    t.heads = 12;
    t.intermediate_size = 1536;
    t.pooling = "mean";
    model_ = make_model(config_, {.device = kMeta});
    const CategoryScope category(memory::Category::input);
    Shape shape{kBatch};
    if (takes_text(config_))
      shape.push_back(kLength);
    else
      for (const std::int64_t size : config_.sample_shape) shape.push_back(size);
    x_ = empty(shape, {takes_text(config_) ? DType::i64 : DType::f32, kMeta});
    target_ = empty({kBatch}, {DType::i64, kMeta});
  }

  std::int64_t needed() const {
    Needed needed(*model_);
    if (config_.architecture == "mlp") needed_by_mlp(needed, config_, kBatch);
    if (config_.architecture == "cnn") needed_by_cnn(needed, config_, kBatch);
    if (config_.architecture == "bert") needed_by_bert(needed, config_, kBatch, kLength);
    return needed.bytes();
  }

  ModelConfig config_;
  std::unique_ptr<Model> model_;
  Tensor x_, target_;
};

TEST_P(MemoryMinimum, ActivationsThatGradientsNeedAreKeptAndNoOthers) {
  std::set<std::int64_t> different;
  for (std::uint64_t mask = 0; mask < 300; ++mask) {
    set_random_mask(*model_, mask);
    const Tensor loss = cross_entropy(model_->forward(x_), target_);
    ASSERT_EQ(loss.grad_fn() == nullptr ? 0 : graph_stats(loss).saved_bytes, needed()) << "mask " << mask;
    different.insert(needed());
  }
  EXPECT_GE(different.size(), config_.architecture == "mlp" ? 6u : 30u);
}

TEST_P(MemoryMinimum, GradientsAndStateBelongToTrainedParameters) {
  const auto usage = [](memory::Category category) {
    return memory::usage(kMeta).current[static_cast<std::size_t>(category)];
  };
  for (std::uint64_t mask = 0; mask < 100; ++mask) {
    set_random_mask(*model_, mask);
    std::int64_t trained = 0;
    for (const ParameterPtr& p : model_->parameters())
      if (p->requires_grad()) trained += p->tensor.numel() * kFloat;
    AdamW optimizer(model_->parameters(), {});
    const std::int64_t gradients = usage(memory::Category::gradient),
                       state = usage(memory::Category::optimizer);
    const Tensor loss = cross_entropy(model_->forward(x_), target_);
    if (needs_grad(loss)) loss.backward();
    EXPECT_EQ(usage(memory::Category::gradient) - gradients, trained) << "mask " << mask;
    optimizer.step(0.1);
    EXPECT_EQ(usage(memory::Category::optimizer) - state, 2 * trained) << "mask " << mask;
    optimizer.clear_grad();
    EXPECT_EQ(usage(memory::Category::gradient), gradients) << "mask " << mask;
  }
}

INSTANTIATE_TEST_SUITE_P(Architectures, MemoryMinimum, ::testing::Values("mlp", "cnn", "bert"),
                         [](const auto& of) { return std::string(of.param); });

}  // namespace
}  // namespace thaw::test
