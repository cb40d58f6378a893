// The protocol: choose a learning rate per strategy on validation data with seeds that are not reported, then
// run each strategy with the same reported seeds and look at the test data once per run.
#include "finetune/compare.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "core/random.h"
#include "finetune/compare_output.h"
#include "finetune/compare_summary.h"
#include "finetune/data/text.h"

namespace thaw {
namespace {

// Tuning seeds start this far from the reported ones, so the two never meet.
constexpr std::uint64_t kTuningSeedOffset = 1'000'000;
constexpr int kMostExtensions = 2;

class Comparison {
 public:
  explicit Comparison(const CompareRequest& request) : request_(request), config_(request.config) {}

  CompareOutcome run() {
    prepare();
    outcome_.tuned = grid(strategies_.front()).size() > 1;
    // Every choice is made before the test data are looked at.
    for (const std::string& strategy : strategies_)
      if (stop_signal == 0) chosen_[strategy] = choose_lr(strategy);
    report_runs();
    outcome_.interrupted = stop_signal != 0;
    outcome_.summaries = summarise(strategies_, outcome_, config_.compare.margin, config_.train.seed);
    write_comparison(request_.out, config_, outcome_);
    return std::move(outcome_);
  }

 private:
  void say(const std::string& text) {
    outcome_.notes.push_back(text);
    if (request_.message) request_.message(text);
  }

  Config config_for(const std::string& strategy) const {
    Config config = config_;
    config.strategy = strategy_request(config_, strategy);
    return config;
  }

  // Everything that can be wrong with the user's input is found here, before anything runs or is written.
  void prepare() {
    const PreparedData data = prepare_data(config_, config_.train.seed, true, true);
    outcome_.name = config_.name;
    outcome_.metric = main_metric(data.test);
    for (const std::string& note : data.notes) say(note);
    if (!is_model_folder(config_.model.from) && config_.model.init.empty())
      say(concat("the network begins with random weights (model.from = ", in_quotes(config_.model.from),
                 "): there is nothing learnt for freezing to keep; give a folder that `thaw train` wrote"));
    std::set<std::string> seen;
    for (const std::string& name : config_.compare.strategies) {
      if (!seen.insert(name).second)
        fail_input("the strategy '", name, "' is named twice (compare.strategies); name it once");
      const Config config = config_for(name);
      const Strategy strategy = strategy_for(config, data);
      try {
        PreparedModel model =
            prepare_model(config, data, config.train.seed, strategy.lora, request_.allow_missing);
        const Trainer check(config, strategy, model.config, *model.model, data, nullptr, {});
      } catch (const NothingToAdapt& error) {
        say(concat(name, " is left out: ", error.what()));
        continue;
      }
      for (const std::string& warning : strategy.warnings) say(concat(name, ": ", warning));
      strategies_.push_back(name);
    }
    if (data.validation.size() == 0 && config_.compare.tune > 0)
      fail_input("there are no validation data to choose learning rates on (", config_.path,
                 "); set data.validation or data.validation_fraction, or use --no-tune");
    if (strategies_.empty()) fail_input("no strategy is left to compare; name others in compare.strategies");
    folder_.emplace(request_.out, false);
    total_ = static_cast<std::int64_t>(strategies_.size()) *
             (config_.compare.seeds +
              (grid("full").size() > 1 ? static_cast<std::int64_t>(grid("full").size()) : 0));
  }

  // Learning rates to try: the user's, or log-spaced by half decades around the strategy's own default.
  std::vector<double> grid(const std::string& strategy) const {
    const double centre = config_.train.lr * find_strategy(strategy).default_lr_scale;
    if (config_.compare.tune == 0) return {centre};
    if (!config_.compare.lr_grid.empty()) return config_.compare.lr_grid;
    std::vector<double> rates;
    const auto n = static_cast<double>(config_.compare.tune);
    for (double i = 0; i < n; ++i) rates.push_back(centre * std::pow(10.0, (i - std::floor(n / 2)) / 2));
    return rates;
  }

