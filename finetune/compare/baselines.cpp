#include "finetune/compare/baselines.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "core/autograd.h"
#include "core/ops.h"
#include "finetune/common/clock.h"
#include "finetune/compare/linear_probe.h"
#include "finetune/compare/row.h"
#include "finetune/data/batch.h"
#include "finetune/data/numbers.h"
#include "finetune/model/starting_model.h"
#include "finetune/plan/adapters.h"
#include "finetune/run/further_metrics.h"
#include "finetune/task/class_weight.h"
#include "finetune/task/evaluate.h"
#include "finetune/train/ledger.h"
#include "finetune/train/prefix_setup.h"
#include "kernels/kernel.h"
#include "kernels/memory.h"
#include "nn/layers/norm.h"

namespace thaw {
namespace {

constexpr std::int64_t kBatch = 256;

// Counts what a baseline computes while it lives, as a run's training is counted.
class Meter : public KernelObserver {
 public:
  Meter() : previous_(kernel_observer), bytes_before_(memory::usage(kCpu).total) {
    memory::reset_peak(kCpu);
    kernel_observer = this;
  }
  ~Meter() override { kernel_observer = previous_; }
  Meter(const Meter&) = delete;
  Meter& operator=(const Meter&) = delete;

  void on_kernel(const KernelEvent& event) override { flops_ += event.flops; }

  void add_to(ReportedRun& row) const {
    row.train_seconds += seconds_since(start_);
    row.flops += flops_;
    row.peak_bytes = std::max(row.peak_bytes, memory::usage(kCpu).total_peak - bytes_before_);
  }

 private:
  KernelObserver* previous_;
  std::int64_t bytes_before_;
  Clock::time_point start_ = Clock::now();
  double flops_ = 0;
};

std::vector<BatchNorm*> batch_norms(Model& model) {
  std::vector<BatchNorm*> found;
  for (Module* module : model.modules())
    if (auto* norm = dynamic_cast<BatchNorm*>(module)) found.push_back(norm);
  return found;
}

// A model of which nothing trains, with what it shares with the runs that freeze it.
struct FrozenModel {
  std::unique_ptr<Model> model;  // null: the samples are the features
  std::optional<PrefixCache> cache;

