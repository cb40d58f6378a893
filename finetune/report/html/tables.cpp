#include "finetune/report/html/tables.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "finetune/common/units.h"
#include "finetune/report/footnotes.h"
#include "finetune/report/html/html.h"
#include "finetune/report/html/outcome.h"
#include "finetune/report/summary.h"
#include "finetune/report/verdict.h"
#include "finetune/task/metrics.h"

namespace thaw::report {
namespace {

Cell name_cell(const StrategySummary& s) {
  std::string note = s.is_baseline ? "baseline" : "";
  const auto add = [&](const std::string& words) { note += (note.empty() ? "" : ", ") + words; };
  if (s.below_probe) add("below the probe");
  if (!s.never_began.empty()) add("a phase never began");
  if (s.kept_earlier_phase > 0) add("weights of an earlier phase");
  if (s.exploratory) add("exploratory");
  return {s.strategy, note};
}

// A sign beside the word, for a glance.
Cell verdict_cell(const StrategySummary& s) {
  if (!s.to_full) return {};
  const Contrast& c = *s.to_full;
  switch (c.verdict) {
    case Verdict::better:
      return {"\xe2\x96\xb2 better", 3.0};
    case Verdict::worse:
      return {"\xe2\x96\xbc worse", 0.0};
    case Verdict::equivalent:
      return {"\xe2\x89\x88 equivalent", 2.0, "within \xc2\xb1" + short_number(c.margin, 2)};
    case Verdict::undetected:
      break;
  }
  return {"no detected difference", 1.0, detectable_text(c)};
}

Cell probability_cell(const StrategySummary& s) {
  if (s.rank_probability.empty()) return {};
  const double p = s.rank_probability.front();
  return {p < 0.005 ? "below 0.01" : fixed_number(p, 2), p};
}

Cell rank_cell(const StrategySummary& s) {
  double sum = 0;
  for (std::size_t rank = 0; rank < s.rank_probability.size(); ++rank) {
    sum += s.rank_probability[rank];
    if (sum >= 0.5) return {std::to_string(rank + 1), static_cast<double>(rank + 1)};
  }
  return {};
}

Cell runs_cell(const StrategySummary& s) {
  return {std::to_string(s.runs), static_cast<double>(s.runs),
          s.failed > 0 ? concat(s.failed, " failed") : ""};
}

// Nothing where both ends read the same, as of a single run.
std::string range_note(const Interval& interval) {
  return metric_number(interval.low) == metric_number(interval.high) ? "" : range_text(interval);
}

std::string gives_table(const CompareOutcome& outcome) {
  const std::string metric = metric_name(outcome.metric);
  const char* direction = higher_is_better(outcome.metric) ? "" : ", lower is better";
  Table table(concat("What it gives: ", metric, " on the test data", direction),
              {"strategy", metric, "difference to full", "vs. full", "P(best)", "median rank",
               "learning rate", "options", "runs"});
  for (const StrategySummary& s : outcome.summaries) {
    std::vector<Cell> row{name_cell(s)};
    if (ended_well(s)) {
      row.emplace_back(metric_number(s.value.mean), s.value.mean, range_note(s.value));
    } else {
      row.emplace_back(s.runs > 0 ? "no run ended well" : "not run");
    }
    if (s.to_full) {
      const Interval& d = s.to_full->simultaneous;
      row.emplace_back(signed_number(d.mean), d.mean, range_note(d));
    } else {
      row.emplace_back(s.strategy == "full" ? "reference" : "");
    }
    row.push_back(verdict_cell(s));
    row.push_back(probability_cell(s));
    row.push_back(rank_cell(s));
    row.push_back(s.lr > 0 ? Cell(short_text(s.lr, 3), s.lr) : Cell());
    row.emplace_back(options_text(s.options));
    row.push_back(runs_cell(s));
    table.add(std::move(row));
  }
  return table.html();
}

// A mean with its interval below, where the two ends read differently.
Cell interval_cell(const Interval& interval, std::string (*text)(double)) {
  if (!(interval.mean > 0)) return {};
  const std::string low = text(std::max(interval.low, 0.0)), high = text(interval.high);
  return {text(interval.mean), interval.mean, low == high ? "" : concat(low, " to ", high)};
}

Cell positive_cell(double value, std::string (*text)(double)) {
  return value > 0 ? Cell(text(value), value) : Cell();
}

std::string costs_table(const CompareOutcome& outcome) {
  const StrategySummary* full = find_summary(outcome, "full");
  const double full_flops = full != nullptr ? full->flops : 0;
  Table table("What a run costs", {"strategy", "training time alone", "shared with others", "FLOPs",
                                   "of full's", "peak memory", "trainable"});
  for (const StrategySummary& s : outcome.summaries) {
    if (!ended_well(s)) continue;
    table.add({name_cell(s), interval_cell(s.seconds, seconds_text),
               positive_cell(s.spent_seconds, seconds_text), positive_cell(s.flops, flops_text),
               full_flops > 0 ? positive_cell(s.flops / full_flops, percent_text) : Cell(),
               interval_cell(s.peak_bytes, bytes_text),
               s.trainable > 0 ? Cell(fixed_number(s.trainable, 0), s.trainable) : Cell()});
  }
  return table.html();
}

// What the loss is, see finetune/task/metrics.h.
std::string loss_name(const CompareOutcome& outcome) {
  if (outcome.data.sample_shape.size() == 2 && outcome.data.sample_shape.front() == 0) return "loss (CTC)";
  return outcome.data.classes.empty() ? "loss (squared error)" : "loss (negative log-likelihood)";
}

std::string metrics_table(const CompareOutcome& outcome) {
  std::vector<std::string> names = metric_names(outcome);
  std::erase(names, outcome.metric);
  if (names.empty()) return "";
  std::vector<std::string> columns{"strategy"};
  for (const std::string& name : names)
    columns.push_back(name == "loss" ? loss_name(outcome) : metric_name(name));
  Table table("Further metrics on the test data", columns);
  for (const StrategySummary& s : outcome.summaries) {
    if (!ended_well(s)) continue;
    std::vector<Cell> row{name_cell(s)};
    for (const std::string& name : names) {
      const MetricInterval* found = find_metric(s, name);
      row.push_back(found == nullptr ? Cell()
                                     : Cell(metric_number(found->interval.mean), found->interval.mean,
                                            range_note(found->interval)));
    }
    table.add(std::move(row));
  }
  return table.html();
}

std::string footnotes_list(const CompareOutcome& outcome) {
  std::string items;
  for (const Footnote& footnote : footnotes_of(outcome))
    items += concat("<li>", escape(footnote.words), ".</li>");
  return items.empty() ? "" : "<ul>" + items + "</ul>\n";
}

std::string baselines_list(const CompareOutcome& outcome) {
  std::string items;
  for (const StrategySummary& s : outcome.summaries)
    if (s.is_baseline && !s.about.empty())
      items += concat("<li><b>", escape(s.strategy), "</b>: ", escape(s.about), "</li>");
  return items.empty() ? "" : "<p>Baselines:</p><ul>" + items + "</ul>\n";
}

}  // namespace

std::string result_tables(const CompareOutcome& outcome) {
  if (outcome.summaries.empty()) return soft("No strategy has a result.");
  return gives_table(outcome) +
         soft(
             "Intervals are 95 % and reckon with other seeds and other test examples; those of differences "
             "to "
             "full are paired, and wide enough for all strategies at once (hierarchical bootstrap). P(best) "
             "and the median rank come from the same draws.") +
         footnotes_list(outcome) + baselines_list(outcome) + costs_table(outcome) +
         soft(
             "Means per run, with 95 % intervals. Training time is of training alone. Peak memory is what "
             "the "
             "engine's tensors held at once.") +
         metrics_table(outcome);
}

std::string time_section(const CompareOutcome& outcome) {
  Table table("Where the time goes", {"strategy", "tuning", "first epoch", "later epochs", "evaluation",
                                      "to within half a point of full", "updates until then"});
  for (const StrategySummary& s : outcome.summaries) {
    if (!ended_well(s)) continue;
    const bool known = s.first_epoch_seconds > 0;
    if (!known && !(s.tuning_seconds > 0) && !(s.evaluation_seconds > 0) && !s.seconds_to_full) continue;
    table.add({name_cell(s), positive_cell(s.tuning_seconds, seconds_text),
               positive_cell(s.first_epoch_seconds, seconds_text),
               known ? positive_cell(s.seconds.mean - s.first_epoch_seconds, seconds_text) : Cell(),
               positive_cell(s.evaluation_seconds, seconds_text),
               s.seconds_to_full ? Cell(seconds_text(*s.seconds_to_full), *s.seconds_to_full) : Cell(),
               s.steps_to_full ? Cell(short_number(*s.steps_to_full, 6), *s.steps_to_full) : Cell()});
  }
  std::string html = table.html();
  const bool reached = std::any_of(outcome.summaries.begin(), outcome.summaries.end(),
                                   [](const StrategySummary& s) { return s.seconds_to_full.has_value(); });
  if (!table.empty()) html += soft("Means per run; tuning is all of its trials together.");
  if (reached)
    html += soft(
        "To within half a point: training seconds until the validation metric first came that close to "
        "tuned full's, the median over runs; empty where fewer than half of the runs came there.");
  if (outcome.full_spread)
    html += paragraph(concat("How full's ", metric_name(outcome.metric), " varies: by ",
                             short_number(outcome.full_spread->draw, 2),
                             " from one labelled subset to another, and by ",
                             short_number(outcome.full_spread->seed, 2),
                             " from one seed to another on the same subset (standard deviations)."));
  return html;
}

}  // namespace thaw::report
