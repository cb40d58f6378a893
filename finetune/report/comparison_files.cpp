#include "finetune/report/comparison_files.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "finetune/common/json.h"
#include "finetune/common/text.h"
#include "finetune/report/footnotes.h"
#include "finetune/report/html/comparison_page.h"
#include "finetune/report/summary.h"
#include "finetune/run/run_report.h"
#include "finetune/task/metrics_json.h"
#include "nn/io/files.h"

namespace thaw {
namespace {

// Shortest text that reads back as the same number.
std::string number(double value) { return std::isfinite(value) ? json_line(Json(value)) : ""; }

std::string results_csv(const CompareOutcome& outcome) {
  const std::vector<std::string> further = further_metrics_of(outcome);
  std::ostringstream csv;
  csv << "strategy,seed,status,lr,metric,value,loss,seconds,flops,peak_bytes,trainable,steps";
  for (const std::string& name : further) csv << ',' << csv_field(name);
  csv << '\n';
  for (const ReportedRun& run : outcome.runs) {
    const bool ok = run.status == RunStatus::ok;
    csv << run.strategy << ',' << run.seed << ',' << status_name(run.status) << ',' << number(run.lr) << ','
        << run.metric << ',' << (ok ? number(run.value) : "") << ',' << (ok ? number(run.loss) : "") << ','
        << number(run.train_seconds) << ',' << number(run.flops) << ',' << run.peak_bytes << ','
        << run.trainable << ',' << run.completed;
    for (const std::string& name : further) {
      const double* value = find_metric(run.test, name);
      csv << ',' << (value == nullptr ? "" : number(*value));
    }
    csv << '\n';
  }
  return csv.str();
}

std::string tuning_csv(const CompareOutcome& outcome) {
  std::ostringstream csv;
  csv << "strategy,lr,options,seed,status,validation_loss,validation_" << outcome.metric
      << ",seconds,chosen\n";
  for (const TuningTrial& trial : outcome.trials) {
    const bool ok = trial.status == RunStatus::ok;
    csv << trial.strategy << ',' << number(trial.lr) << ',' << csv_field(options_text(trial.options)) << ','
        << trial.seed << ',' << status_name(trial.status) << ',' << (ok ? number(trial.validation_loss) : "")
        << ',' << (ok ? number(trial.validation_value) : "") << ',' << number(trial.seconds) << ','
        << (trial.chosen ? "true" : "false") << '\n';
  }
  return csv.str();
}

Json interval_json(const Interval& interval) {
  return {{"mean", interval.mean}, {"low", interval.low}, {"high", interval.high}};
}

Json contrast_json(const Contrast& contrast) {
  Json object = interval_json(contrast.simultaneous);
  object["alone"] = interval_json(contrast.pointwise);
  object["standard_error"] = contrast.standard_error;
  object["degrees_of_freedom"] = contrast.degrees;
  object["detectable"] = contrast.detectable;
  object["verdict"] = verdict_text(contrast);
  return object;
}

Json summary_json(const StrategySummary& s) {
  Json object{{"strategy", s.strategy}, {"baseline", s.is_baseline},
              {"about", s.about},       {"runs", s.runs},
              {"failed", s.failed},     {"lr", s.lr > 0 ? Json(s.lr) : Json(nullptr)}};
  object["options"] = options_text(s.options);
  object["value"] = s.runs > s.failed ? interval_json(s.value) : Json(nullptr);
  Json metrics = Json::object();
  for (const MetricInterval& m : s.metrics) metrics[m.name] = interval_json(m.interval);
  object["metrics"] = metrics;
  object["difference_to_full"] = s.to_full ? contrast_json(*s.to_full) : Json(nullptr);
  object["rank_probability"] = s.rank_probability;
  object["lr_scale"] = s.lr_scale > 0 ? Json(s.lr_scale) : Json(nullptr);
  object["settings"] = s.settings;
  object["below_probe"] = s.below_probe;
  object["below_probe_why"] = s.below_probe_why;
  object["phases_that_never_began"] = s.never_began;
  object["runs_with_weights_of_an_earlier_phase"] = s.kept_earlier_phase;
  object["exploratory"] = s.exploratory;
  object["seconds"] = {
      {"training", interval_json(s.seconds)},
      {"training_spent", s.spent_seconds},
      {"first_epoch", s.first_epoch_seconds},
      {"evaluation", s.evaluation_seconds},
      {"tuning", s.tuning_seconds},
      {"to_within_half_a_point_of_full", s.seconds_to_full ? Json(*s.seconds_to_full) : Json(nullptr)}};
  object["updates_to_within_half_a_point_of_full"] = s.steps_to_full ? Json(*s.steps_to_full) : Json(nullptr);
  object["tuning_trials"] = s.tuning_trials;
  object["flops"] = s.flops;
  object["peak_bytes"] = interval_json(s.peak_bytes);
  object["trainable"] = s.trainable;
  return object;
}

Json run_json(const ReportedRun& run) {
  return {{"strategy", run.strategy},
          {"seed", run.seed},
          {"draw", run.draw},
          {"status", status_name(run.status)},
          {"lr", run.lr > 0 ? Json(run.lr) : Json(nullptr)},
          {"value", run.status == RunStatus::ok ? Json(run.value) : Json(nullptr)},
          {"validation", json_number(run.validation_value())},
          {"test", metrics_json(run.test)},
          {"seconds", run.train_seconds},
          {"seconds_spent", run.train_seconds - run.shared_seconds},
          {"flops", run.flops},
          {"peak_bytes", run.peak_bytes},
          {"trainable", run.trainable},
          {"steps", run.completed},
          {"test_evaluations", run.test_evaluations}};
}

Json prediction_json(const Prediction& prediction) {
  return {{"text", prediction.text},
          {"best", prediction.best},
          {"among", prediction.among},
          {"sha256", prediction.sha256},
          {"contrast", prediction.contrast ? contrast_json(*prediction.contrast) : Json(nullptr)}};
}

Json data_json(const DataCard& card) {
  return {{"source", card.source},
          {"sample_shape", card.sample_shape},
          {"classes", card.classes},
          {"pool", card.pool},
          {"train", card.train},
          {"validation", card.validation},
          {"test", card.test},
          {"groups", card.groups},
          {"duplicates", card.duplicates},
          {"pretraining", card.pretraining}};
}

std::string results_json(const Config& config, const CompareOutcome& outcome) {
  Json summaries = Json::array();
  for (const StrategySummary& summary : outcome.summaries) summaries.push_back(summary_json(summary));
  Json runs = Json::array();
  for (const ReportedRun& run : outcome.runs) runs.push_back(run_json(run));
  return json_document(
      Json{{"name", config.name},
           {"metric", outcome.metric},
           {"higher_is_better", higher_is_better(outcome.metric)},
           {"stamp", outcome.tuned ? "tuned on validation data" : "untuned: compares recipes"},
           {"budget", outcome.budget},
           {"intervals", kIntervals},
           {"lr", outcome.lr > 0 ? Json(outcome.lr) : Json(nullptr)},
           {"interrupted", outcome.interrupted},
           {"test_evaluations", outcome.test_evaluations},
           {"earlier_looks", outcome.earlier_evaluations},
           {"prediction", outcome.prediction ? prediction_json(*outcome.prediction) : Json(nullptr)},
           {"spread_of_full", outcome.full_spread ? Json{{"subset", outcome.full_spread->draw},
                                                         {"training", outcome.full_spread->seed}}
                                                  : Json(nullptr)},
           {"data", data_json(outcome.data)},
           {"notes", outcome.notes},
           {"strategies", summaries},
           {"runs", runs}});
}

}  // namespace

void write_comparison(const std::string& folder, const Config& config, const CompareOutcome& outcome) {
  atomic_write(folder + "/results.csv", results_csv(outcome));
  atomic_write(folder + "/tuning.csv", tuning_csv(outcome));
  atomic_write(folder + "/results.json", results_json(config, outcome));
  atomic_write(folder + "/report.html", report_html(config, outcome));
}

}  // namespace thaw
