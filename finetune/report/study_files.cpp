#include "finetune/report/study_files.h"

#include <algorithm>
#include <optional>
#include <sstream>

#include "core/error.h"
#include "finetune/common/json.h"
#include "finetune/common/text.h"
#include "finetune/common/text_table.h"
#include "finetune/common/units.h"
#include "finetune/report/html/study.h"
#include "finetune/report/summary.h"
#include "finetune/report/verdict.h"
#include "finetune/task/metrics.h"
#include "nn/io/files.h"

namespace thaw {
namespace {

std::string number(double value) { return json_line(Json(value)); }

// Of every cell: an axis may change what there is.
std::vector<std::string> further_metrics_of(const StudyOutcome& outcome) {
  std::vector<std::string> names;
  for (const CellResult& cell : outcome.cells)
    for (const std::string& name : thaw::further_metrics_of(cell.outcome))
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  return names;
}

std::string study_csv(const StudyOutcome& outcome) {
  std::ostringstream csv;
  const std::vector<std::string> further = further_metrics_of(outcome);
  const auto number_or_nothing = [](const std::optional<double>& n) { return n ? number(*n) : ""; };
  for (const StudyAxis& axis : outcome.axes) csv << csv_field(axis.name) << ',';
  csv << "strategy,metric,runs,failed,mean,low,high,lr,seconds,flops,updates_to_within_half_a_point_of_full,"
         "seconds_to_within_half_a_point_of_full";
  for (const std::string& name : further) csv << ',' << csv_field(name);
  csv << '\n';
  for (const CellResult& cell : outcome.cells)
    for (const StrategySummary& s : cell.outcome.summaries) {
      for (std::size_t axis = 0; axis < outcome.axes.size(); ++axis)
        csv << csv_field(outcome.axes[axis].values[cell.values[axis]]) << ',';
      const std::string values =
          s.runs > s.failed ? number(s.value.mean) + ',' + number(s.value.low) + ',' + number(s.value.high)
                            : ",,";
      csv << s.strategy << ',' << outcome.metric << ',' << s.runs << ',' << s.failed << ',' << values << ','
          << (s.lr > 0 ? number(s.lr) : "") << ',' << number(s.seconds.mean) << ',' << number(s.flops) << ','
          << number_or_nothing(s.steps_to_full) << ',' << number_or_nothing(s.seconds_to_full);
      for (const std::string& name : further) {
        const MetricInterval* metric = find_metric(s, name);
        csv << ',' << (metric == nullptr ? "" : number(metric->interval.mean));
      }
      csv << '\n';
    }
  return csv.str();
}

Json mean_json(const StudyMean& mean) {
  return {{"mean", mean.interval.mean},
          {"low", mean.interval.low},
          {"high", mean.interval.high},
          {"units", mean.units}};
}

std::string study_json(const StudyOutcome& outcome) {
  Json axes = Json::array(), rows = Json::array(), cells = Json::array();
  for (const StudyAxis& axis : outcome.axes)
    axes.push_back({{"name", axis.name}, {"values", axis.values}, {"random", axis.random}});
  for (const CellResult& cell : outcome.cells) cells.push_back(cell.folder);
  for (const StudyRow& row : outcome.rows) {
    Json strategies = Json::object();
    for (std::size_t s = 0; s < outcome.strategies.size(); ++s)
      strategies[outcome.strategies[s]] = {
          {"metric", row.metric[s] ? Json(*row.metric[s]) : Json(nullptr)},
          {"beside_the_others",
           row.beside_the_others[s] ? mean_json(*row.beside_the_others[s]) : Json(nullptr)}};
    rows.push_back({{"value", row.value},
                    {"strategies", strategies},
                    {"predicted", row.prediction ? Json(row.prediction->best) : Json(nullptr)},
                    {"why", row.prediction ? Json(row.prediction->text) : Json(nullptr)},
                    {"contrast", row.contrast ? mean_json(*row.contrast) : Json(nullptr)}});
  }
  return json_document(Json{{"name", outcome.name},
                            {"metric", outcome.metric},
                            {"prediction_sha256", outcome.prediction_sha256},
                            {"interrupted", outcome.interrupted},
                            {"axes", axes},
                            {"cells", cells},
                            {"rows", rows},
                            {"contrast", outcome.contrast ? mean_json(*outcome.contrast) : Json(nullptr)}});
}

std::string mean_text(const StudyMean& mean) {
  const Interval& i = mean.interval;
  std::string value = (i.mean > 0 ? "+" : "") + fixed_number(i.mean, 4);
  if (mean.units < 2) return value;
  return concat(value, " (", fixed_number(i.low, 4), " to ", fixed_number(i.high, 4), ")");
}

}  // namespace

std::string contrast_text(const StudyMean& contrast) {
  if (contrast.units < 2) return "not judged: no random axis with two values";
  if (contrast.interval.low > 0) return "as predicted";
  if (contrast.interval.high < 0) return "against the prediction";
  return "undecided";
}

std::string study_text(const StudyOutcome& outcome) {
  std::vector<TextRow> table{{outcome.axes.empty() ? "" : outcome.axes[0].name}};
  for (const std::string& strategy : outcome.strategies) table[0].push_back(strategy);
  for (const StudyRow& row : outcome.rows) {
    table.push_back({row.value});
    for (const auto& value : row.metric) table.back().push_back(value ? fixed_number(*value, 4) : "-");
  }
  std::string text =
      "test " + outcome.metric + (higher_is_better(outcome.metric) ? "" : " (lower is better)");
  const std::size_t cells = outcome.rows.empty() ? 0 : outcome.cells.size() / outcome.rows.size();
  if (cells > 1) text += concat(", mean over the ", cells, " cells of a row");
  text += "\n" + text_table(table, Align::right);
  std::vector<TextRow> contrasts{{"", "predicted to win", "better than the rivals by (95 %)", ""}};
  std::vector<std::string> among;  // the same in every row: cells compare the same strategies
  for (const StudyRow& row : outcome.rows)
    if (row.contrast && row.prediction) {
      among = row.prediction->among;
      contrasts.push_back(
          {row.value, joined(row.prediction->best), mean_text(*row.contrast), contrast_text(*row.contrast)});
    }
  if (outcome.contrast)
    contrasts.push_back({"all", "", mean_text(*outcome.contrast), contrast_text(*outcome.contrast)});
  if (outcome.unjudged > 0)
    text += concat("not judged: ", count_of(outcome.unjudged, "cell"),
                   outcome.unjudged == 1 ? " lacks" : " lack", " a run that the prediction is about\n");
  if (contrasts.size() == 1) return text;
  text += "\n" + text_table(contrasts);
  text += concat("rivals: the others of ", joined(among),
                 "; intervals by Student's t over the values of the random axes\n", "predictions: sha256 ",
                 outcome.prediction_sha256, "\n");
  return text;
}

void write_study(const std::string& folder, const StudyOutcome& outcome) {
  atomic_write(folder + "/study.csv", study_csv(outcome));
  atomic_write(folder + "/study.json", study_json(outcome));
  atomic_write(folder + "/report.html", study_html(outcome));
}

}  // namespace thaw
