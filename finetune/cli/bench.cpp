// `thaw bench`: how long whole training steps of a model take under each strategy, and what memory they need.
#include <algorithm>
#include <fstream>
#include <memory>
#include <optional>

#include "core/error.h"
#include "core/ops.h"
#include "core/random.h"
#include "finetune/cli/commands.h"
#include "finetune/cli/output.h"
#include "finetune/common/clock.h"
#include "finetune/common/json.h"
#include "finetune/common/statistics.h"
#include "finetune/common/text_table.h"
#include "finetune/common/units.h"
#include "finetune/data/numbers.h"
#include "finetune/data/texts.h"
#include "finetune/model/model_folder.h"
#include "finetune/model/starting_model.h"
#include "finetune/preprocess/prepared_data.h"
#include "finetune/train/ledger.h"
#include "finetune/train/run_setup.h"
#include "finetune/train/step.h"
#include "kernels/memory.h"

namespace thaw::cli {
namespace {

constexpr int kWarmUp = 3;  // steps that are not timed

// The answers of the model's own task, so that its head stays; two classes where it names none.
void set_answers(const ModelFolder& folder, PreparedData& data, std::int64_t batch) {
  data.task = folder.preprocess.task;
  Dataset& train = data.train;
  train.targets = data.task->targets();
  if (data.task->has_classes()) train.classes = folder.preprocess.labels;
  if (data.task->has_classes() && train.classes.empty()) train.classes = {"0", "1"};
  const auto classes = std::max<std::int64_t>(static_cast<std::int64_t>(train.classes.size()), 1);
  for (std::int64_t i = 0; i < batch; ++i) train.samples.push_back({.id = i, .label = i % classes});
}

// One batch of random samples.
PreparedData random_data(const ModelFolder& folder, std::int64_t batch, std::int64_t length) {
  const ModelConfig& model = folder.config;
  if (takes_sound(model))
    fail_input("bench times models of text, images and tables, and this one hears sound (", folder.path,
               "); time a run of thaw train instead");
  PreparedData data;
  Dataset& train = data.train;
  const RandomKey key = random_key(0, "bench");
  if (takes_text(model)) {
    std::vector<Text> texts(static_cast<std::size_t>(batch));
    std::uint64_t counter = 0;
    for (Text& text : texts)
      for (std::int64_t i = 0; i < length; ++i)
        text.tokens.push_back(static_cast<std::int64_t>(
            random_below(key, counter++, static_cast<std::uint64_t>(model.transformer.vocab_size))));
    train.inputs = std::make_shared<const Texts>(std::move(texts));
  } else {
    const Tensor x = randn({batch, Shape(model.sample_shape).numel()}, key);
    train.inputs = std::make_shared<const Numbers>(
        model.sample_shape, std::vector<float>(x.data<float>(), x.data<float>() + x.numel()));
  }
  set_answers(folder, data, batch);
  return data;
}

// A line "VmHWM:  1234 kB" of /proc/self/status, in bytes; 0 where there is none.
std::int64_t process_memory(const std::string& field) {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line))
    if (line.starts_with(field + ":")) return std::stoll(line.substr(field.size() + 1)) * 1024;
  return 0;
}

// The highest resident size counts anew from here, where the system lets a process say so.
void reset_process_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }

struct Timing {
  std::vector<double> ms;
  std::int64_t peak_bytes = 0, peak_rss_bytes = 0;
  double flops = 0;
};

// Whole steps with the strategy's first phase in force: forward, backward, optimizer.
class BenchRun {
 public:
  BenchRun(const Config& config, RunSetup run, const ModelSource& source, const PreparedData& data,
           bool allow_missing)
      : config_(config), loss_{data.task}, run_(std::move(run)) {
    const Strategy& strategy = run_.strategy;
    PreparedModel prepared = prepare_model(run_, source, data, config.train.seed, allow_missing);
    model_ = std::move(prepared.model);
    notes = std::move(prepared.notes);
    apply_plan(*model_, run_.plan, 0, {});
    model_->train();
    optimizer_ = make_optimizer(config.train, *model_);
    if (strategy.l2_sp) penalty_.emplace(*model_, *strategy.l2_sp);
    std::vector<std::int64_t> rows;
    for (std::int64_t row = 0; row < data.train.size(); ++row) rows.push_back(row);
    batch_ = make_batch(data.train, rows);
  }

  Timing time(int steps) {
    Timing timing;
    memory::trim(kCpu);
    const std::int64_t bytes_before = memory::usage(kCpu).total;
    const std::int64_t rss_before = process_memory("VmRSS");
    memory::reset_peak(kCpu);
    reset_process_peak();
    for (int i = 0; i < kWarmUp; ++i) step();
    for (int i = 0; i < steps; ++i) {
      const auto start = Clock::now();
      step();
      timing.ms.push_back(1e3 * seconds_since(start));
    }
    timing.peak_bytes = memory::usage(kCpu).total_peak - bytes_before;
    timing.peak_rss_bytes = std::max<std::int64_t>(process_memory("VmHWM") - rss_before, 0);
    const StepObserver observer(*model_);
    step();
    timing.flops = observer.finish(kCpu).total_flops();
    std::sort(timing.ms.begin(), timing.ms.end());
    return timing;
  }