  double choose_lr(const std::string& strategy) {
    std::vector<double> rates = grid(strategy);
    if (rates.size() == 1) return rates[0];
    std::vector<TuningTrial> trials;
    trials.reserve(rates.size() + kMostExtensions);
    for (const double lr : rates) {
      trials.push_back(try_lr(strategy, lr));
      if (stop_signal != 0) return rates[0];
    }
    const int most_extensions = config_.compare.lr_grid.empty() ? kMostExtensions : 0;
    for (int extension = 0; extension < most_extensions && stop_signal == 0; ++extension) {
      std::sort(trials.begin(), trials.end(), [](const auto& a, const auto& b) { return a.lr < b.lr; });
      const std::size_t best = best_trial(trials);
      if (best == 0)
        trials.push_back(try_lr(strategy, trials.front().lr / std::sqrt(10.0)));
      else if (best + 1 == trials.size())
        trials.push_back(try_lr(strategy, trials.back().lr * std::sqrt(10.0)));
      else
        break;
    }
    std::sort(trials.begin(), trials.end(), [](const auto& a, const auto& b) { return a.lr < b.lr; });
    const std::size_t best = best_trial(trials);
    trials[best].chosen = true;
    if (best == 0 || best + 1 == trials.size())
      say(concat(strategy, ": the best learning rate ", trials[best].lr, " is the ",
                 best == 0 ? "lowest" : "highest", " that was tried"));
    outcome_.trials.insert(outcome_.trials.end(), trials.begin(), trials.end());
    return trials[best].lr;
  }

  // The best value on the validation data; ties go to the lower loss. A run that diverged never wins.
  std::size_t best_trial(const std::vector<TuningTrial>& trials) const {
    const bool higher = higher_is_better(outcome_.metric);
    auto worse = [higher](const TuningTrial& a, const TuningTrial& b) {
      if ((a.status == "ok") != (b.status == "ok")) return b.status == "ok";
      if (a.validation_value != b.validation_value)
        return higher ? a.validation_value < b.validation_value : a.validation_value > b.validation_value;
      return a.validation_loss > b.validation_loss;
    };
    return static_cast<std::size_t>(std::max_element(trials.begin(), trials.end(), worse) - trials.begin());
  }

  TuningTrial try_lr(const std::string& strategy, double lr) {
    RunRequest run = request_for(strategy, lr, config_.train.seed + kTuningSeedOffset);
    run.evaluate_test = false;
    TuningTrial trial{.strategy = strategy, .lr = lr, .seed = run.config.train.seed, .status = "ok"};
    announce(concat(strategy, " tuning lr ", lr));
    try {
      const PreparedData data = prepare_data(run.config, run.config.train.seed, true, true);
      run.data = &data;
      const RunOutcome outcome = run_training(run).outcome;
      trial.status = status_name(outcome.status);
      trial.seconds = outcome.train_seconds + outcome.evaluation_seconds;
      if (outcome.status == RunStatus::ok) {
        if (!std::isfinite(metric(outcome.validation, "loss"))) trial.status = "diverged";
        trial.validation_loss = metric(outcome.validation, "loss");
        trial.validation_value = metric(outcome.validation, outcome_.metric);
      }
    } catch (const std::exception& error) {
      trial.status = "failed";
      say(concat(strategy, " at lr ", lr, " failed: ", error.what()));
    }
    return trial;
  }

  // In a random order, so that a machine that slows down or warms up favours no strategy.
  void report_runs() {
    const auto seeds = static_cast<std::size_t>(config_.compare.seeds);
    const RandomKey key = random_key(config_.train.seed, "compare.order");
    for (const std::int64_t i :
         random_permutation(key, static_cast<std::int64_t>(strategies_.size() * seeds))) {
      if (stop_signal != 0) break;
      const std::string& strategy = strategies_[static_cast<std::size_t>(i) / seeds];
      report_run(strategy, chosen_.at(strategy), config_.train.seed + static_cast<std::size_t>(i) % seeds);
    }
    const auto place = [this](const std::string& strategy) {
      return std::find(strategies_.begin(), strategies_.end(), strategy);
    };
    std::sort(outcome_.runs.begin(), outcome_.runs.end(), [&](const ReportedRun& a, const ReportedRun& b) {
      return std::pair(place(a.strategy), a.seed) < std::pair(place(b.strategy), b.seed);
    });
    std::sort(outcome_.pictures.begin(), outcome_.pictures.end(),
              [&](const StrategyPicture& a, const StrategyPicture& b) {
                return place(a.strategy) < place(b.strategy);
              });
  }

