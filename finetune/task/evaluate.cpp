#include "finetune/task/evaluate.h"

#include <algorithm>

#include "core/autograd.h"
#include "finetune/data/batch.h"

namespace thaw {
namespace {

// Texts of a batch are padded to the longest, so that small batches waste less.
std::int64_t batch_size_for(const Dataset& data) { return data.is_text() ? 32 : 256; }

Outputs outputs_of(Model& model, const Dataset& data, Tensor (Model::*function)(const ModelInput&)) {
  const NoGrad no_grad;
  const bool was_training = model.training();
  model.train(false);
  Outputs outputs;
  for_each_batch(data, batch_size_for(data), [&](const ModelInput& x, const std::vector<std::int64_t>& rows) {
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
