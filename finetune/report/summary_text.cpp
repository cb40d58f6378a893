#include "finetune/report/summary_text.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "core/error.h"
#include "finetune/common/text_table.h"
#include "finetune/common/units.h"
#include "finetune/report/footnotes.h"
#include "finetune/report/summary.h"
#include "finetune/report/verdict.h"

namespace thaw {
namespace {

constexpr std::size_t kWidestLine = 120;  // of the prose
constexpr double kAsLong = 0.025;         // of an interval's width: a difference of its sides that is none

// "0.8012 ± 0.0123" where both sides are about as long, else "0.9731 (0.951..0.985)".
std::string interval_text(const Interval& interval) {
  const double below = interval.mean - interval.low, above = interval.high - interval.mean;
  const std::string mean = fixed_number(interval.mean, 4);
  if (std::abs(above - below) <= kAsLong * (above + below))
    return mean + " \xc2\xb1 " + fixed_number((above + below) / 2, 4);
  const int digits = above + below < 0.01 ? 4 : 3;
  return concat(mean, " (", fixed_number(interval.low, digits), "..", fixed_number(interval.high, digits),
                ")");
}

// Where a run failed, what is left of one seed has no interval.
std::string value_text(const StrategySummary& s) {
  return s.value.low < s.value.high ? interval_text(s.value) : fixed_number(s.value.mean, 4);
}

std::string marks_of(const StrategySummary& s, const std::vector<Footnote>& footnotes) {
  std::string marks;
  if (s.failed > 0) marks += concat(" (", s.failed, " failed)");
  for (std::size_t i = 0; i < footnotes.size(); ++i)
    if (footnotes[i].applies(s)) marks += concat(" [", i + 1, "]");
  return marks;
}

// What a table of the summary does without, each beside what comes before it.
enum class Narrow { nothing, spent_seconds, long_verdicts, memory, seconds, rates_and_long_headings };

// For a narrow table; the notes below it explain it.
std::string short_verdict(const Contrast& contrast) {
  if (contrast.verdict != Verdict::undetected) return verdict_text(contrast);
  if (!std::isfinite(contrast.detectable)) return "none detectable";
  return "none detected (\xc2\xb1" + short_number(contrast.detectable, 2) + ")";
}

// Whether some run was spared what another had computed.
bool has_shared(const CompareOutcome& outcome) {
  return std::any_of(outcome.summaries.begin(), outcome.summaries.end(), [](const StrategySummary& s) {
    return s.spent_seconds > 0 && s.spent_seconds < 0.99 * s.seconds.mean;
  });
}

std::vector<TextRow> summary_rows(const CompareOutcome& outcome, Narrow narrow) {
  const auto full = std::find_if(outcome.summaries.begin(), outcome.summaries.end(),
                                 [](const StrategySummary& s) { return s.strategy == "full"; });
  const double full_flops = full == outcome.summaries.end() ? 0 : full->flops;
  const std::vector<Footnote> footnotes = footnotes_of(outcome);
  const bool long_headings = narrow < Narrow::rates_and_long_headings;
  const bool shared = has_shared(outcome);
  const auto row_of = [narrow, shared](const TextRow& all) {
    TextRow row{all[0], all[1], all[2]};
    if (narrow < Narrow::rates_and_long_headings) row.push_back(all[3]);
    if (narrow < Narrow::seconds) row.push_back(all[4]);
    if (narrow < Narrow::spent_seconds && shared) row.push_back(all[5]);
    row.push_back(all[6]);
    if (narrow < Narrow::memory) row.push_back(all[7]);
    row.push_back(all[8]);
    return row;
  };
  std::vector<TextRow> rows{
      row_of({"strategy", "test " + outcome.metric, long_headings ? "difference to full" : "difference", "lr",
              shared ? "seconds alone" : "seconds", "shared", long_headings ? "of full's FLOPs" : "FLOPs",
              "peak memory", "vs. full"})};
  for (const StrategySummary& s : outcome.summaries) {
    const bool any = s.runs > s.failed;
    std::string verdict;
    if (s.to_full)
      verdict = narrow < Narrow::long_verdicts ? verdict_text(*s.to_full) : short_verdict(*s.to_full);
    rows.push_back(row_of(
        {s.strategy + marks_of(s, footnotes), any ? value_text(s) : "-",
         s.to_full ? interval_text(s.to_full->simultaneous) : "", s.lr > 0 ? short_number(s.lr, 3) : "",
         any ? short_number(s.seconds.mean, 3) : "-", any ? short_number(s.spent_seconds, 3) : "-",
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

// How an interval is written in this table.
std::string interval_signs(const std::string& table) {
  const bool symmetric = table.find("\xc2\xb1 ") != std::string::npos;
  const bool two_ends = table.find("..") != std::string::npos;
  if (symmetric && two_ends) return "\xc2\xb1 and (low..high) are";
  return two_ends ? "(low..high) is" : "\xc2\xb1 is";
}

// "- point", each wrapped under itself.
std::string listed(const std::vector<std::string>& points, std::size_t width) {
  std::string text;
  for (const std::string& point : points) {
    std::istringstream lines(wrapped(point, width - 2));
    bool first = true;
    for (std::string line; std::getline(lines, line); first = false)
      text += (first ? "- " : "  ") + line + "\n";
  }
  return text;
}

}  // namespace

std::string summary_text(const CompareOutcome& outcome, std::size_t width) {
  std::string table;
  for (const Narrow narrow : {Narrow::nothing, Narrow::spent_seconds, Narrow::long_verdicts, Narrow::memory,
                              Narrow::seconds, Narrow::rates_and_long_headings}) {
    table = text_table(summary_rows(outcome, narrow), Align::right);
    if (table_width(table) <= width) break;
  }
  const std::size_t line = std::min(width, kWidestLine);
  std::string notes =
      outcome.tuned
          ? "Learning rates and options: chosen on validation data with a seed that is not reported."
          : "Untuned: compares recipes.";
  if (!outcome.budget.empty()) notes += concat(" Budget of a run: ", outcome.budget, ".");
  const std::string further = further_table(outcome);
  if (!further.empty()) notes += " The second table has means over seeds of what nothing was chosen on.";
  notes += rates_text(outcome);
  const std::vector<Footnote> footnotes = footnotes_of(outcome);
  for (std::size_t i = 0; i < footnotes.size(); ++i)
    notes += concat(" [", i + 1, "] ", footnotes[i].words, ".");
  if (has_shared(outcome) && table.find("seconds alone") != std::string::npos)
    notes +=
        " Seconds alone: of a run of its own; runs of the comparison shared what frozen layers give, and "
        "took less.";
  if (table.find("none detected") != std::string::npos)
    notes += " None detected: one of the size in brackets would have been with probability 0.8.";
  if (!outcome.earlier_evaluations.empty())
    notes += concat(" Exploratory: the test data had been evaluated on by ",
                    outcome.earlier_evaluations.back(), ".");
  if (!higher_is_better(outcome.metric)) notes += concat(" A lower ", outcome.metric, " is better.");
  return listed(verdict_points(outcome), line) + "\n" + table + further +
         wrapped(concat(notes, " ", interval_signs(table), " ", kIntervals, "."), line);
}

}  // namespace thaw
