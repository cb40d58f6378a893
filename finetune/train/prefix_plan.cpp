#include "finetune/train/prefix_plan.h"

#include <algorithm>
#include <cmath>

#include "core/autograd.h"
#include "finetune/common/units.h"
#include "finetune/data/batch.h"
#include "finetune/train/ledger.h"
#include "finetune/train/step.h"

namespace thaw {
namespace {

// Rates by which an entry pays or not, per second. They are rough, so that the answer is the same on every machine.
constexpr double kFlops = 20e9;     // computing
constexpr double kCopied = 2e9;     // bytes, into an entry or out of it
constexpr double kHashed = 0.25e9;  // bytes, of a sample
constexpr double kLookUp = 0.5e-6;  // seconds, of a sample

// Of one sample, after so many stages: index 0 is the input.
struct StageCosts {
  std::vector<double> flops, bytes;
  std::vector<std::int64_t> peak = {};  // of the batch
  double input_bytes = 0;
};

StageCosts costs_of_stages(Model& model, const Dataset& data, std::int64_t batch_size) {
  const NoGrad no_grad;
  model.train(false);
  const ModelInput x = meta_batch(data, batch_size).x;
  const auto samples = static_cast<double>(batch_size);
  const auto in_batch = static_cast<double>(mean_batch(*data.inputs, batch_size).total);
  // Samples have entries of as many rows as they are long until they are pooled.
  const double mean_length =
      static_cast<double>(total_length(*data.inputs)) / static_cast<double>(data.size());
  StageCosts costs{{0}, {0}, {0}, static_cast<double>(x.values.bytes()) / samples};
  const std::int64_t before = memory::usage(kMeta).total - static_cast<std::int64_t>(x.values.bytes());
  memory::reset_peak(kMeta);
  const StepObserver observer(model);
  ModelState state = model.begin(x);
  for (int stage = 0; stage < model.stages(); ++stage) {
    model.run_stages(stage, stage + 1, state);
    costs.flops.push_back(observer.finish(kMeta).total_flops() / samples);
    costs.peak.push_back(memory::usage(kMeta).total_peak - before);
    const auto bytes = static_cast<double>(state.h.bytes());
    costs.bytes.push_back(stage == model.head() && !model.gives_sequences() ? bytes / samples
                                                                            : bytes / in_batch * mean_length);
  }
  model.train(true);
  return costs;
}

// Stages that nothing trains, whatever else they do.
int stages_below_trained(const Model& model) {
  int lowest = model.encoder_stages();
  for (const ParameterPtr& parameter : model.parameters())
    if (parameter->requires_grad() && (parameter->group < model.head() || model.pools_with_parameters()))
      lowest = std::min(lowest, parameter->group);
  return lowest;
}

// What training, or evaluation, may take from the cache in one segment.
struct Stretch {
  int constant = 0;   // stages that give the same in each pass
  int unchanged = 0;  // stages whose weights no update changes
  double passes = 0;  // over all samples
};

// Which of them pay, and who computes them.
class Choice {
 public:
  Choice(const std::vector<Stretch>& stretches, const StageCosts& costs, bool many_runs)
      : stretches_(stretches), costs_(costs), many_runs_(many_runs) {}

  // The largest number of stages that pays here; what pays later and can be put there on the way.
  PrefixCache::Use use(std::size_t segment) const {
    PrefixCache::Use use;
    std::vector<int> wanted;
    for (std::size_t later = segment; later < stretches_.size(); ++later) {
      const int stages = stretches_[later].constant;
      if (stages > 0 && stages <= stretches_[segment].constant && is_whole(segment, later, stages) &&
          pays(later))
        wanted.push_back(stages);
    }
    if (wanted.empty()) return use;
    std::sort(wanted.begin(), wanted.end());
    wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
    use.stages = wanted.back();
    use.kept.assign(wanted.begin(), wanted.end() - 1);
    return use;
  }

 private:
  // Whether the weights of so many stages last from one segment to the other.
  bool is_whole(std::size_t from, std::size_t to, int stages) const {
    return std::all_of(stretches_.begin() + static_cast<std::ptrdiff_t>(from),
                       stretches_.begin() + static_cast<std::ptrdiff_t>(to) + 1,
                       [&](const Stretch& stretch) { return stretch.unchanged >= stages; });
  }

  bool pays(std::size_t segment) const {
    const int stages = stretches_[segment].constant;
    std::size_t first = segment;  // from where on the entries can be there
    while (first > 0 && is_whole(first - 1, segment, stages) && stretches_[first - 1].constant >= stages)
      --first;
    double passes = 0, first_pass = 1;
    for (std::size_t i = first; i < stretches_.size() && is_whole(first, i, stages); ++i) {
      if (stretches_[i].constant == stages) passes += stretches_[i].passes;
      // Whoever takes more computes these on the way.
      if (stretches_[i].constant > stages) first_pass = std::max(0.0, first_pass - stretches_[i].passes);
    }
    if (many_runs_ && is_whole(0, segment, stages)) first_pass = 0;
    const auto s = static_cast<std::size_t>(stages);
    const double saved = (passes - std::min(first_pass, passes)) * costs_.flops[s] / kFlops;
    const double copies = (1 + passes) * costs_.bytes[s] / kCopied;
    return saved > copies + passes * kLookUp + costs_.input_bytes / kHashed;
  }

