#include "finetune/task/evaluate.h"

#include <algorithm>
#include <functional>

#include "core/autograd.h"
#include "finetune/data/batch.h"

namespace thaw {
namespace {

// `pass`: of the rows that it is given.
Outputs outputs_of(Model& model, const Dataset& data,
                   const std::function<Tensor(const std::vector<std::int64_t>&)>& pass) {
  Outputs outputs;
  if (data.size() == 0) return outputs;
  const NoGrad no_grad;
  const bool was_training = model.training();
  model.train(false);
  const std::int64_t size = data.inputs->evaluation_batch_size();
  for_each_batch(data, size, [&](const std::vector<std::int64_t>& rows) {
    const Tensor y = pass(rows).contiguous();
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

Outputs predict_all(Model& model, const Dataset& data, PrefixCache* cache) {
  return outputs_of(model, data, [&](const std::vector<std::int64_t>& rows) {
    return cache != nullptr ? cache->forward(data, rows) : model.forward(input_of(data, rows));
  });
}

Outputs features_all(Model& model, const Dataset& data, PrefixCache* cache) {
  return outputs_of(model, data, [&](const std::vector<std::int64_t>& rows) {
    return cache != nullptr ? cache->features(data, rows) : model.features(input_of(data, rows));
  });
}

Metrics evaluate(const Task& task, Model& model, const Dataset& data, PrefixCache* cache) {
  return compute_metrics(task, predict_all(model, data, cache), data);
}

}  // namespace thaw