  void report_run(const std::string& strategy, double lr, std::uint64_t seed) {
    RunRequest run = request_for(strategy, lr, seed);
    run.out = concat(request_.out, '/', strategy, "/seed-", seed);
    ReportedRun row;
    row.strategy = strategy;
    row.seed = seed;
    row.lr = lr;
    row.metric = outcome_.metric;
    row.status = "failed";
    announce(concat(strategy, " seed ", seed));
    try {
      const PreparedData data = prepare_data(run.config, seed, true, true);
      run.data = &data;
      RunResult result = run_training(run);
      fill_row(row, result);
      if (result.outcome.status == RunStatus::interrupted) return;
      if (result.outcome.status == RunStatus::diverged)
        say(concat(strategy, " seed ", seed, " diverged: ", result.outcome.message));
      add_picture(run.config, data, result);
    } catch (const std::exception& error) {
      say(concat(strategy, " seed ", seed, " failed: ", error.what()));
    }
    outcome_.runs.push_back(row);
  }

  void fill_row(ReportedRun& row, const RunResult& result) const {
    const RunOutcome& outcome = result.outcome;
    row.status = status_name(outcome.status);
    if (!result.test.empty()) {
      row.value = metric(result.test, row.metric);
      row.loss = metric(result.test, "loss");
      row.scores = result.test_scores;
    }
    row.seconds = outcome.train_seconds;
    row.flops = outcome.flops;
    row.peak_bytes = outcome.peak_bytes;
    row.trainable = outcome.trainable;
    row.steps = outcome.completed;
  }

  void add_picture(const Config& config, const PreparedData& data, const RunResult& result) {
    const auto& pictures = outcome_.pictures;
    const auto is_same = [&](const StrategyPicture& p) { return p.strategy == config.strategy.name; };
    if (std::any_of(pictures.begin(), pictures.end(), is_same)) return;
    const Strategy strategy = strategy_for(config, data);
    const PreparedModel model = prepare_model(config, data, config.train.seed, strategy.lora);
    const BatchPlan batches(data.train.size(), config.train.batch_size, config.train.accumulation,
                            config.train.shuffle, 0);
    const std::int64_t total = total_updates(config.train, batches.updates_per_epoch());
    const ResolvedPlan plan(strategy.plan, describe(*model.model), {total, batches.updates_per_epoch()});
    const Schedule schedule = make_schedule(config.train, strategy, total);
    StrategyPicture picture{config.strategy.name,
                            plan.model().groups,
                            timeline_data(plan, result.outcome.triggers),
                            {},
                            result.outcome.ledger};
    for (std::int64_t k = 0; k < total; ++k) picture.schedule.push_back(multiplier(schedule, k, total));
    outcome_.pictures.push_back(std::move(picture));
  }

  RunRequest request_for(const std::string& strategy, double lr, std::uint64_t seed) const {
    RunRequest run;
    run.config = config_for(strategy);
    run.config.train.lr = lr;
    run.config.train.seed = seed;
    run.allow_missing = request_.allow_missing;
    run.version = request_.version;
    run.compiler = request_.compiler;
    return run;
  }

  void announce(const std::string& what) {
    if (request_.progress) request_.progress(done_, std::max(total_, done_ + 1), what);
    ++done_;
  }

  const CompareRequest& request_;
  Config config_;
  std::optional<RunFolder> folder_;
  CompareOutcome outcome_;
  std::vector<std::string> strategies_;
  std::map<std::string, double> chosen_;
  std::int64_t done_ = 0, total_ = 0;
};

}  // namespace

bool CompareOutcome::all_ok() const {
  return std::all_of(runs.begin(), runs.end(), [](const ReportedRun& run) { return run.status == "ok"; });
}

CompareOutcome compare(const CompareRequest& request) { return Comparison(request).run(); }

}  // namespace thaw
