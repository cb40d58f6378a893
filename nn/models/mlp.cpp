#include "nn/models/mlp.h"

#include "core/error.h"

namespace thaw {
namespace {

Tensor (*activation_named(const std::string& name))(const Tensor&) {
  if (name == "relu") return relu;
  if (name == "gelu") return gelu;
  if (name == "tanh") return tanh;
  fail_input("unknown activation '", name, "'; use relu, gelu or tanh");
}

}  // namespace

Mlp::Mlp(const ModelConfig& config)
    : sample_shape_(config.sample_shape), activation_(activation_named(config.activation)) {
  std::int64_t in = sample_shape_.numel();
  std::vector<Group> groups;
  for (std::size_t i = 0; i < config.hidden.size(); ++i) {
    const std::string name = "layers." + std::to_string(i);
    layers_.push_back(&add_module(name, std::make_unique<Linear>(in, config.hidden[i], name)));
    dropouts_.push_back(
        &add_module("dropouts." + std::to_string(i), std::make_unique<Dropout>(config.dropout)));
    groups.push_back({name, {name, "dropouts." + std::to_string(i)}});
    in = config.hidden[i];
  }
  head_ = &add_module("head", std::make_unique<Linear>(in, config.outputs, "head"));
  groups.push_back({"head", {"head"}});
  finish(std::move(groups));
}

Tensor Mlp::features(const Tensor& x) {
  Tensor h = x.reshape({x.size(0), sample_shape_.numel()});
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const TraceScope trace(layers_[i]->scope());
    // One statement for each op: in a nested call every intermediate result would live to the end of it.
    h = layers_[i]->forward(h);
    h = activation_(h);
    h = dropouts_[i]->forward(h);
  }
  return h;
}

Tensor Mlp::forward(const Tensor& x) { return head_->forward(features(x)); }

}  // namespace thaw
