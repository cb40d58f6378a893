#include "finetune/report/html/runs.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "finetune/common/units.h"
#include "finetune/report/html/charts.h"
#include "finetune/report/html/html.h"
#include "finetune/report/html/outcome.h"
#include "finetune/report/verdict.h"

namespace thaw::report {
namespace {

constexpr double kNames = 96;  // where the plot begins, right of the strategies' names
constexpr double kRow = 20;
constexpr double kPlotEnd = kFigureWidth - 8;

// The majority class is far below everything else: it stands in the table alone, so that the scale serves the
// others.
bool is_drawn(const StrategySummary& s) { return s.strategy != "majority"; }

using Rows = std::vector<const StrategySummary*>;

void write_name(Svg& svg, const StrategySummary& s, double y) {
  svg.text(0, y + 4, shortened(s.strategy, kNames - 4), "start", s.is_baseline ? "tick i" : "");
}

std::string runs_figure(const CompareOutcome& outcome) {
  Rows rows;
  Range values;
  for (const StrategySummary& s : outcome.summaries) {
    if (!ended_well(s) || !is_drawn(s)) continue;
    rows.push_back(&s);
    values.add(s.value.low), values.add(s.value.high);
  }
  for (const ReportedRun& run : outcome.runs)
    if (run.status == RunStatus::ok && run.strategy != "majority") values.add(run.value);
  if (rows.empty()) return "";
  const double bottom = kRow * static_cast<double>(rows.size()) + 4;
  Svg svg(bottom + 32);
  const Scale x = Scale::linear(values, kNames, kPlotEnd);
  svg.bottom_axis(x, 2, bottom, metric_name(outcome.metric) + " on the test data");
  double y = kRow / 2 + 2;
  for (const StrategySummary* s : rows) {
    write_name(svg, *s, y);
    const std::string colour = s->is_baseline ? "c5" : "c0";
    svg.rect(x(s->value.low), y - 3.5, std::max(x(s->value.high) - x(s->value.low), 0.5), 7,
             "band " + colour);
    svg.line(x(s->value.mean), y - 8, x(s->value.mean), y + 8, "l thick " + colour);
    for (const ReportedRun& run : outcome.runs)
      if (run.strategy == s->strategy && run.status == RunStatus::ok)
        svg.shape(x(run.value), y, 0, 3, "o ink", concat("seed ", run.seed, ": ", metric_number(run.value)));
    y += kRow;
  }
  std::string words;
  for (const StrategySummary* s : rows)
    words += concat(words.empty() ? "" : "; ", s->strategy, " ", metric_number(s->value.mean), " (",
                    range_text(s->value), ")");
  return svg.figure("runs", "Every run, mean and 95 % interval", words);
}

// Shape as well as colour says the verdict.
void write_difference(Svg& svg, const Scale& x, double y, const Contrast& c) {
  const Interval& d = c.simultaneous;
  std::size_t shape = 0;
  std::string classes = "o ink";
  if (c.verdict == Verdict::better) shape = 2, classes = "f c2";
  if (c.verdict == Verdict::worse) shape = 4, classes = "f c1";
  if (c.verdict == Verdict::equivalent) shape = 1, classes = "f c0";
  svg.line(x(d.low), y, x(d.high), y, "l " + classes.substr(2));
  svg.line(x(d.low), y - 4, x(d.low), y + 4, "l " + classes.substr(2));
  svg.line(x(d.high), y - 4, x(d.high), y + 4, "l " + classes.substr(2));
  svg.shape(x(d.mean), y, shape, 4.5, classes, verdict_text(c));
}

std::string differences_figure(const CompareOutcome& outcome) {
  Rows rows;
  Range values;
  double margin = 0;
  for (const StrategySummary& s : outcome.summaries) {
    if (!s.to_full || !is_drawn(s)) continue;
    rows.push_back(&s);
    margin = s.to_full->margin;
    values.add(s.to_full->simultaneous.low), values.add(s.to_full->simultaneous.high);
  }
  if (rows.empty()) return "";
  values.add(-margin), values.add(margin), values.add(0);
  const double bottom = kRow * static_cast<double>(rows.size()) + 4;
  Svg svg(bottom + 62);
  const Scale x = Scale::linear(values, kNames, kPlotEnd);
  svg.rect(x(-margin), 2, x(margin) - x(-margin), bottom - 2, "margin");
  svg.bottom_axis(x, 2, bottom, "difference to full");
  svg.line(x(0), 2, x(0), bottom, "axis");
  double y = kRow / 2 + 2;
  std::string words;
  for (const StrategySummary* s : rows) {
    write_name(svg, *s, y);
    write_difference(svg, x, y, *s->to_full);
    words += concat(words.empty() ? "" : "; ", s->strategy, " ", signed_number(s->to_full->simultaneous.mean),
                    " (", range_text(s->to_full->simultaneous), "): ", verdict_text(*s->to_full));
    y += kRow;
  }
  svg.text(0, bottom + 43,
           "\xe2\x96\xb2 better  \xe2\x96\xbc worse  \xe2\x96\xa0 equivalent  \xe2\x97\x8b not detected",
           "start", "tick");
  svg.text(0, bottom + 57, concat("shaded: within \xc2\xb1", short_number(margin, 2)), "start", "tick");
  return svg.figure("differences", "Differences to full, 95 % for all at once", words);
}

std::string ranks_figure(const CompareOutcome& outcome) {
  Rows rows;
  std::size_t ranks = 0;
  for (const StrategySummary& s : outcome.summaries) {
    if (s.rank_probability.empty()) continue;
    rows.push_back(&s);
    ranks = std::max(ranks, s.rank_probability.size());
  }
  if (rows.size() < 2) return "";
  const double bottom = kRow * static_cast<double>(rows.size()) + 4;
  const double cell = (kPlotEnd - kNames) / static_cast<double>(ranks);
  Svg svg(bottom + 32);
  double y = kRow / 2 + 2;
  std::string words;
  for (const StrategySummary* s : rows) {
    write_name(svg, *s, y);
    svg.line(kNames, y, kPlotEnd, y, "grid");
    for (std::size_t rank = 0; rank < s->rank_probability.size(); ++rank) {
      const double p = s->rank_probability[rank];
      const double radius = std::sqrt(p) * (kRow / 2 - 0.5);
      if (p >= 0.005)
        svg.shape(kNames + cell * (static_cast<double>(rank) + 0.5), y, 0, radius, "f c0",
                  concat(s->strategy, ", rank ", rank + 1, ": ", fixed_number(p, 2)));
    }
    words += concat(words.empty() ? "" : "; ", s->strategy, " ", fixed_number(s->rank_probability[0], 2));
    y += kRow;
  }
  for (std::size_t rank = 0; rank<ranks; rank += ranks> 12 ? 2 : 1)
    svg.text(kNames + cell * (static_cast<double>(rank) + 0.5), bottom + 13, std::to_string(rank + 1),
             "middle", "tick");
  svg.text((kNames + kPlotEnd) / 2, bottom + 27, "rank; the area of a dot is its probability", "middle",
           "tick");
  return svg.figure("ranks", "Probability of each rank", "Of being the best: " + words);
}

}  // namespace

std::string result_figures(const CompareOutcome& outcome) {
  const std::string figures = runs_figure(outcome) + differences_figure(outcome) + ranks_figure(outcome);
  const StrategySummary* majority = find_summary(outcome, "majority");
  const std::string note =
      majority != nullptr && ended_well(*majority)
          ? soft(concat("Not drawn: the majority class, at ", metric_number(majority->value.mean), "."))
          : "";
  return figures.empty() ? "" : "<div class=\"figures\">" + figures + "</div>\n" + note;
}

}  // namespace thaw::report
