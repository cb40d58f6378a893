#include "nn/models/registry.h"

#include "core/error.h"
#include "nn/init.h"
#include "nn/models/cnn.h"
#include "nn/models/mlp.h"

namespace thaw {
namespace {

using Maker = std::unique_ptr<Model> (*)(const ModelConfig&);

template <class M>
std::unique_ptr<Model> make(const ModelConfig& config) {
  return std::make_unique<M>(config);
}

struct Architecture {
  const char* name;
  Maker maker;
};
constexpr Architecture kArchitectures[] = {{"mlp", make<Mlp>}, {"cnn", make<Cnn>}};

void check_size(const char* what, std::int64_t size, std::int64_t largest) {
  if (size < 1 || size > largest)
    fail_input("model size out of range: ", what, " = ", size, "; use 1 to ", largest);
}

// Keeps every product of sizes far from overflow; whether the model fits the machine is checked apart.
void check_sizes(const ModelConfig& config) {
  for (const std::int64_t size : config.hidden) check_size("hidden", size, 1 << 24);
  for (const std::int64_t size : config.sample_shape) check_size("a sample's size", size, 1 << 24);
  check_size("outputs", config.outputs, 1 << 24);
  check_size("width", config.width, 1 << 12);
  check_size("depth", config.depth, 8);
}

}  // namespace

std::vector<std::string> architectures() {
  std::vector<std::string> names;
  for (const Architecture& a : kArchitectures) names.emplace_back(a.name);
  return names;
}

std::unique_ptr<Model> make_model(const ModelConfig& config) {
  check_sizes(config);
  for (const Architecture& a : kArchitectures)
    if (config.architecture == a.name) return a.maker(config);
  std::string known;
  for (const std::string& name : architectures()) known += (known.empty() ? "" : ", ") + name;
  fail_input("unknown architecture '", config.architecture, "'; use one of: ", known);
}

std::int64_t count_elements(const ModelConfig& config) {
  const InitSeed meta(0, kMeta);
  const auto model = make_model(config);
  std::int64_t n = 0;
  for (const ParameterPtr& parameter : model->parameters()) n += parameter->tensor.numel();
  for (const BufferPtr& buffer : model->buffers()) n += buffer->tensor.numel();
  return n;
}

}  // namespace thaw
