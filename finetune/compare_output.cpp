#include "finetune/compare_output.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "finetune/evaluate.h"
#include "finetune/text_table.h"
#include "finetune/units.h"
#include "nn/files.h"

namespace thaw {
namespace {

using Json = nlohmann::ordered_json;

// Shortest text that reads back as the same number.
std::string number(double value) { return std::isfinite(value) ? Json(value).dump() : ""; }

std::string results_csv(const CompareOutcome& outcome) {
  std::ostringstream csv;
  csv << "strategy,seed,status,lr,metric,value,loss,seconds,flops,peak_bytes,trainable,steps\n";
  for (const ReportedRun& run : outcome.runs) {
    const bool ok = run.status == "ok";
    csv << run.strategy << ',' << run.seed << ',' << run.status << ',' << number(run.lr) << ',' << run.metric
        << ',' << (ok ? number(run.value) : "") << ',' << (ok ? number(run.loss) : "") << ','
        << number(run.seconds) << ',' << number(run.flops) << ',' << run.peak_bytes << ',' << run.trainable
        << ',' << run.steps << '\n';
  }
  return csv.str();
}

std::string tuning_csv(const CompareOutcome& outcome) {
  std::ostringstream csv;
  csv << "strategy,lr,seed,status,validation_loss,validation_" << outcome.metric << ",seconds,chosen\n";
  for (const TuningTrial& trial : outcome.trials) {
    const bool ok = trial.status == "ok";
    csv << trial.strategy << ',' << number(trial.lr) << ',' << trial.seed << ',' << trial.status << ','
        << (ok ? number(trial.validation_loss) : "") << ',' << (ok ? number(trial.validation_value) : "")
        << ',' << number(trial.seconds) << ',' << (trial.chosen ? "true" : "false") << '\n';
  }
  return csv.str();
}

Json interval_json(const Interval& interval) {
  return {{"mean", interval.mean}, {"low", interval.low}, {"high", interval.high}};
}

Json contrast_json(const Contrast& contrast) {
  Json json = interval_json(contrast.simultaneous);
  json["alone"] = interval_json(contrast.pointwise);
  json["standard_error"] = contrast.standard_error;
  json["degrees_of_freedom"] = contrast.degrees;
  json["detectable"] = contrast.detectable;
  json["verdict"] = verdict_text(contrast);
  return json;
}

Json summary_json(const StrategySummary& s) {
  Json json{{"strategy", s.strategy}, {"runs", s.runs}, {"failed", s.failed}, {"lr", s.lr}};
  json["value"] = s.runs > s.failed ? interval_json(s.value) : Json(nullptr);
  json["difference_to_full"] = s.to_full ? contrast_json(*s.to_full) : Json(nullptr);
  json["rank_probability"] = s.rank_probability;
  json["seconds"] = interval_json(s.seconds);
  json["flops"] = s.flops;
  json["peak_bytes"] = interval_json(s.peak_bytes);
  json["trainable"] = s.trainable;
  json["tuning_seconds"] = s.tuning_seconds;
  return json;
}

constexpr const char* kIntervals =
    "95 %, of values over seeds (Student's t), of differences to full for all strategies at once, paired by "
    "seed and test example (hierarchical bootstrap)";

std::string results_json(const Config& config, const CompareOutcome& outcome) {
  Json summaries = Json::array();
  for (const StrategySummary& summary : outcome.summaries) summaries.push_back(summary_json(summary));
  Json runs = Json::array();
  for (const ReportedRun& run : outcome.runs)
    runs.push_back({{"strategy", run.strategy},
                    {"seed", run.seed},
                    {"status", run.status},
                    {"lr", run.lr},
                    {"value", run.status == "ok" ? Json(run.value) : Json(nullptr)},
                    {"seconds", run.seconds},
                    {"flops", run.flops},
                    {"peak_bytes", run.peak_bytes},
                    {"trainable", run.trainable},
                    {"steps", run.steps}});
  return Json{{"name", config.name},
              {"metric", outcome.metric},
              {"stamp", outcome.tuned ? "tuned on validation data" : "untuned: compares recipes"},
              {"intervals", kIntervals},
              {"interrupted", outcome.interrupted},
              {"notes", outcome.notes},
              {"strategies", summaries},
              {"runs", runs}}
             .dump(2) +
         "\n";
}

std::string interval_text(const Interval& interval) {
  return fixed_number(interval.mean, 4) + " ± " + fixed_number((interval.high - interval.low) / 2, 4);
}

}  // namespace

std::string summary_text(const CompareOutcome& outcome) {
  const auto full = std::find_if(outcome.summaries.begin(), outcome.summaries.end(),
                                 [](const StrategySummary& s) { return s.strategy == "full"; });
  const double full_flops = full == outcome.summaries.end() ? 0 : full->flops;
  std::vector<TextRow> rows{{"strategy", "test " + outcome.metric, "difference to full", "lr", "seconds",
                             "FLOPs", "peak memory", "trainable", "beside full"}};
  for (const StrategySummary& s : outcome.summaries) {
    const bool any = s.runs > s.failed;
    rows.push_back({s.strategy + (s.failed ? " (" + std::to_string(s.failed) + " failed)" : ""),
                    any ? interval_text(s.value) : "-",
                    s.to_full ? interval_text(s.to_full->simultaneous) : "", short_number(s.lr, 3),
                    any ? short_number(s.seconds.mean, 3) : "-",
                    any && full_flops > 0 ? fixed_number(100 * s.flops / full_flops, 0) + " %" : "-",
                    any ? bytes_text(s.peak_bytes.mean) : "-", any ? fixed_number(s.trainable, 0) : "-",
                    s.to_full ? verdict_text(*s.to_full) : ""});
  }
  std::string text = text_table(rows, Align::right);
  text += outcome.tuned ? "Learning rates: chosen on validation data, with seeds that are not reported.\n"
                        : "Untuned: compares recipes.\n";
  return text + "Intervals (±): " + kIntervals + ".\nFLOPs: relative to full.\n";
}

void write_comparison(const std::string& folder, const Config& config, const CompareOutcome& outcome) {
  atomic_write(folder + "/config.toml", to_toml(config));
  atomic_write(folder + "/results.csv", results_csv(outcome));
  atomic_write(folder + "/tuning.csv", tuning_csv(outcome));
  atomic_write(folder + "/results.json", results_json(config, outcome));
  atomic_write(folder + "/report.html", report_html(config, outcome));
}

}  // namespace thaw
