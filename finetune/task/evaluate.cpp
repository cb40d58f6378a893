#include "finetune/task/evaluate.h"

#include <algorithm>
#include <functional>

#include "core/autograd.h"
#include "core/error.h"
#include "core/ops.h"
#include "finetune/data/batch.h"
#include "finetune/data/dictation.h"

namespace thaw {
namespace {

std::vector<std::int64_t> starts_of_places(const Dataset& data) {
  std::vector<std::int64_t> starts{0};
  for (std::int64_t row = 0; row < data.size(); ++row)
    starts.push_back(starts.back() + data.inputs->length(row));
  return starts;
}

// In evaluation mode and without a graph; the model's mode is restored.
void evaluate_batches(Model& model, const Dataset& data, const UseRows& use) {
  if (data.size() == 0) return;
  const NoGrad no_grad;
  const bool was_training = model.training();
  model.train(false);
  for_each_batch(data, data.inputs->evaluation_batch_size(), use);
  model.train(was_training);
}

// `pass`: of the rows that it is given. Each has as many rows of outputs as places, or one.
Outputs outputs_of(Model& model, const Dataset& data,
                   const std::function<Tensor(const std::vector<std::int64_t>&)>& pass) {
  Outputs outputs;
  if (model.gives_sequences()) outputs.starts = starts_of_places(data);
  evaluate_batches(model, data, [&](const std::vector<std::int64_t>& rows) {
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
  return outputs;
}

// The sum of the loss of each sample's tokens, and how many these are.
void add_losses(Model& model, const Dataset& data, const std::vector<std::int64_t>& rows,
                const ModelState& encoded, Outputs& outputs) {
  const Tensor target = next_tokens(data, rows);
  const Tensor losses = cross_entropy(model.forward_after(model.encoder_stages(), encoded), target,
                                      {.ignore_index = kPromptGoesOn, .reduction = Reduction::none});
  const std::vector<std::int64_t> lengths = written_lengths(data, rows);
  const float* loss = losses.data<float>();
  const std::int64_t* token = target.data<std::int64_t>();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    float* to = outputs.values.data() + rows[i] * outputs.columns;
    for (std::int64_t place = 0; place < lengths[i]; ++place, ++loss, ++token) {
      to[0] += *loss;
      to[1] += *token == kPromptGoesOn ? 0.0F : 1.0F;
    }
  }
}

// Of a model that writes.
Outputs written_by(Model& model, const Dataset& data, PrefixCache* cache) {
  Outputs outputs{2, std::vector<float>(static_cast<std::size_t>(2 * data.size()))};
  outputs.texts.resize(static_cast<std::size_t>(data.size()));
  evaluate_batches(model, data, [&](const std::vector<std::int64_t>& rows) {
    ModelState state;
    if (cache != nullptr) {
      state = cache->encoded(data, rows);
    } else {
      state = model.begin(input_of(data, rows));
      model.run_stages(0, model.encoder_stages(), state);
    }
    const std::vector<std::vector<std::int64_t>> tokens = model.write(state, data.dictation->rules);
    for (std::size_t i = 0; i < rows.size(); ++i)
      outputs.texts[static_cast<std::size_t>(rows[i])] = data.dictation->text_of(tokens[i]);
    if (data.targets == Targets::transcripts) add_losses(model, data, rows, state, outputs);
  });
  return outputs;
}

}  // namespace

Outputs predict_all(Model& model, const Dataset& data, PrefixCache* cache) {
  if (model.writes()) return written_by(model, data, cache);
  return outputs_of(model, data, [&](const std::vector<std::int64_t>& rows) {
    return cache != nullptr ? cache->forward(data, rows) : model.forward(input_of(data, rows));
  });
}

Outputs features_all(Model& model, const Dataset& data, PrefixCache* cache) {
  if (model.writes())
    fail_input(
        "a model that writes has no one vector for a sample, which is asked for here; set model.decoder = "
        "\"ctc\"");
  return outputs_of(model, data, [&](const std::vector<std::int64_t>& rows) {
    return cache != nullptr ? cache->features(data, rows) : model.features(input_of(data, rows));
  });
}

Metrics evaluate(const Task& task, Model& model, const Dataset& data, PrefixCache* cache) {
  return compute_metrics(task, predict_all(model, data, cache), data);
}

}  // namespace thaw
