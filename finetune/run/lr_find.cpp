#include "finetune/run/lr_find.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "finetune/common/units.h"
#include "finetune/model/starting_model.h"
#include "finetune/preprocess/prepared_data.h"
#include "finetune/run/prepare_data.h"
#include "finetune/train/run_setup.h"
#include "finetune/train/step.h"

namespace thaw {
namespace {

constexpr double kMemory = 0.98;     // of the smoothed loss; fastai's value
constexpr double kTooLarge = 4;      // times the least smoothed loss
constexpr double kLeastFall = 0.02;  // of the loss where the readings begin
constexpr double kSuggested = 0.25;  // of the fall; near what tuning chose on digits and rings
constexpr std::int64_t kLeastPoints = 5;

// Exponentially weighted mean of all values so far, without the bias towards 0 of the first ones.
class Smoothed {
 public:
  double add(double value) {
    sum_ = kMemory * sum_ + (1 - kMemory) * value;
    weight_ = kMemory * weight_ + (1 - kMemory);
    return sum_ / weight_;
  }

 private:
  double sum_ = 0, weight_ = 0;
};

// What a sweep trains and how, set up as the first update of a run would be.
struct Setup {
  PreparedData data;
  RunSetup run;
  PreparedModel prepared;
  std::unique_ptr<Optimizer> optimizer;
  std::optional<L2SpPenalty> penalty;
  LossOptions loss;
};

Setup set_up(const Config& config, bool allow_missing) {
  const TrainSection& train = config.train;
  const ModelSource source = open_source(config.model);
  PreparedData data = prepare_data(config, source, train.seed, false, false);
  RunSetup run = set_up_run(config, source, data);
  const Strategy& strategy = run.strategy;
  PreparedModel prepared = prepare_model(run, source, data, train.seed, allow_missing);
  auto optimizer = make_optimizer(train, *prepared.model);
  apply_no_decay(train, *prepared.model);
  std::optional<L2SpPenalty> penalty;
  if (strategy.l2_sp) penalty.emplace(*prepared.model, *strategy.l2_sp);
  LossOptions loss = loss_options(config, data.train);
  return {std::move(data),      std::move(run),     std::move(prepared),
          std::move(optimizer), std::move(penalty), std::move(loss)};
}

void enter_first_phase(const Config& config, Setup& setup, Sweep& sweep) {
  Model& model = *setup.prepared.model;
  apply_plan(model, setup.run.plan, 0, {});
  model.train();
  sweep.phases = static_cast<int>(setup.run.plan.phases().size());
  std::set<int> groups;
  for (const ParameterPtr& parameter : model.parameters()) {
    sweep.parameters += parameter->tensor.numel();
    if (!parameter->requires_grad()) continue;
    sweep.trainable += parameter->tensor.numel();
    groups.insert(parameter->group);
  }
  for (const int group : groups) sweep.groups.push_back(model.groups()[static_cast<std::size_t>(group)].name);
  if (sweep.trainable == 0)
    fail_input("the first phase of ", config.strategy.name, " trains nothing (", config.path,
               "), so that no rate changes the loss; choose another --strategy");
}

// The loss of update `k` before it, with its gradients in place.
double loss_of(Setup& setup, std::uint64_t seed, std::int64_t k) {
  return forward_backward(*setup.prepared.model, setup.data.train, {setup.run.batches.update(k), seed, k},
                          setup.loss, setup.penalty ? &*setup.penalty : nullptr);
}

double rate_of(const SweepOptions& options, std::int64_t k) {
  const double share = static_cast<double>(k) / static_cast<double>(options.updates - 1);
  return options.low * std::pow(options.high / options.low, share);
}

void check_options(const SweepOptions& options) {
  if (!(options.low > 0 && options.low < options.high && std::isfinite(options.high)))
    fail_input("the rates go from ", options.low, " to ", options.high,
               " (--low, --high); the first must be above 0 and below the second");
}

}  // namespace

Sweep sweep_rates(const Config& config, const SweepOptions& options, bool allow_missing,
                  const SweepHooks& hooks) {
  check_options(options);
  Setup setup = set_up(config, allow_missing);
  Sweep sweep;
  enter_first_phase(config, setup, sweep);
  for (const auto* notes : {&setup.data.notes, &setup.prepared.notes, &setup.run.strategy.warnings})
    for (const std::string& note : *notes) hooks.message(note);
  Smoothed smoothed;
  double least = INFINITY;
  sweep.ended = concat("all ", options.updates, " updates were made");
  for (std::int64_t k = 0; k < options.updates; ++k) {
    SweepPoint point{k + 1, rate_of(options, k), loss_of(setup, config.train.seed, k), 0};
    const double norm = gradient_norm(setup.optimizer->parameters());
    if (!std::isfinite(point.loss) || !std::isfinite(norm)) {
      if (k == 0)
        fail("the loss or a gradient of the first update is not finite (loss ", short_number(point.loss),
             "); look at the data and the starting weights");
      sweep.ended = concat("the loss or a gradient was not finite at a rate of ", short_number(point.lr, 3));
      break;
    }
    point.smoothed = smoothed.add(point.loss);
    least = std::min(least, point.smoothed);
    sweep.points.push_back(point);
    if (hooks.progress) hooks.progress(point);
    if (point.smoothed > kTooLarge * least) {
      sweep.ended = concat("the smoothed loss was ", kTooLarge, " times its least at a rate of ",
                           short_number(point.lr, 3));
      break;
    }
    if (config.train.clip_norm > 0) clip_gradients(setup.optimizer->parameters(), config.train.clip_norm);
    setup.optimizer->step(point.lr);
    setup.optimizer->clear_grad();
  }
  return sweep;
}

namespace {

// The longest falling subsequence of points[first, end), of several the latest: the place in its middle.
std::size_t middle_of_descent(const std::vector<SweepPoint>& points, std::size_t first, std::size_t end) {
  const std::size_t n = end - first;
  std::vector<std::size_t> length(n, 1), before(n);
  std::size_t last = 0;
  for (std::size_t i = 0; i < n; ++i) {
    before[i] = i;
    for (std::size_t j = 0; j < i; ++j)
      if (points[first + i].smoothed < points[first + j].smoothed && length[j] + 1 >= length[i]) {
        length[i] = length[j] + 1;
        before[i] = j;
      }
    if (length[i] > length[last]) last = i;
  }
  std::size_t start = last;
  while (before[start] != start) start = before[start];
  return first + (start + last) / 2;
}

}  // namespace

std::optional<RateReadings> read_sweep(const std::vector<SweepPoint>& points) {
  const std::size_t first = points.size() / 10;
  if (points.size() < static_cast<std::size_t>(kLeastPoints)) return std::nullopt;
  const auto by_loss = [](const SweepPoint& a, const SweepPoint& b) { return a.smoothed < b.smoothed; };
  RateReadings readings;
  readings.least = static_cast<std::size_t>(
      std::min_element(points.begin() + static_cast<std::ptrdiff_t>(first), points.end(), by_loss) -
      points.begin());
  const double start = points[first].smoothed, least = points[readings.least].smoothed;
  if (readings.least < first + 2 || !(start - least > kLeastFall * std::abs(start))) return std::nullopt;
  // Between neighbours the logarithm of the rate grows by the same amount.
  const auto fall = [&](std::size_t i) { return points[i - 1].smoothed - points[i + 1].smoothed; };
  readings.steepest = first + 1;
  for (std::size_t i = first + 1; i < readings.least; ++i)
    if (fall(i) > fall(readings.steepest)) readings.steepest = i;
  readings.valley = middle_of_descent(points, first, points.size());
  readings.quarter = first;
  while (points[readings.quarter].smoothed > start - kSuggested * (start - least)) ++readings.quarter;
  return readings;
}

}  // namespace thaw
