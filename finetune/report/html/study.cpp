#include "finetune/report/html/study.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/error.h"
#include "finetune/common/units.h"
#include "finetune/report/html/charts.h"
#include "finetune/report/html/html.h"
#include "finetune/report/html/outcome.h"
#include "finetune/report/html/page.h"
#include "finetune/report/study_files.h"
#include "finetune/report/verdict.h"
#include "finetune/task/evaluate.h"

namespace thaw {
namespace report {
namespace {

std::string interval_words(const StudyMean& mean) {
  if (mean.units < 2) return signed_number(mean.interval.mean);
  return concat(signed_number(mean.interval.mean), " (", range_text(mean.interval), ")");
}

std::string verdict(const StudyOutcome& outcome) {
  if (outcome.interrupted) return "The study was interrupted: nothing is judged.";
  if (outcome.unjudged > 0)
    return concat(count_of(outcome.unjudged, "cell"),
                  " lack a run that their prediction is about: the predictions are not judged.");
  if (!outcome.contrast) return "Nothing was predicted; the tables show what was found.";
  const auto predicted =
      std::count_if(outcome.cells.begin(), outcome.cells.end(),
                    [](const CellResult& cell) { return cell.outcome.prediction.has_value(); });
  std::string text =
      concat("Over ", count_of(predicted, "cell"), " the mean test ", metric_name(outcome.metric),
             " of the strategies that were predicted to win differs from their rivals' by ",
             interval_words(*outcome.contrast),
             ", positive where they are better: ", contrast_text(*outcome.contrast), ".");
  for (const StudyRow& row : outcome.rows)
    if (row.contrast)
      text += concat(" ", row.value, ": ", words_list(row.prediction->best), " ",
                     interval_words(*row.contrast), ", ", contrast_text(*row.contrast), ".");
  if (outcome.contrast->units < 2) return text;
  return text + concat(" Intervals are 95 %, by Student's t over ",
                       count_of(outcome.contrast->units, "value"),
                       " of the random axes, each by itself: the first one is the test of the prediction.");
}

// Rows are values of the first axis, columns the strategies; the darkest of a row is its best.
struct HeatMap {
  std::string id, title;
  const StudyOutcome& outcome;
  std::vector<std::vector<std::optional<double>>> values;  // [row][strategy]
};

bool is_predicted(const StudyRow& row, const std::string& strategy) {
  const auto& best = row.prediction ? row.prediction->best : std::vector<std::string>{};
  return std::find(best.begin(), best.end(), strategy) != best.end();
}

// `full` is no rival, but stands beside them.
std::vector<std::string> columns_of(const StudyOutcome& outcome) {
  std::vector<std::string> columns{"full"};
  columns.insert(columns.end(), outcome.rivals.begin(), outcome.rivals.end());
  return columns;
}

std::string heat_map(const HeatMap& map) {
  constexpr double kLeft = 64, kTop = 22, kHeight = 30;
  const std::vector<std::string> columns = columns_of(map.outcome);
  const double width = (kFigureWidth - kLeft) / static_cast<double>(columns.size());
  Svg svg(kTop + kHeight * static_cast<double>(map.values.size()) + 4);
  for (std::size_t c = 0; c < columns.size(); ++c)
    svg.text(kLeft + width * (static_cast<double>(c) + 0.5), 14, shortened(columns[c], width - 2), "middle",
             "tick");
  std::string words;
  for (std::size_t r = 0; r < map.values.size(); ++r) {
    const double y = kTop + kHeight * static_cast<double>(r);
    const StudyRow& row = map.outcome.rows[r];
    svg.text(0, y + kHeight / 2 + 4, shortened(row.value, kLeft - 4));
    Range range;
    for (const auto& value : map.values[r])
      if (value) range.add(*value);
    for (std::size_t c = 0; c < columns.size(); ++c) {
      const auto& value = map.values[r][c];
      if (!value) continue;
      double share = range.high > range.low ? (*value - range.low) / (range.high - range.low) : 0;
      if (!higher_is_better(map.outcome.metric)) share = 1 - share;
      const auto level = 1 + static_cast<int>(std::lround(share * 4));
      const double x = kLeft + width * static_cast<double>(c);
      svg.rect(x + 1, y + 1, width - 2, kHeight - 2, concat("t", level), concat(row.value, ", ", columns[c]));
      if (is_predicted(row, columns[c])) svg.rect(x + 2, y + 2, width - 4, kHeight - 4, "o thick ink");
      svg.text(x + width / 2, y + kHeight / 2 + 4, fixed_number(*value, 3), "middle",
               level == 5 ? "dark" : "");
      words += concat(words.empty() ? "" : "; ", row.value, " ", columns[c], " ", fixed_number(*value, 3));
    }
  }
  return svg.figure(map.id, map.title, words);
}

// Means over the cells that have `value` on `axis`; over all cells without an axis.
HeatMap map_of(const StudyOutcome& outcome, std::optional<std::size_t> axis, std::size_t value) {
  HeatMap map{"map", "All cells", outcome, {}};
  if (axis) {
    map.title = outcome.axes[*axis].name + ": " + outcome.axes[*axis].values[value];
    map.id = concat("map-", *axis, "-", value);
  }
  for (std::size_t row = 0; row < outcome.rows.size(); ++row) {
    map.values.emplace_back();
    for (const std::string& strategy : columns_of(outcome)) {
      double sum = 0, count = 0;
      for (const CellResult& cell : outcome.cells) {
        if (cell.values[0] != row || (axis && cell.values[*axis] != value)) continue;
        const StrategySummary* summary = find_summary(cell.outcome, strategy);
        if (summary == nullptr || summary->failed > 0 || !ended_well(*summary)) continue;
        sum += summary->value.mean;
        ++count;
      }
      map.values.back().push_back(count > 0 ? std::optional(sum / count) : std::nullopt);
    }
  }
  return map;
}

std::string heat_maps(const StudyOutcome& outcome) {
  if (outcome.rows.empty()) return "";
  std::string html = heat_map(map_of(outcome, std::nullopt, 0));
  for (std::size_t axis = 1; axis < outcome.axes.size(); ++axis)
    for (std::size_t value = 0; value < outcome.axes[axis].values.size(); ++value)
      html += heat_map(map_of(outcome, axis, value));
  return soft(concat("Mean test ", metric_name(outcome.metric),
                     "; within a row the darkest is the best. An outline: predicted to win.")) +
         "<div class=\"figures\">" + html + "</div>\n";
}

std::string contrasts_figure(const StudyOutcome& outcome) {
  constexpr double kLabels = 64, kHeight = 24;
  std::vector<std::pair<std::string, StudyMean>> rows;
  for (const StudyRow& row : outcome.rows)
    if (row.contrast) rows.emplace_back(row.value, *row.contrast);
  if (rows.empty()) return "";
  if (outcome.contrast) rows.emplace_back("all", *outcome.contrast);
  Range values;
  values.add(0);
  for (const auto& [name, mean] : rows) values.add(mean.interval.low), values.add(mean.interval.high);
  const double bottom = kHeight * static_cast<double>(rows.size()) + 4;
  Svg svg(bottom + 32);
  const Scale x = Scale::linear(values, kLabels, kFigureWidth - 8);
  svg.bottom_axis(x, 2, bottom, "predicted better than their rivals by");
  svg.line(x(0), 2, x(0), bottom, "axis");
  double y = kHeight / 2 + 2;
  std::string words;
  for (const auto& [name, mean] : rows) {
    svg.text(0, y + 4, shortened(name, kLabels - 4), "start", name == "all" ? "b" : "");
    svg.line(x(mean.interval.low), y, x(mean.interval.high), y, "l c0");
    svg.shape(x(mean.interval.mean), y, 0, 4.5, mean.interval.low > 0 ? "f c0" : "o ink",
              contrast_text(mean));
    words += concat(words.empty() ? "" : "; ", name, " ", interval_words(mean), ", ", contrast_text(mean));
    y += kHeight;
  }
  return "<div class=\"figures\">" +
         svg.figure("contrasts", "What was predicted, with 95 % intervals", words) + "</div>\n";
}

std::string predictions(const StudyOutcome& outcome) {
  Table table("Predictions",
              {outcome.axes[0].name, "predicted to win", "why", "contrast", "95 % interval", ""});
  for (const StudyRow& row : outcome.rows)
    if (row.contrast && row.prediction)
      table.add({Cell(row.value), Cell(words_list(row.prediction->best)), Cell(row.prediction->text),
                 Cell(signed_number(row.contrast->interval.mean), row.contrast->interval.mean),
                 Cell(row.contrast->units < 2 ? "" : range_text(row.contrast->interval)),
                 Cell(contrast_text(*row.contrast))});
  if (table.empty()) return "";
  return contrasts_figure(outcome) + table.html() +
         soft(
             concat("SHA-256 of all predictions, printed before the first run: ", outcome.prediction_sha256));
}

std::string means_table(const StudyOutcome& outcome) {
  std::vector<std::string> columns{outcome.axes[0].name};
  columns.insert(columns.end(), outcome.strategies.begin(), outcome.strategies.end());
  Table table(concat("Mean test ", metric_name(outcome.metric)), columns);
  for (const StudyRow& row : outcome.rows) {
    std::vector<Cell> cells{Cell(row.value)};
    for (const auto& value : row.metric)
      cells.push_back(value ? Cell(metric_number(*value), *value) : Cell());
    table.add(cells);
  }
  return table.html();
}

std::string cell_links(const StudyOutcome& outcome) {
  std::string items;
  for (const CellResult& cell : outcome.cells)
    items += concat("<li><a href=\"", escape(cell.folder), "/report.html\">", escape(cell.folder),
                    "</a>: ", escape(verdict_paragraph(cell.outcome)), "</li>\n");
  return "<details><summary>" + count_of(static_cast<std::int64_t>(outcome.cells.size()), "cell") +
         "</summary><ul>" + items + "</ul></details>\n";
}

}  // namespace
}  // namespace report

std::string study_html(const StudyOutcome& outcome) {
  using namespace report;
  const std::vector<Part> parts{
      {"predictions", "Predictions", predictions(outcome)},
      {"maps", "Where it pays to train", heat_maps(outcome)},
      {"means", "Every strategy and baseline", outcome.rows.empty() ? "" : means_table(outcome)},
      {"cells", "Cell by cell", cell_links(outcome)},
  };
  return page(outcome.name, "Study: " + outcome.name,
              "<p class=\"verdict\">" + escape(verdict(outcome)) + "</p>\n", parts);
}

}  // namespace thaw
