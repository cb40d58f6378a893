#include "finetune/compare/output.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "finetune/compare/contender.h"
#include "finetune/compare/summary.h"
#include "finetune/data/text.h"
#include "finetune/metrics_json.h"
#include "finetune/text_table.h"
#include "finetune/units.h"
#include "finetune/verdict.h"
#include "nn/files.h"

namespace thaw {
namespace {

using Json = nlohmann::ordered_json;

// Shortest text that reads back as the same number.
std::string number(double value) { return std::isfinite(value) ? Json(value).dump() : ""; }

std::string results_csv(const CompareOutcome& outcome) {
  const std::vector<std::string> further = further_metrics_of(outcome);
  std::ostringstream csv;
  csv << "strategy,seed,status,lr,metric,value,loss,seconds,flops,peak_bytes,trainable,steps";
  for (const std::string& name : further) csv << ',' << csv_field(name);
  csv << '\n';
  for (const ReportedRun& run : outcome.runs) {
    const bool ok = run.status == "ok";
    csv << run.strategy << ',' << run.seed << ',' << run.status << ',' << number(run.lr) << ',' << run.metric
        << ',' << (ok ? number(run.value) : "") << ',' << (ok ? number(run.loss) : "") << ','
        << number(run.seconds) << ',' << number(run.flops) << ',' << run.peak_bytes << ',' << run.trainable
        << ',' << run.steps;
    for (const std::string& name : further) {
      const auto found =
          std::find_if(run.test.begin(), run.test.end(), [&](const auto& m) { return m.first == name; });
      csv << ',' << (found == run.test.end() ? "" : number(found->second));
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
    const bool ok = trial.status == "ok";
    csv << trial.strategy << ',' << number(trial.lr) << ',' << csv_field(options_text(trial.options)) << ','
        << trial.seed << ',' << trial.status << ',' << (ok ? number(trial.validation_loss) : "") << ','
        << (ok ? number(trial.validation_value) : "") << ',' << number(trial.seconds) << ','
        << (trial.chosen ? "true" : "false") << '\n';
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
  Json json{{"strategy", s.strategy}, {"baseline", s.is_baseline},
            {"about", s.about},       {"runs", s.runs},
            {"failed", s.failed},     {"lr", s.lr > 0 ? Json(s.lr) : Json(nullptr)}};
  json["options"] = options_text(s.options);
  json["value"] = s.runs > s.failed ? interval_json(s.value) : Json(nullptr);
  Json metrics = Json::object();
  for (const MetricInterval& m : s.metrics) metrics[m.name] = interval_json(m.interval);
  json["metrics"] = metrics;
  json["difference_to_full"] = s.to_full ? contrast_json(*s.to_full) : Json(nullptr);
  json["rank_probability"] = s.rank_probability;
  json["under_optimised"] = s.under_optimised;
  json["exploratory"] = s.exploratory;
  json["seconds"] = {
      {"training", interval_json(s.seconds)},
      {"first_epoch", s.first_epoch_seconds},
      {"evaluation", s.evaluation_seconds},
      {"tuning", s.tuning_seconds},
      {"to_within_half_a_point_of_full", s.seconds_to_full ? Json(*s.seconds_to_full) : Json(nullptr)}};
  json["updates_to_within_half_a_point_of_full"] = s.steps_to_full ? Json(*s.steps_to_full) : Json(nullptr);
  json["tuning_trials"] = s.tuning_trials;
  json["flops"] = s.flops;
  json["peak_bytes"] = interval_json(s.peak_bytes);
  json["trainable"] = s.trainable;
  return json;
}

Json run_json(const ReportedRun& run) {
  return {{"strategy", run.strategy},
          {"seed", run.seed},
          {"draw", run.draw},
          {"status", run.status},
          {"lr", run.lr > 0 ? Json(run.lr) : Json(nullptr)},
          {"value", run.status == "ok" ? Json(run.value) : Json(nullptr)},
          {"test", metrics_json(run.test)},
          {"seconds", run.seconds},
          {"flops", run.flops},
          {"peak_bytes", run.peak_bytes},
          {"trainable", run.trainable},
          {"steps", run.steps},
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

constexpr std::size_t kWidestLine = 120;  // of the terminal summary's prose
constexpr const char* kIntervals =
    "a 95 % interval over seeds and test examples; of differences to full for all strategies at once, paired "
    "(hierarchical bootstrap)";

std::string results_json(const Config& config, const CompareOutcome& outcome) {
  Json summaries = Json::array();
  for (const StrategySummary& summary : outcome.summaries) summaries.push_back(summary_json(summary));
  Json runs = Json::array();
  for (const ReportedRun& run : outcome.runs) runs.push_back(run_json(run));
  return Json{{"name", config.name},
              {"metric", outcome.metric},
              {"higher_is_better", higher_is_better(outcome.metric)},
              {"stamp", outcome.tuned ? "tuned on validation data" : "untuned: compares recipes"},
              {"budget", outcome.budget},
              {"intervals", kIntervals},
              {"interrupted", outcome.interrupted},
              {"test_evaluations", outcome.test_evaluations},
              {"earlier_looks", outcome.earlier_looks},
              {"prediction", outcome.prediction ? prediction_json(*outcome.prediction) : Json(nullptr)},
              {"spread_of_full", outcome.full_spread ? Json{{"subset", outcome.full_spread->draw},
                                                            {"training", outcome.full_spread->seed}}
                                                     : Json(nullptr)},
              {"data", data_json(outcome.data)},
              {"notes", outcome.notes},
              {"strategies", summaries},
              {"runs", runs}}
             .dump(2) +
         "\n";
}

std::string interval_text(const Interval& interval) {
  return fixed_number(interval.mean, 4) + " ± " + fixed_number((interval.high - interval.low) / 2, 4);
}

// Where a run failed, what is left of one seed has no interval.
std::string value_text(const StrategySummary& s) {
  return s.value.low < s.value.high ? interval_text(s.value) : fixed_number(s.value.mean, 4);
}

struct Footnote {
  bool StrategySummary::*applies;
  const char* words;
};
constexpr Footnote kFootnotes[] = {
    {&StrategySummary::under_optimised, "under-optimised: a worse mean than the probe's"},
    {&StrategySummary::exploratory, "exploratory: added after the test data had been looked at"},
};

// Those that apply to some strategy are numbered from 1.
std::vector<Footnote> footnotes_of(const CompareOutcome& outcome) {
  std::vector<Footnote> footnotes;
  for (const Footnote& footnote : kFootnotes)
    if (std::any_of(outcome.summaries.begin(), outcome.summaries.end(),
                    [&](const StrategySummary& s) { return s.*footnote.applies; }))
      footnotes.push_back(footnote);
  return footnotes;
}

std::string marks_of(const StrategySummary& s, const std::vector<Footnote>& footnotes) {
  std::string marks;
  if (s.failed > 0) marks += concat(" (", s.failed, " failed)");
  for (std::size_t i = 0; i < footnotes.size(); ++i)
    if (s.*footnotes[i].applies) marks += concat(" [", i + 1, "]");
  return marks;
}

// What a table of the summary does without, each beside what comes before it.
enum class Narrow { nothing, long_verdicts, memory, seconds, rates_and_long_headings };

// For a narrow table; the notes below it explain it.
std::string short_verdict(const Contrast& contrast) {
  if (contrast.verdict != Verdict::undetected) return verdict_text(contrast);
  if (!std::isfinite(contrast.detectable)) return "none detectable";
  return "none detected (\xc2\xb1" + short_number(contrast.detectable, 2) + ")";
}

std::vector<TextRow> summary_rows(const CompareOutcome& outcome, Narrow narrow) {
  const auto full = std::find_if(outcome.summaries.begin(), outcome.summaries.end(),
                                 [](const StrategySummary& s) { return s.strategy == "full"; });
  const double full_flops = full == outcome.summaries.end() ? 0 : full->flops;
  const std::vector<Footnote> footnotes = footnotes_of(outcome);
  const bool long_headings = narrow < Narrow::rates_and_long_headings;
  const auto row_of = [narrow](const TextRow& all) {
    TextRow row{all[0], all[1], all[2]};
    if (narrow < Narrow::rates_and_long_headings) row.push_back(all[3]);
    if (narrow < Narrow::seconds) row.push_back(all[4]);
    row.push_back(all[5]);
    if (narrow < Narrow::memory) row.push_back(all[6]);
    row.push_back(all[7]);
    return row;
  };
  std::vector<TextRow> rows{
      row_of({"strategy", "test " + outcome.metric, long_headings ? "difference to full" : "difference", "lr",
              "seconds", long_headings ? "of full's FLOPs" : "FLOPs", "peak memory", "beside full"})};
  for (const StrategySummary& s : outcome.summaries) {
    const bool any = s.runs > s.failed;
    std::string verdict;
    if (s.to_full)
      verdict = narrow < Narrow::long_verdicts ? verdict_text(*s.to_full) : short_verdict(*s.to_full);
    rows.push_back(
        row_of({s.strategy + marks_of(s, footnotes), any ? value_text(s) : "-",
                s.to_full ? interval_text(s.to_full->simultaneous) : "",
                s.lr > 0 ? short_number(s.lr, 3) : "", any ? short_number(s.seconds.mean, 3) : "-",
                s.flops > 0 && full_flops > 0 ? fixed_number(100 * s.flops / full_flops, 0) + " %" : "",
                s.peak_bytes.mean > 0 ? bytes_text(s.peak_bytes.mean) : "", verdict}));
  }
  return rows;
}

// What was measured beside the main metric; empty: nothing was.
std::string further_table(const CompareOutcome& outcome) {
  const std::vector<std::string> names = further_metrics_of(outcome);
  if (names.empty()) return "";
  std::vector<TextRow> rows{{outcome.metric + " on"}};
  for (const std::string& name : names)
    rows[0].push_back(name == "neighbours_kept" ? "neighbours kept"
                                                : name.substr(0, name.size() - outcome.metric.size() - 1));
  for (const StrategySummary& s : outcome.summaries) {
    rows.push_back({s.strategy});
    for (const std::string& name : names) {
      const MetricInterval* found = find_metric(s, name);
      rows.back().push_back(found == nullptr ? "" : fixed_number(found->interval.mean, 4));
    }
  }
  return "\n" + text_table(rows, Align::right);
}

}  // namespace

std::string summary_text(const CompareOutcome& outcome, std::size_t width) {
  std::string table;
  for (const Narrow narrow : {Narrow::nothing, Narrow::long_verdicts, Narrow::memory, Narrow::seconds,
                              Narrow::rates_and_long_headings}) {
    table = text_table(summary_rows(outcome, narrow), Align::right);
    if (table_width(table) <= width) break;
  }
  const std::size_t line = std::min(width, kWidestLine);
  std::string notes =
      outcome.tuned ? "Learning rates and knobs: chosen on validation data with a seed that is not reported."
                    : "Untuned: compares recipes.";
  if (!outcome.budget.empty()) notes += concat(" Budget of a run: ", outcome.budget, ".");
  const std::string further = further_table(outcome);
  if (!further.empty()) notes += " The second table has means over seeds of what nothing was chosen on.";
  const std::vector<Footnote> footnotes = footnotes_of(outcome);
  for (std::size_t i = 0; i < footnotes.size(); ++i)
    notes += concat(" [", i + 1, "] ", footnotes[i].words, ".");
  if (table.find("none detected") != std::string::npos)
    notes += " None detected: one of the size in brackets would have been with probability 0.8.";
  if (!outcome.earlier_looks.empty())
    notes += concat(" Exploratory: the test data had been looked at by ", outcome.earlier_looks.back(), ".");
  if (!higher_is_better(outcome.metric)) notes += concat(" A lower ", outcome.metric, " is better.");
  return wrapped(verdict_paragraph(outcome), line) + "\n" + table + further +
         wrapped(concat(notes, " ± is ", kIntervals, "."), line);
}

void write_comparison(const std::string& folder, const Config& config, const CompareOutcome& outcome) {
  atomic_write(folder + "/results.csv", results_csv(outcome));
  atomic_write(folder + "/tuning.csv", tuning_csv(outcome));
  atomic_write(folder + "/results.json", results_json(config, outcome));
  atomic_write(folder + "/report.html", report_html(config, outcome));
}

}  // namespace thaw