  // What is to be known of the figures; empty where nothing is.
  std::string note_of_phases() const {
    const std::size_t phases = run_.strategy.plan.phases.size();
    if (phases == 1) return "";
    return concat(config_.strategy.name, ": steps of the first of its ", phases,
                  " phases; those to come train other parameters");
  }

  std::vector<std::string> notes;

 private:
  void step() {
    const RandomScope random({config_.train.seed, steps_++, 0, batch_.ids});
    forward_backward(*model_, batch_, loss_, 1, penalty_ ? &*penalty_ : nullptr);
    optimizer_->step(config_.train.lr);
    optimizer_->clear_grad();
  }

  const Config& config_;
  LossOptions loss_;
  RunSetup run_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<Optimizer> optimizer_;
  std::optional<L2SpPenalty> penalty_;
  Batch batch_;
  std::int64_t steps_ = 0;
};

Json timing_json(const std::string& strategy, const Arguments& arguments, const Timing& timing,
                 std::int64_t length) {
  const double ms = median(timing.ms);
  return {{"strategy", strategy},
          {"precision", arguments.precision},
          {"batch", arguments.batch},
          {"length", length},
          {"threads", num_threads()},
          {"device", "cpu"},
          {"steps", arguments.steps},
          {"ms_median", ms},
          {"ms_min", timing.ms.front()},
          {"tokens_per_s", 1e3 * static_cast<double>(arguments.batch * length) / ms},
          {"peak_bytes", timing.peak_bytes},
          {"peak_rss_bytes", timing.peak_rss_bytes},
          {"flops", timing.flops}};
}

// Texts have the length that was asked for; a table's row or an image counts as one token.
std::int64_t sequence_length(const ModelConfig& model, const Arguments& arguments) {
  if (!takes_text(model)) return 1;
  if (arguments.length > model.transformer.longest_text())
    fail_input("--length ", arguments.length, " is beyond the model's ", model.transformer.longest_text(),
               " positions (", arguments.model, "); use no more");
  return arguments.length;
}

std::string table_text(const std::vector<Json>& results) {
  std::vector<TextRow> rows{{"strategy", "ms (median)", "ms (least)", "tokens/s", "work", "peak memory"}};
  for (const Json& r : results)
    rows.push_back({r["strategy"], fixed_number(r["ms_median"], 1), fixed_number(r["ms_min"], 1),
                    fixed_number(r["tokens_per_s"], 0), flops_text(r["flops"]),
                    bytes_text(r["peak_bytes"].get<double>())});
  return text_table(rows);
}

}  // namespace

int bench(const Arguments& arguments) {
  if (arguments.precision != "fp32")
    fail_input("the precision ", arguments.precision, " is not in this version (--precision); use fp32");
  Config config;
  config.model.from = arguments.model;
  config.train.steps = 1 << 20;  // as long a run as any, so that every strategy has its first phase
  config.train.batch_size = 0;
  const ModelSource source{.section = config.model,
                           .folder = std::make_shared<const ModelFolder>(read_model_folder(arguments.model))};
  const ModelConfig& model = source.folder->config;
  const std::int64_t length = sequence_length(model, arguments);
  const PreparedData data = random_data(*source.folder, arguments.batch, length);
  std::vector<std::string> names = arguments.strategies;
  if (names.empty()) names = {"full", "top-1", "head"};
  std::vector<RunSetup> setups;  // all of them before any is measured
  for (const std::string& name : names) {
    check_strategy(name, "--strategies");
    config.strategy = strategy_request(config, name);
    setups.push_back(set_up_run(config, source, data));
  }
  std::vector<Json> results;
  const auto measure = [&](const std::string& name, RunSetup setup) {
    config.strategy = strategy_request(config, name);
    BenchRun run(config, std::move(setup), source, data, arguments.allow_missing);
    if (results.empty())
      for (const std::string& note : run.notes) Progress().message(note);
    if (const std::string note = run.note_of_phases(); !note.empty()) Progress().message(note);
    results.push_back(timing_json(name, arguments, run.time(arguments.steps), length));
    if (arguments.json) print(json_line(results.back()) + "\n");
  };
  try {
    for (std::size_t i = 0; i < names.size(); ++i) measure(names[i], std::move(setups[i]));
  } catch (...) {  // what was measured before is not lost
    if (!arguments.json && !results.empty()) print(table_text(results));
    throw;
  }
  if (!arguments.json) print(table_text(results));
  return 0;
}

}  // namespace thaw::cli
