// Is a frozen prefix as cheap as it should be? Each op of a `full` step is timed; those that a strategy's
// step still runs should cost it what they cost `full`. Prints that expected ratio of step times beside the
// measured one, a line of JSON per strategy, with the blocks of steps of all strategies interleaved.
#include <CLI/CLI.hpp>
#include <compare>
#include <iostream>
#include <map>

#include "bench/timing.h"
#include "bench/training.h"
#include "core/error.h"
#include "core/trace.h"
#include "kernels/kernel.h"

namespace thaw::bench {
namespace {

constexpr int kWarmUp = 20;

struct Op {
  const char* kernel;
  Section section;
  int scope;
  double flops;
  double seconds;  // since the op before it ended: its share of graph and memory work is in it
};

// The ops of the steps that run while it lives.
class OpTimer : public KernelObserver {
 public:
  explicit OpTimer(std::size_t expected) {
    ops_.reserve(expected);
    kernel_observer = this;
    last_ = Clock::now();
  }
  ~OpTimer() override { kernel_observer = nullptr; }
  OpTimer(const OpTimer&) = delete;
  OpTimer& operator=(const OpTimer&) = delete;

  void on_kernel(const KernelEvent& event) override {
    ops_.push_back({event.name, trace_state.section, trace_state.scope, event.flops, seconds_since(last_)});
    last_ = Clock::now();
  }
  const std::vector<Op>& ops() const { return ops_; }

 private:
  std::vector<Op> ops_;
  Clock::time_point last_;
};

// What it takes to observe one op.
double observer_seconds() {
  constexpr int kOps = 2000;
  Tensor y = zeros({4});
  auto time_ops = [&] {
    const Clock::time_point start = Clock::now();
    for (int i = 0; i < kOps; ++i) kernels::accumulate(y, std::as_const(y));
    return seconds_since(start) / kOps;
  };
  std::vector<double> differences;
  for (int i = 0; i < 9; ++i) {
    const double plain = time_ops();
    const OpTimer timer(kOps);
    differences.push_back(time_ops() - plain);
  }
  return median(differences);
}

std::vector<Op> observed_step(Training& training, std::size_t expected = 1000) {
  const OpTimer timer(expected);
  training.step();
  return timer.ops();
}

// Names an op within a step. The updates of parameters have no scope and are told apart by their size.
struct OpKey {
  Section section;
  int scope;
  std::string kernel;
  double flops;
  int number = 0;  // of the same before it
  auto operator<=>(const OpKey&) const = default;
};

std::vector<OpKey> keys_of(const std::vector<Op>& ops) {
  std::map<OpKey, int> seen;
  std::vector<OpKey> keys;
  for (const Op& op : ops) {
    OpKey key{op.section, op.scope, op.kernel, op.flops};
    key.number = seen[key]++;
    keys.push_back(key);
  }
  return keys;
}

// Step times of a strategy, its ops' times in each observed step, and the keys of those ops.
struct Contestant {
  Contestant(const TrainingCase& training_case, const std::string& name)
      : strategy(name), training(training_case, name) {
    run_block(kWarmUp, [&] { return training.step(); });
    keys = keys_of(observed_step(training));
    seconds.resize(keys.size());
  }

  void observe() {
    const std::vector<Op> ops = observed_step(training, keys.size());
    if (ops.size() != keys.size()) fail("a step of ", strategy, " ran other ops than the step before");
    for (std::size_t i = 0; i < ops.size(); ++i) seconds[i].push_back(ops[i].seconds);
  }

