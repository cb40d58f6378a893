#include "finetune/task/evaluate.h"

#include <algorithm>
#include <functional>

#include "core/autograd.h"
#include "finetune/data/batch.h"

namespace thaw {
namespace {

std::vector<std::int64_t> starts_of_places(const Dataset& data) {
  std::vector<std::int64_t> starts{0};
  for (std::int64_t row = 0; row < data.size(); ++row)
    starts.push_back(starts.back() + data.inputs->length(row));
  return starts;
}

// `pass`: of the rows that it is given. Each has as many rows of outputs as places, or one.
Outputs outputs_of(Model& model, const Dataset& data,
                   const std::function<Tensor(const std::vector<std::int64_t>&)>& pass) {
  Outputs outputs;
  if (model.gives_sequences()) outputs.starts = starts_of_places(data);
  if (data.size() == 0) return outputs;
  const NoGrad no_grad;
  const bool was_training = model.training();
  model.train(false);
  const std::int64_t size = data.inputs->evaluation_batch_size();
  for_each_batch(data, size, [&](const std::vector<std::int64_t>& rows) {
    const Tensor y = pass(rows).contiguous();
    outputs.columns = y.size(1);
    outputs.values.resize(static_cast<std::size_t>(outputs.first_row(data.size()) * outputs.columns));
    const float* from = y.data<float>();
    for (const std::int64_t row : rows) {
      const std::int64_t count = outputs.rows(row) * outputs.columns;
      std::copy_n(from, count, outputs.values.data() + outputs.first_row(row) * outputs.columns);
      from += count;
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