  PrefixCache* shared() { return cache ? &*cache : nullptr; }
};

FrozenModel model_of(const BaselineRequest& request) {
  PreparedModel prepared = prepare_model(request.source, request.data, request.seed, request.allow_missing);
  FrozenModel frozen{std::move(prepared.model), {}};
  for (const ParameterPtr& parameter : frozen.model->parameters()) parameter->set_requires_grad(false);
  for (BatchNorm* norm : batch_norms(*frozen.model)) norm->set_update_statistics(false);
  if (request.prefixes == nullptr) return frozen;
  frozen.cache.emplace(*frozen.model, network_text(prepared.config, std::nullopt), request.config.model.from,
                       *request.prefixes);
  frozen.cache->use({}, {frozen.model->stages()});
  return frozen;
}

// [N, F] in f64: what the output layer would take.
Tensor features_of(FrozenModel& frozen, const Dataset& data) {
  if (data.size() == 0) return {};
  if (frozen.model == nullptr) return cast(numbers_of(data).rows(0, data.size()), DType::f64);
  const Outputs features = features_all(*frozen.model, data, frozen.shared());
  return cast(from_data(features.row(0), {data.size(), features.columns}), DType::f64);
}

// What computing them takes, whoever does.
double flops_of_features(const BaselineRequest& request, const Dataset& data) {
  if (data.size() == 0) return 0;
  const std::unique_ptr<Model> model = make_meta_model(model_config(request.source, request.data));
  model->train(false);
  const NoGrad no_grad;
  const std::int64_t size = std::min(data.size(), data.inputs->evaluation_batch_size());
  const StepObserver observer(*model);
  model->features(meta_batch(data, size).x);
  return observer.finish(kMeta).total_flops() * static_cast<double>(data.size()) / static_cast<double>(size);
}

// Running statistics become the mean of the batches' own; nothing random happens meanwhile.
void estimate_statistics(Model& model, const Dataset& data) {
  const NoGrad no_grad;
  model.train(false);
  for (BatchNorm* norm : batch_norms(model)) {
    norm->train(true);
    norm->set_update_statistics(true);
  }
  double batches = 0;
  for_each_batch(data, kBatch, [&](const std::vector<std::int64_t>& rows) {
    ++batches;
    for (BatchNorm* norm : batch_norms(model)) norm->set_momentum(1 / batches);
    model.features(input_of(data, rows));
  });
  model.train(false);
}

void evaluate_on_test(const BaselineRequest& request, const Predict& predict, ReportedRun& row) {
  const Dataset& test = request.data.test;
  const Outputs outputs = predict(test);
  row.test = compute_metrics(*request.data.task, outputs, test);
  row.test_scores = example_scores(*request.data.task, outputs, test, row.metric);
  row.confusion = confusion_of(outputs, test);
  row.value = metric(row.test, row.metric);
  row.loss = metric(row.test, "loss");
  row.test_evaluations = 1;
  add_further_metrics(request.config, request.data, predict, row.test);
}

Outputs majority(const PreparedData& data, std::int64_t samples) {
  const std::vector<float> row = data.task->constant_output(data.train);
  Outputs outputs{static_cast<std::int64_t>(row.size()), {}};
  for (std::int64_t i = 0; i < samples; ++i)
    outputs.values.insert(outputs.values.end(), row.begin(), row.end());
  return outputs;
}

void probe(FrozenModel frozen, const BaselineRequest& request, ReportedRun& row) {
  const PreparedData& data = request.data;
  std::optional<Meter> meter(std::in_place);
  std::map<const Dataset*, Tensor> features;
  {
    const Unobserved unobserved;
    for (const Dataset* part : {&data.train, &*data.validation}) features[part] = features_of(frozen, *part);
  }
  if (frozen.cache) {
    row.shared_seconds = frozen.cache->evaluation().alone_seconds - frozen.cache->evaluation().spent_seconds;
    row.train_seconds += row.shared_seconds;
  }
  if (frozen.model != nullptr)
    for (const auto& [part, x] : features) row.flops += flops_of_features(request, *part);
  const Tensor train = features[&data.train];
  const auto prepared = [&](const Dataset& part) {
    const Tensor x = features.contains(&part) ? features[&part] : features_of(frozen, part);
    return ProbeData{x.defined() ? standardised(x, train) : x, &part, data.task, {}};
  };
  const ProbeData training{standardised(train, train), &data.train, data.task,
                           class_weights(request.config.train.class_weight, data.train)};
  const Probe best = fit_probe(training, prepared(data.validation), row.metric);
  meter->add_to(row);
  meter.reset();
  const std::int64_t outputs = data.task->outputs(data.train);
  row.trainable = outputs * (train.size(1) + 1);
  evaluate_on_test(
      request, [&](const Dataset& part) { return best.model.predict(prepared(part).x); }, row);
}

void run_majority(const BaselineRequest& request, ReportedRun& row) {
  evaluate_on_test(
      request, [&](const Dataset& part) { return majority(request.data, part.size()); }, row);
}

void run_as_is(const BaselineRequest& request, ReportedRun& row) {
  FrozenModel frozen = model_of(request);
  evaluate_on_test(
      request, [&](const Dataset& part) { return predict_all(*frozen.model, part, frozen.shared()); }, row);
}

void run_probe(const BaselineRequest& request, ReportedRun& row) {
  probe(request.source.is_pretrained() ? model_of(request) : FrozenModel{}, request, row);
}

void run_norm_stats(const BaselineRequest& request, ReportedRun& row) {
  BaselineRequest own = request;
  own.prefixes = nullptr;  // no other run has these statistics
  FrozenModel frozen = model_of(own);
  {
    const Meter meter;
    estimate_statistics(*frozen.model, request.data.train);
    meter.add_to(row);
  }
  if (head_is_new(request.source, request.data, *frozen.model))
    probe(std::move(frozen), own, row);
  else
    evaluate_on_test(
        own, [&](const Dataset& part) { return predict_all(*frozen.model, part); }, row);
}

std::unique_ptr<Model> meta_model_of(const BaselineRequest& request) {
  return make_meta_model(model_config(request.source, request.data));
}

bool has_norms_to_estimate(const BaselineRequest& request) {
  return request.source.is_pretrained() && !batch_norms(*meta_model_of(request)).empty();
}

bool keeps_head(const BaselineRequest& request) {
  return request.source.is_pretrained() &&
         !head_is_new(request.source, request.data, *meta_model_of(request));
}

std::string linear_model(const BaselineRequest& request) {
  return request.data.task->about_probe(!(request.config.train.class_weight == ClassWeights{}));
}

std::string about_majority(const BaselineRequest& request) { return request.data.task->about_constant(); }

std::string about_as_is(const BaselineRequest&) {
  return "the model as it was given, with its own head; nothing trained";
}

std::string about_probe(const BaselineRequest& request) {
  return linear_model(request) +
         (request.source.is_pretrained() ? " on the pretrained network's features" : " on the raw inputs") +
         "; its cost holds the choice of its strength";
}

std::string about_norm_stats(const BaselineRequest& request) {
  return keeps_head(request)
             ? "batch norm's statistics estimated anew on the training inputs, nothing trained"
             : concat("batch norm's statistics estimated anew, then ", linear_model(request),
                      " on the features");
}

struct Baseline {
  const char* name;
  bool (*applies)(const BaselineRequest&);
  std::string (*about)(const BaselineRequest&);
  void (*run)(const BaselineRequest&, ReportedRun&);
};

bool has_constant(const BaselineRequest& request) {
  return !request.data.task->constant_output(request.data.train).empty();
}

// Without a network there must be numbers to fit.
bool can_be_probed(const BaselineRequest& request) {
  if (!request.data.task->has_probe()) return false;
  return request.source.is_pretrained() || find_numbers(request.data.train) != nullptr;
}

constexpr Baseline kBaselines[] = {
    {"majority", has_constant, about_majority, run_majority},
    {"as-is", keeps_head, about_as_is, run_as_is},
    {"probe", can_be_probed, about_probe, run_probe},
    {"norm-stats", has_norms_to_estimate, about_norm_stats, run_norm_stats},
};

const Baseline& find_baseline(const std::string& name) {
  return *std::find_if(std::begin(kBaselines), std::end(kBaselines),
                       [&](const Baseline& baseline) { return name == baseline.name; });
}

}  // namespace

std::vector<std::string> baseline_names(const BaselineRequest& request) {
  std::vector<std::string> names;
  for (const Baseline& baseline : kBaselines)
    if (baseline.applies(request)) names.emplace_back(baseline.name);
  return names;
}

std::string about_baseline(const std::string& name, const BaselineRequest& request) {
  return find_baseline(name).about(request);
}

ReportedRun run_baseline(ReportedRun row, const BaselineRequest& request) {
  find_baseline(row.strategy).run(request, row);
  row.status = RunStatus::ok;
  settle(row);
  return row;
}

}  // namespace thaw