  std::string strategy;
  Training training;
  std::vector<OpKey> keys;
  std::vector<std::vector<double>> seconds;  // per op, of each observed step
  std::vector<double> step_ms;
};

std::map<OpKey, double> median_costs(const Contestant& contestant) {
  const double observer = observer_seconds();
  std::map<OpKey, double> costs;
  for (std::size_t i = 0; i < contestant.keys.size(); ++i)
    costs[contestant.keys[i]] = std::max(0.0, median(contestant.seconds[i]) - observer);
  return costs;
}

// One block of steps each, in turn. The first step of a block finds the others' data in the caches and is not
// counted.
void run_round(std::vector<std::unique_ptr<Contestant>>& contestants, int steps) {
  for (const auto& contestant : contestants) {
    const Block block = run_block(steps + 1, [&] { return contestant->training.step(); });
    contestant->step_ms.insert(contestant->step_ms.end(), block.ms.begin() + 1, block.ms.end());
    contestant->observe();
  }
}

// What `full` spends, per section and group of the model.
nlohmann::ordered_json section_seconds(const Contestant& full, const std::map<OpKey, double>& costs,
                                       Model& model) {
  nlohmann::ordered_json result;
  for (int section = 0; section < kSections; ++section) {
    std::vector<double> groups(model.groups().size(), 0.0);
    for (const OpKey& key : full.keys) {
      if (key.section != static_cast<Section>(section)) continue;
      const int group = model.group_of(scope_path(key.scope));
      groups[group < 0 ? groups.size() - 1 : static_cast<std::size_t>(group)] += costs.at(key);
    }
    result[section_name(static_cast<Section>(section))] = groups;
  }
  return result;
}

void print_result(const std::string& name, int threads, const Contestant& full, const Contestant& part,
                  const std::map<OpKey, double>& costs) {
  double all = 0, remaining = 0;
  for (const auto& [key, seconds] : costs) all += seconds;
  std::vector<std::string> new_ops;  // which `full` does not run
  for (const OpKey& key : part.keys) {
    const auto cost = costs.find(key);
    if (cost == costs.end())
      new_ops.push_back(key.kernel);
    else
      remaining += cost->second;
  }
  const double full_ms = median(full.step_ms), part_ms = median(part.step_ms);
  const double expected = remaining / all, measured = part_ms / full_ms;
  std::cout << nlohmann::ordered_json{{"case", name},
                                      {"strategy", part.strategy},
                                      {"threads", threads},
                                      {"full_ms", full_ms},
                                      {"ms", part_ms},
                                      {"ratio_measured", measured},
                                      {"ratio_expected", expected},
                                      {"measured_over_expected", measured / expected},
                                      {"ops_full", full.keys.size()},
                                      {"ops", part.keys.size()},
                                      {"ops_not_in_full", new_ops}}
            << std::endl;
}

void run(const std::string& name, const std::vector<std::string>& strategies, int threads, double seconds,
         bool profile) {
  set_num_threads(threads);
  const TrainingCase training_case = find_training_case(name);
  std::vector<std::unique_ptr<Contestant>> contestants;
  contestants.push_back(std::make_unique<Contestant>(training_case, "full"));
  for (const std::string& strategy : strategies)
    contestants.push_back(std::make_unique<Contestant>(training_case, strategy));
  const double step_ms = median(run_block(5, [&] { return contestants[0]->training.step(); }).ms);
  const int block = std::clamp(static_cast<int>(20 / step_ms), 2, 50);
  constexpr int kLeastRounds = 9;
  const Clock::time_point start = Clock::now();
  for (int round = 0; round < kLeastRounds || seconds_since(start) < seconds; ++round)
    run_round(contestants, block);

  const Contestant& full = *contestants[0];
  const std::map<OpKey, double> costs = median_costs(full);
  if (profile)
    std::cout << nlohmann::ordered_json{{"case", name},
                                        {"threads", threads},
                                        {"seconds_by_group",
                                         section_seconds(full, costs, contestants[0]->training.model())}}
              << std::endl;
  for (std::size_t i = 1; i < contestants.size(); ++i)
    print_result(name, threads, full, *contestants[i], costs);
}

}  // namespace
}  // namespace thaw::bench

int main(int argc, char** argv) {
  std::string name = "mlp";
  std::vector<std::string> strategies{"head", "top-1"};
  int threads = 1;
  double seconds = 2;
  bool profile = false;
  CLI::App app(
      "Compares what a freezing strategy saves with what it should; prints a line of JSON per strategy.");
  app.add_option("--case", name, "mlp, mlp-small, cnn, cnn-small");
  app.add_option("--strategies", strategies, "to compare with full")->delimiter(',');
  app.add_option("--threads", threads)->check(CLI::PositiveNumber);
  app.add_option("--seconds", seconds, "to measure for")->check(CLI::PositiveNumber);
  app.add_flag("--profile", profile, "also print full's seconds by section and group");
  CLI11_PARSE(app, argc, argv);
  try {
    thaw::bench::run(name, strategies, threads, seconds, profile);
  } catch (const thaw::Error& error) {
    std::cerr << "bench_freeze: error: " << error.what() << '\n';
    return 2;
  }
}
