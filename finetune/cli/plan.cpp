// `thaw plan` and `thaw graph`: what a run would do, without training.
#include <algorithm>

#include "core/ops.h"
#include "finetune/cli/commands.h"
#include "finetune/cli/output.h"
#include "finetune/common/json.h"
#include "finetune/common/text.h"
#include "finetune/common/units.h"
#include "finetune/plan/plan_timeline.h"
#include "finetune/plan/plan_warnings.h"
#include "finetune/plan/strategies/registry.h"
#include "finetune/preprocess/prepared_data.h"
#include "finetune/run/prepare_data.h"
#include "finetune/train/calibration.h"
#include "finetune/train/ledger.h"
#include "finetune/train/ledger_output.h"
#include "finetune/train/run_setup.h"
#include "finetune/train/step.h"
#include "nn/io/files.h"

namespace thaw::cli {
namespace {

Json timeline_json(const RunSetup& run) {
  Json segments = Json::array();
  for (const TimelineSegment& segment : timeline_data(run.plan)) {
    Json groups = Json::array();
    for (const TimelineCell& cell : segment.groups)
      groups.push_back({{"trainable", cell.trainable},
                        {"elements", cell.elements},
                        {"lr_mult", {cell.lr_mult_min, cell.lr_mult_max}}});
    segments.push_back({{"phase", segment.segment.phase},
                        {"updates", {segment.segment.begin + 1, segment.segment.end}},
                        {"groups", groups}});
  }
  return segments;
}

std::vector<std::string> all_warnings(const RunSetup& run, const Config& config) {
  std::vector<std::string> warnings = run.strategy.warnings;
  std::vector<std::string> plateaus;
  for (std::size_t i = 0; i < run.plan.phases().size(); ++i)
    if (run.plan.phases()[i].start == kNever) plateaus.push_back(std::to_string(i + 1));
  if (!plateaus.empty())
    warnings.push_back(concat(plateaus.size() > 1 ? "phases " : "phase ", joined(plateaus),
                              " may begin at a plateau; what that costs is left out"));
  for (std::string& line : plan_warnings(run.plan, run.learning_rate(config.train)))
    warnings.push_back(std::move(line));
  return warnings;
}

std::string plan_json(const RunSetup& run, const Config& config, const Ledger& ledger) {
  return json_document(Json{{"strategy", config.strategy.name},
                            {"updates", run.plan.run().total_updates},
                            {"updates_per_epoch", run.plan.run().updates_per_epoch},
                            {"groups", ledger.groups},
                            {"segments", timeline_json(run)},
                            {"warnings", all_warnings(run, config)},
                            {"ledger", Json::parse(ledger_json(ledger))}});
}

std::string plan_text(const RunSetup& run, const Config& config, const Ledger& ledger,
                      const StepCost& everything) {
  std::string text = concat("strategy ", config.strategy.name, ": ", run.plan.run().total_updates,
                            " updates, ", run.plan.run().updates_per_epoch, " an epoch\n\n");
  text += timeline(run.plan, run.learning_rate(config.train)) + "\n";
  text += ledger_text(ledger, &everything);
  for (const std::string& warning : all_warnings(run, config)) text += "warning: " + warning + "\n";
  return text;
}

// As in training, once nothing is wrong with the input any more.
void say_notes(const PreparedData& data) {
  for (const std::string& note : data.notes) Progress().message(note);
}

}  // namespace

int plan(const Arguments& arguments) {
  const Config config = read_config(arguments);
  const ModelSource source = open_source(config.model);
  const PreparedData data = prepare_data(config, source, config.train.seed, false, false);
  RunSetup run = set_up_run(config, source, data);
  say_notes(data);
  Progress().message("timing a few updates of each phase");
  run.calibration = std::make_shared<const Calibration>(config, run, data.train, Calibration::Limits{});
  const Ledger ledger = run.predicted(config, data.train);
  print(arguments.json ? plan_json(run, config, ledger)
                       : plan_text(run, config, ledger, cost_of_everything(config, source, data)));
  return 0;
}

int graph(const Arguments& arguments) {
  check_output(arguments.out, "--out");
  const Config config = read_config(arguments);
  const ModelSource source = open_source(config.model);
  const PreparedData data = prepare_data(config, source, config.train.seed, false, false);
  const RunSetup run = set_up_run(config, source, data);
  say_notes(data);
  apply_plan(*run.model, run.plan, 0, {});
  const std::int64_t all = data.train.size();
  const std::int64_t size = config.train.batch_size == 0 ? all : std::min(config.train.batch_size, all);
  const Batch batch = meta_batch(data.train, size);
  const LossOptions options = loss_options(config, data.train, kMeta);
  Tensor loss = options.task->loss(run.model->forward(batch.x), batch, options);
  if (run.strategy.l2_sp) {
    const Tensor penalty = L2SpPenalty(*run.model, *run.strategy.l2_sp)(*run.model);
    if (penalty.defined()) loss = loss + penalty;
  }
  atomic_write(arguments.out, graph_dot(loss));
  const GraphStats stats = graph_stats(loss);
  print(arguments.json
            ? json_line(Json{
                  {"graph", arguments.out}, {"nodes", stats.nodes}, {"saved_bytes", stats.saved_bytes}}) +
                  "\n"
            : concat(arguments.out, ": ", stats.nodes, " nodes, which keep ",
                     bytes_text(static_cast<double>(stats.saved_bytes)),
                     " for backward beside parameters and the batch\n"));
  return 0;
}

}  // namespace thaw::cli
