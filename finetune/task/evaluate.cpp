#include "finetune/task/evaluate.h"

#include <algorithm>

#include "core/autograd.h"
#include "finetune/data/batch.h"

namespace thaw {
namespace {

Outputs outputs_of(Model& model, const Dataset& data, Tensor (Model::*function)(const ModelInput&)) {
  Outputs outputs;
  if (data.size() == 0) return outputs;
  const NoGrad no_grad;
  const bool was_training = model.training();
  model.train(false);
  const std::int64_t size = data.inputs->evaluation_batch_size();
  for_each_batch(data, size, [&](const ModelInput& x, const std::vector<std::int64_t>& rows) {
    const Tensor y = (model.*function)(x).contiguous();
    outputs.columns = y.size(1);
    outputs.values.resize(static_cast<std::size_t>(data.size() * outputs.columns));
    const float* from = y.data<float>();
    for (const std::int64_t row : rows) {
      std::copy_n(from, outputs.columns, outputs.values.data() + row * outputs.columns);
      from += outputs.columns;
    }
  });
  model.train(was_training);
  return outputs;
}

}  // namespace

Outputs predict_all(Model& model, const Dataset& data) { return outputs_of(model, data, &Model::forward); }

Outputs features_all(Model& model, const Dataset& data) { return outputs_of(model, data, &Model::features); }

Metrics evaluate(const Task& task, Model& model, const Dataset& data) {
  return compute_metrics(task, predict_all(model, data), data);
}

}  // namespace thaw