  const std::vector<Stretch>& stretches_;
  const StageCosts& costs_;
  bool many_runs_;
};

// Evaluations in a segment; with the one that ends a run, and that of the test data.
double evaluations_in(const Segment& segment, const Config& config, const RunLength& run, bool last) {
  const std::int64_t every = config.train.eval_every.updates(run);
  const std::int64_t due = every > 0 ? segment.end / every - segment.begin / every : 0;
  return static_cast<double>(due) + (last && (every == 0 || segment.end % every != 0) ? 1 : 0);
}

std::string note_of(const PrefixPhase& phase, const Model& model, const StageCosts& costs,
                    int without_effects) {
  const ConstantPrefix& constant = phase.constant;
  const auto flops_after = [&](int stages) { return costs.flops[static_cast<std::size_t>(stages)]; };
  if (constant.end == EndOfPrefix::none || constant.end == EndOfPrefix::trains ||
      constant.end == EndOfPrefix::encoder) {
    if (phase.training.stages < constant.stages && flops_after(constant.stages) > 0)
      return concat("what ", name_of_stage(model, constant.stages),
                    " gives is computed anew each time: keeping it costs "
                    "more than it saves");
    return {};
  }
  // What is frozen above it could be computed once too.
  const double saved = flops_after(without_effects) - flops_after(constant.stages);
  if (without_effects <= constant.stages || saved <= 0) return {};
  if (constant.end == EndOfPrefix::changed_inputs)
    return concat("data.augment changes the inputs anew in each pass, so that the frozen part up to ",
                  name_of_stage(model, without_effects),
                  " is computed in every pass; leaving it out would save ", flops_text(saved), " a sample");
  const bool dropout = constant.end == EndOfPrefix::draws;
  return concat(dropout ? "the dropout " : "the batch norm ", constant.ended_by,
                dropout ? " draws anew" : " normalises each batch by itself",
                ", so that the frozen part up to ", name_of_stage(model, without_effects),
                " is computed in every pass; ",
                dropout ? "strategy.frozen_dropout = \"off\"" : "strategy.frozen_norm = \"still\"",
                " would save ", flops_text(saved), " a sample");
}

}  // namespace

std::vector<PrefixPhase> plan_prefixes(const Config& config, Model& model, const ResolvedPlan& plan,
                                       const Dataset& data, const Triggers& triggers, bool many_runs) {
  const std::vector<Segment> segments = plan.segments(triggers);
  std::vector<PrefixPhase> phases(segments.size());
  if (config.train.cache == "off" || data.size() == 0) return phases;
  const std::int64_t size = config.train.batch_size == 0 ? data.size() : config.train.batch_size;
  const StageCosts costs = costs_of_stages(model, data, std::min(size, data.size()));
  std::vector<Stretch> training, evaluation;
  std::vector<int> untrained;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const Segment& segment = segments[i];
    apply_plan(model, plan, segment.begin, triggers);
    phases[i].constant = data.inputs->draws_in_training()
                             ? ConstantPrefix{0, EndOfPrefix::changed_inputs, "data.augment"}
                             : constant_prefix(model, true);
    const int unchanged = constant_prefix(model, false).stages;
    untrained.push_back(stages_below_trained(model));
    const double passes =
        static_cast<double>(segment.end - segment.begin) / static_cast<double>(plan.run().updates_per_epoch);
    training.push_back({phases[i].constant.stages, unchanged, passes});
    evaluation.push_back(
        {unchanged, unchanged, evaluations_in(segment, config, plan.run(), i + 1 == segments.size())});
  }
  const Choice in_training(training, costs, many_runs), in_evaluation(evaluation, costs, many_runs);
  std::vector<double> known(
      costs.flops.size());  // the share of the samples with entries, by number of stages
  for (std::size_t i = 0; i < segments.size(); ++i) {
    PrefixPhase& phase = phases[i];
    phase.training = in_training.use(i);
    phase.evaluation = in_evaluation.use(i);
    phase.note = note_of(phase, model, costs, untrained[i]);
    for (int stages = training[i].unchanged + 1; stages < static_cast<int>(known.size()); ++stages)
      known[static_cast<std::size_t>(stages)] = 0;
    if (phase.training.stages == 0) continue;
    const auto s = static_cast<std::size_t>(phase.training.stages);
    const double computed = std::min(training[i].passes, 1 - known[s]);
    phase.stage = name_of_stage(model, phase.training.stages);
    phase.computed = std::llround(computed * static_cast<double>(data.size()));
    phase.flops = costs.flops[s];
    phase.peak_bytes = costs.peak[s];
    phase.bytes = std::llround(costs.bytes[s] * static_cast<double>(data.size()));
    known[s] += computed;
    for (const int kept : phase.training.kept) {
      known[static_cast<std::size_t>(kept)] += computed;
      phase.bytes +=
          std::llround(costs.bytes[static_cast<std::size_t>(kept)] * static_cast<double>(data.size()));
    }
  }
  return phases;
}

std::int64_t bytes_of_entries(Model& model, const Dataset& data, const std::set<int>& stages) {
  if (data.size() == 0) return 0;
  const std::int64_t size = std::min(data.size(), data.inputs->evaluation_batch_size());
  const StageCosts costs = costs_of_stages(model, data, size);
  std::int64_t bytes = 0;
  for (const int n : stages)
    bytes += std::llround(costs.bytes[static_cast<std::size_t>(n)] * static_cast<double>(data.size()));
  return bytes;
}

}  // namespace thaw
