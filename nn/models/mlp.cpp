#include "nn/models/mlp.h"

#include "core/error.h"
#include "nn/models/architecture.h"

namespace thaw {
Mlp::Mlp(const ModelConfig& config, const Init& init)
    : sample_shape_(config.sample_shape), activation_(activation_named(config.activation)) {
  std::int64_t in = sample_shape_.numel();
  std::vector<Group> groups;
  for (std::size_t i = 0; i < config.hidden.size(); ++i) {
    const std::string name = "layers." + std::to_string(i);
    layers_.push_back(&add_module(name, std::make_unique<Linear>(in, config.hidden[i], init.in(name))));
    dropouts_.push_back(
        &add_module("dropouts." + std::to_string(i), std::make_unique<Dropout>(config.dropout)));
    groups.push_back({name, {name, "dropouts." + std::to_string(i)}});
    in = config.hidden[i];
  }
  head_ = &add_module("head", std::make_unique<Linear>(in, config.outputs, init.in("head")));
  groups.push_back({"head", {"head"}});
  finish(std::move(groups));
}

ModelState Mlp::begin(const ModelInput& x) {
  if (x.values.rank() == 0 || x.values.numel() != x.values.size(0) * sample_shape_.numel())
    fail("[mlp] the model takes samples ", sample_shape_, " (ModelConfig::sample_shape), and x is ",
         x.values.shape(), ": a batch is one dimension more than a sample");
  return {x, x.values.reshape({x.values.size(0), sample_shape_.numel()})};
}

void Mlp::run_group(int group, ModelState& state) {
  const auto layer = static_cast<std::size_t>(group);
  const TraceScope trace(layers_[layer]->scope());
  // One statement for each op: in a nested call every intermediate result would live to the end of it.
  state.h = layers_[layer]->forward(state.h);
  state.h = activation_(state.h);
  state.h = dropouts_[layer]->forward(state.h);
}

void read_mlp(const nlohmann::json& json, const std::string& path, ModelConfig& config) {
  read_field(json, "hidden", path, config.hidden);
  read_field(json, "activation", path, config.activation);
  read_thaw_fields(json, path, config);
}

void write_mlp(const ModelConfig& config, nlohmann::ordered_json& json) {
  json["hidden"] = config.hidden;
  json["activation"] = config.activation;
  write_thaw_fields(config, json);
}

}  // namespace thaw
