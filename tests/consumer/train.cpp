#include <cstdio>

#include "core/ops.h"
#include "core/random.h"
#include "finetune/model/model_folder.h"  // load_weights(*model, WeightFiles("trained.safetensors"))
#include "finetune/plan/selector.h"
#include "nn/io/safetensors.h"
#include "nn/models/registry.h"
#include "nn/optim/adamw.h"

using namespace thaw;

int main() {
  ModelConfig config;
  config.architecture = "mlp";
  config.sample_shape = {8};
  config.hidden = {32, 16};
  config.outputs = 3;
  const auto model = make_model(config);  // groups, from the bottom: layers.0, layers.1, head

  const auto parameters = model->parameters();
  const std::vector<bool> trains = select_parameters("top:1", describe(*model), "train.cpp");
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    parameters[i]->set_requires_grad(trains[i]);  // layers.0 is frozen
    if (parameters[i]->group != model->head()) parameters[i]->lr_mult = 0.1;
  }

  const Tensor x = randn({96, 8}, random_key(1, "samples"));
  const Tensor y = argmax(matmul(x, randn({8, 3}, random_key(1, "truth"))), 1);
  AdamW optimizer(parameters, {.weight_decay = 0.01});  // knows all, steps what requires a gradient
  for (int step = 1; step <= 50; ++step) {
    const Tensor loss = cross_entropy(model->forward(x), y);
    loss.backward();
    optimizer.step(0.02);  // times lr_mult
    optimizer.clear_grad();
    if (step % 10 == 0) std::printf("step %d  loss %.4f\n", step, loss.item());
  }

  NamedTensors weights;
  for (const ParameterPtr& parameter : parameters) weights.emplace_back(parameter->name, parameter->tensor);
  save_safetensors("trained.safetensors", weights);
}
