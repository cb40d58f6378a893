#include "tests/support/comparison.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "finetune/plan/plan_timeline.h"

namespace thaw::test {
namespace {

constexpr const char* kNames[] = {"full",           "head",        "top-1",      "top-2", "gradual",
                                  "discriminative", "ulmfit",      "chain-thaw", "lp-ft", "bitfit",
                                  "norm-only",      "layer-decay", "freezeout"};
constexpr Verdict kVerdicts[] = {Verdict::better, Verdict::worse, Verdict::equivalent, Verdict::undetected};

// Noise that is the same on every machine: -1 to 1.
double wobble(std::int64_t a, std::int64_t b) {
  return std::sin(12.9898 * static_cast<double>(a + 1) + 78.233 * static_cast<double>(b + 1));
}

Interval around(double mean, double half) { return {mean, mean - half, mean + half}; }

// Contrasts that agree with the verdict: the interval, the margin, and what could have been detected.
Contrast contrast_of(Verdict verdict, double scale) {
  Contrast c;
  c.verdict = verdict;
  c.margin = 0.01;
  c.detectable = 0.03 * scale;
  const double means[] = {0.04, -0.05, 0.001, 0.01};
  const double halves[] = {0.02, 0.02, 0.006, 0.025};
  const auto i = static_cast<std::size_t>(verdict);
  c.simultaneous = around(means[i] * scale, halves[i] * scale);
  c.pointwise = around(means[i] * scale, halves[i] * scale * 0.8);
  return c;
}

std::vector<Evaluation> evaluations_of(const ComparisonSize& size, std::int64_t strategy, std::int64_t seed) {
  std::vector<Evaluation> evaluations;
  for (std::int64_t e = 1; e <= size.evaluations; ++e) {
    const double done = static_cast<double>(e) / static_cast<double>(size.evaluations);
    const double accuracy = 0.85 - 0.5 * std::exp(-4 * done) + 0.02 * wobble(strategy * 100 + seed, e);
    evaluations.push_back({size.updates * e / size.evaluations,
                           {{"loss", 2 - 2 * accuracy}, {"accuracy", accuracy}},
                           done * 3.5});
  }
  return evaluations;
}

std::vector<LayerSample> layer_samples_of(const ComparisonSize& size, std::int64_t strategy) {
  std::vector<LayerSample> samples;
  for (std::int64_t k = 1; k <= size.samples; ++k) {
    LayerSample sample;
    sample.step = size.updates * k / size.samples;
    sample.loss = 2.0 / static_cast<double>(k);
    for (std::int64_t g = 0; g < size.groups; ++g) {
      const bool frozen = g < strategy % size.groups;
      const double level = std::pow(10.0, -static_cast<double>(size.groups - g) / 3) * (1.2 + wobble(g, k));
      sample.gradient.push_back(frozen ? 0 : level);
      sample.update_ratio.push_back(frozen ? 0 : level * 1e-3);
      sample.weight_distance.push_back(frozen ? 0 : level * 1e-2 * static_cast<double>(k));
    }
    samples.push_back(std::move(sample));
  }
  return samples;
}

ReportedRun run_of(const ComparisonSize& size, const StrategySummary& s, std::int64_t strategy,
                   std::int64_t seed) {
  ReportedRun run;
  run.strategy = s.strategy;
  run.seed = run.draw = static_cast<std::uint64_t>(seed);
  run.status = RunStatus::ok;
  run.lr = s.lr;
  run.metric = "accuracy";
  run.value = s.value.mean + 0.015 * wobble(strategy, seed);
  run.train_seconds = s.seconds.mean;
  run.completed = size.updates;
  run.test_scores.assign(100, 1);
  if (s.is_baseline) return run;
  run.evaluations = evaluations_of(size, strategy, seed);
  if (seed == 0) run.layer_samples = layer_samples_of(size, strategy);
  return run;
}

StrategySummary summary_of(const ComparisonSize& size, const std::string& name, std::int64_t index) {
  const auto i = static_cast<double>(index);
  StrategySummary s;
  s.strategy = name;
  s.about = "what " + name + " does, in a sentence of a usual length that says how it freezes";
  s.runs = size.seeds;
  s.lr = 1e-3 * std::pow(10.0, wobble(index, 3));
  s.value = around(0.8 + 0.03 * wobble(index, 1), 0.02);
  s.metrics = {{"loss", around(0.6, 0.05)},
               {"accuracy", s.value},
               {"macro_f1", around(0.78, 0.03)},
               {"calibration_error", around(0.05, 0.01)}};
  s.seconds = around(12 / (1 + 0.4 * i), 0.7);
  s.peak_bytes = around(8e8 / (1 + 0.3 * i), 1e7);
  s.flops = 4e12 / (1 + 0.35 * i);
  s.trainable = 1e6 / (1 + i);
  s.first_epoch_seconds = 4 / (1 + 0.4 * i);
  s.evaluation_seconds = 0.4;
  return s;
}

StrategyPicture picture_of(const ComparisonSize& size, const std::string& name, std::int64_t index) {
  StrategyPicture picture;
  picture.strategy = name;
  for (std::int64_t g = 0; g < size.groups; ++g)
    picture.groups.push_back(g + 1 == size.groups ? "head" : concat("layer.", g));
  // A slanted triangle, which has the most different columns.
  for (std::int64_t k = 0; k < size.updates; ++k) {
    const double done = static_cast<double>(k + 1) / static_cast<double>(size.updates);
    picture.schedule.push_back(done < 0.1 ? done * 10 : 1 - 0.97 * (done - 0.1) / 0.9);
  }
  const std::int64_t phases = 1 + index % 4;
  for (std::int64_t p = 0; p < phases; ++p) {
    TimelineSegment part{{static_cast<int>(p), size.updates * p / phases, size.updates * (p + 1) / phases},
                         {}};
    LedgerPhase row;
    row.phase = static_cast<int>(p);
    row.begin = part.segment.begin, row.end = part.segment.end;
    for (std::int64_t g = 0; g < size.groups; ++g) {
      const bool trains = g + 1 + p * 2 >= index % size.groups;
      part.groups.push_back(
          {trains ? 5000 : 0, 5000, trains ? 0.3 : 0, trains ? std::pow(2.6, g - size.groups) : 0});
      row.trainable += trains ? 5000 : 0;
      row.parameters += 5000;
    }
    row.predicted.flops = {1.2e9, 3.4e8, 5.6e8, 7.8e6};
    row.predicted.saved_bytes = 1200000, row.predicted.gradient_bytes = 60000,
    row.predicted.optimizer_bytes = 120000;
    row.measured = row.predicted;
    row.measured.seconds = {0.01, 0.004, 0.005, 0.0002};
    row.was_measured = true;
    row.seconds = 3.3;
    if (index == 1) row.blocked_by = "embeddings.word.weight";
    picture.timeline.push_back(std::move(part));
    picture.ledger.phases.push_back(std::move(row));
  }
  picture.ledger.groups = picture.groups;
  return picture;
}

void add_trials(CompareOutcome& outcome, const StrategySummary& s, std::int64_t index) {
  for (std::int64_t k = 0; k < 7; ++k) {
    TuningTrial trial;
    trial.strategy = s.strategy;
    trial.lr = 1e-4 * std::pow(10.0, static_cast<double>(k) / 2);
    if (index == 4)
      trial.options = {{"every", k % 2 == 0 ? std::string("1 epoch") : std::string("2 epochs")}};
    trial.seed = 1000000;
    trial.status = k == 6 ? RunStatus::diverged : RunStatus::ok;
    trial.validation_value = 0.8 - 0.03 * static_cast<double>((k - 3) * (k - 3)) + 0.01 * wobble(index, k);
    trial.seconds = 2.2;
    trial.chosen = k == 3;
    outcome.trials.push_back(std::move(trial));
  }
}

void describe_everything(CompareOutcome& outcome) {
  outcome.name = "synthetic";
  outcome.notes = {"test: 100 samples split off (seed 0)", "a & b < c \"quoted\""};
  outcome.metric = "accuracy";
  outcome.budget = "3 epochs";
  outcome.tuned = true;
  outcome.margin = 0.01;
  DataCard& data = outcome.data;
  data.source = "train.csv", data.sample_shape = {1, 8, 8}, data.classes = {"cat", "dog"};
  data.pool = 500, data.train = 200, data.validation = 60, data.test = 100;
  data.train_counts = {100, 100}, data.validation_counts = {30, 30}, data.test_counts = {50, 50};
  data.groups = "column subject: 12 groups, none on two sides";
  data.duplicates = "none, exact or near";
  data.pretraining = "digits 0 to 4; these data have the others: no overlap";
  outcome.test_evaluations = 60;
  outcome.full_spread = SpreadParts{0.021, 0.008};
  outcome.version = "0.1.0", outcome.compiler = "GNU 12.2.0", outcome.cpu = "A CPU", outcome.threads = 2;
  outcome.config = "[model]\nfrom = \"mlp\"\n";
  Prediction prediction;
  prediction.text = "gradual beats head";
  prediction.sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
  prediction.best = {"gradual"}, prediction.among = {"gradual", "head"};
  prediction.contrast = contrast_of(Verdict::better, 1);
  outcome.prediction = prediction;
}

}  // namespace

CompareOutcome rich_comparison(const ComparisonSize& size) {
  CompareOutcome outcome;
  describe_everything(outcome);
  for (const char* name : {"majority", "probe"}) {
    StrategySummary s = summary_of(size, name, 30);
    s.is_baseline = true;
    s.lr = s.flops = s.trainable = 0;
    s.value = around(name[0] == 'm' ? 0.74 : 0.78, 0.01);
    outcome.summaries.push_back(s);
  }
  for (std::int64_t i = 0; i < size.strategies; ++i) {
    const std::string name = i < 13 ? kNames[i] : concat("strategy-", i);
    StrategySummary s = summary_of(size, name, i);
    if (i > 0) s.to_full = contrast_of(kVerdicts[(i - 1) % 4], 1 + 0.1 * static_cast<double>(i));
    for (std::int64_t rank = 0; rank < size.strategies; ++rank)
      s.rank_probability.push_back(1 / static_cast<double>(size.strategies));
    s.tuning_seconds = 15.4, s.tuning_trials = 7;
    s.options = i == 4 ? OptionMap{{"every", std::string("2 epochs")}} : OptionMap{};
    s.below_probe = i == 1, s.exploratory = i == 2;
    if (i % 2 == 0) s.seconds_to_full = 3.5, s.steps_to_full = 120;
    add_trials(outcome, s, i);
    outcome.pictures.push_back(picture_of(size, name, i));
    outcome.summaries.push_back(std::move(s));
  }
  for (std::size_t i = 0; i < outcome.summaries.size(); ++i)
    for (std::int64_t seed = 0; seed < size.seeds; ++seed)
      outcome.runs.push_back(run_of(size, outcome.summaries[i], static_cast<std::int64_t>(i), seed));
  return outcome;
}

CompareOutcome small_comparison(const std::vector<Judged>& judged) {
  CompareOutcome outcome;
  outcome.metric = "accuracy";
  outcome.tuned = true;
  outcome.data.test = 100;
  std::vector<Judged> all = judged;
  all.insert(all.begin(), {"full", 0.8, Verdict::undetected});
  for (std::size_t i = 0; i < all.size(); ++i) {
    StrategySummary s;
    s.strategy = all[i].strategy;
    s.runs = 2;
    s.value = around(all[i].mean, 0.01);
    s.seconds = around(10.0 / static_cast<double>(i + 1), 0.1);
    s.peak_bytes = around(1e6, 0);
    s.flops = 1e9 / static_cast<double>(i + 1);
    if (i > 0) s.to_full = contrast_of(all[i].verdict, 1);
    s.rank_probability.assign(all.size(), 1 / static_cast<double>(all.size()));
    for (std::uint64_t seed = 0; seed < 2; ++seed) {
      ReportedRun run;
      run.strategy = s.strategy, run.seed = seed, run.status = RunStatus::ok, run.value = all[i].mean;
      outcome.runs.push_back(run);
    }
    outcome.summaries.push_back(std::move(s));
  }
  return outcome;
}

}  // namespace thaw::test
