// report.html: one page without a script or a file from elsewhere. The result table, an accuracy strip per
// strategy, and for each strategy the timeline of what was trainable and at which learning rate.
#include <algorithm>
#include <cmath>

#include "finetune/compare/output.h"
#include "finetune/units.h"

namespace thaw {
namespace {

constexpr const char* kStyle = R"(
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #59636e; --line: #d1d9e0; --paper: #ffffff; --bar: #0969da;
  --frozen: #eaeef2; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9198a1; --line: #3d444d; --paper: #0d1117;
  --bar: #4493f8; --frozen: #21262d; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 78rem;
  margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.6rem; margin: .5rem 0; } h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 .25rem; } p, li { max-width: 46rem; } .soft { color: var(--soft); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } th { font-weight: 600; }
svg { width: 100%; height: auto; display: block; } svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
.stamp { border: 1px solid var(--line); border-radius: .3rem; padding: .1rem .4rem; }
@media print { body { max-width: none; } h3 { break-after: avoid; } svg { break-inside: avoid; } }
)";

std::string escape(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '&')
      out += "&amp;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

// -- the result table

void write_table(std::ostream& html, const CompareOutcome& outcome) {
  html << "<div class=scroll><table><thead><tr><th scope=col>strategy<th scope=col>test " << outcome.metric
       << "<th scope=col>95 % interval<th scope=col>difference to full<th scope=col>95 % interval<th "
          "scope=col>beside full<th scope=col>learning rate"
       << "<th scope=col>seconds<th scope=col>FLOPs<th scope=col>peak memory<th scope=col>trainable<th "
          "scope=col>runs</tr></thead><tbody>\n";
  for (const StrategySummary& s : outcome.summaries) {
    html << "<tr><th scope=row>" << escape(s.strategy);
    if (s.runs == s.failed) {
      html << "<td colspan=11>no run ended well (" << s.failed << " of " << s.runs << " failed)</tr>\n";
      continue;
    }
    html << "<td>" << fixed_number(s.value.mean, 4) << "<td>" << fixed_number(s.value.low, 4) << " to "
         << fixed_number(s.value.high, 4);
    if (s.to_full) {
      const Interval& d = s.to_full->simultaneous;
      html << "<td>" << (d.mean > 0 ? "+" : "") << fixed_number(d.mean, 4) << "<td>" << fixed_number(d.low, 4)
           << " to " << fixed_number(d.high, 4) << "<td>" << verdict_text(*s.to_full);
    } else {
      html << "<td><td><td>";
    }
    html << "<td>" << short_number(s.lr, 3) << "<td>" << short_number(s.seconds.mean, 3) << "<td>"
         << short_number(s.flops, 3) << "<td>" << bytes_text(s.peak_bytes.mean) << "<td>"
         << fixed_number(s.trainable, 0) << "<td>" << s.runs - s.failed;
    if (s.failed > 0) html << " (" << s.failed << " failed)";
    html << "</tr>\n";
  }
  html << "</tbody></table></div>\n";
}

// -- a strip of every run's value, the mean and its interval

void write_strip(std::ostream& html, const CompareOutcome& outcome) {
  double least = INFINITY, most = -INFINITY;
  for (const ReportedRun& run : outcome.runs) {
    if (run.status != "ok") continue;
    least = std::min(least, run.value);
    most = std::max(most, run.value);
  }
  if (!(least <= most)) return;
  const double margin = std::max((most - least) * 0.05, 1e-6);
  least -= margin, most += margin;
  constexpr double kLeft = 130, kWidth = 760, kRow = 24;
  const auto x = [&](double value) {
    return kLeft + (std::clamp(value, least, most) - least) / (most - least) * (kWidth - kLeft - 20);
  };
  const double height = kRow * static_cast<double>(outcome.summaries.size()) + 30;
  html << "<svg role=img viewBox=\"0 0 " << kWidth << ' ' << height << "\" aria-label=\"Test "
       << outcome.metric << " of every run by strategy; the numbers are in the table\">\n";
  double y = kRow / 2;
  for (const StrategySummary& s : outcome.summaries) {
    html << "<text x=0 y=" << y + 4 << '>' << escape(s.strategy) << "</text>";
    if (s.runs > s.failed)
      html << "<line x1=" << x(s.value.low) << " x2=" << x(s.value.high) << " y1=" << y << " y2=" << y
           << " stroke=\"var(--bar)\" stroke-width=6 stroke-opacity=.35 /><line x1=" << x(s.value.mean)
           << " x2=" << x(s.value.mean) << " y1=" << y - 8 << " y2=" << y + 8
           << " stroke=\"var(--bar)\" stroke-width=3 />";
    for (const ReportedRun& run : outcome.runs)
      if (run.strategy == s.strategy && run.status == "ok")
        html << "<circle r=3 fill=none stroke=\"var(--ink)\" cx=" << x(run.value) << " cy=" << y
             << "><title>seed " << run.seed << ": " << fixed_number(run.value, 4) << "</title></circle>";
    html << '\n';
    y += kRow;
  }
  html << "<text x=" << kLeft << " y=" << y + 8 << '>' << fixed_number(least, 3)
       << "</text><text text-anchor=end x=" << kWidth - 20 << " y=" << y + 8 << '>' << fixed_number(most, 3)
       << "</text></svg>\n";
}

// -- groups x updates: trainable, and at which learning rate

class TimelineWriter {
 public:
  TimelineWriter(std::ostream& html, const StrategyPicture& picture, double lr)
      : html_(html), picture_(picture), lr_(lr) {
    for (const TimelineSegment& part : picture.timeline)
      for (std::int64_t k = part.segment.begin; k < part.segment.end; ++k)
        for (const TimelineCell& cell : part.groups) highest_ = std::max(highest_, rate(cell, k));
  }

  void write() {
    const auto groups = static_cast<int>(picture_.groups.size());
    const double height = kRow * groups + 22;
    html_ << "<svg role=img viewBox=\"0 0 " << kWidth << ' ' << height << "\" aria-label=\"" << description()
          << "\">\n";
    for (int g = 0; g < groups; ++g) write_group(g, kRow * (groups - 1 - g));
    html_ << "<text x=" << kLeft << " y=" << height - 4
          << ">update 1</text><text text-anchor=end x=" << kWidth << " y=" << height - 4 << '>'
          << picture_.schedule.size() << "</text></svg>\n<p class=soft>" << description() << "</p>\n";
  }

 private:
  static constexpr double kLeft = 130, kWidth = 760, kRow = 18;
  static constexpr std::int64_t kColumns = 80;

  double rate(const TimelineCell& cell, std::int64_t update) const {
    if (cell.trainable == 0) return 0;
    return lr_ * picture_.schedule[static_cast<std::size_t>(update)] * cell.lr_mult_max;
  }

  double x(double update) const {
    return kLeft + update / static_cast<double>(picture_.schedule.size()) * (kWidth - kLeft);
  }

  void write_group(int group, double y) const {
    html_ << "<text x=0 y=" << y + 13 << '>' << escape(picture_.groups[static_cast<std::size_t>(group)])
          << "</text>";
    const auto total = static_cast<std::int64_t>(picture_.schedule.size());
    const std::int64_t step = std::max<std::int64_t>(1, total / kColumns);
    for (const TimelineSegment& part : picture_.timeline) {
      const TimelineCell& cell = part.groups[static_cast<std::size_t>(group)];
      if (cell.trainable == 0) {
        write_cell(part.segment.begin, part.segment.end, y, 0, cell);
        continue;
      }
      for (std::int64_t k = part.segment.begin; k < part.segment.end; k += step)
        write_cell(k, std::min(k + step, part.segment.end), y, rate(cell, k), cell);
    }
    html_ << '\n';
  }

  // Height as well as colour says the rate: the strip can be read without colour.
  void write_cell(std::int64_t begin, std::int64_t end, double y, double lr, const TimelineCell& cell) const {
    const double left = x(static_cast<double>(begin));
    const double width = x(static_cast<double>(end)) - left;
    if (lr <= 0) {
      html_ << "<rect fill=\"var(--frozen)\" x=" << fixed_number(left, 1) << " y=" << y + 1
            << " width=" << fixed_number(width, 1) << " height=" << kRow - 3 << " />";
      return;
    }
    // Three decades of learning rate from the floor to full height.
    const double level = std::clamp(1 + std::log10(lr / highest_) / 3, 0.12, 1.0);
    const double height = level * (kRow - 3);
    html_ << "<rect fill=\"var(--bar)\" fill-opacity=" << fixed_number(0.35 + 0.65 * level, 2)
          << " x=" << fixed_number(left, 1) << " y=" << fixed_number(y + 1 + (kRow - 3) - height, 1)
          << " width=" << fixed_number(width + 0.2, 1) << " height=" << fixed_number(height, 1)
          << "><title>updates " << begin + 1 << " to " << end << ": learning rate " << short_number(lr, 3)
          << ", " << cell.trainable << " of " << cell.elements << " trainable</title></rect>";
  }

  std::string description() const {
    std::string text;
    for (const TimelineSegment& part : picture_.timeline) {
      std::string names;
      for (std::size_t g = picture_.groups.size(); g-- > 0;)
        if (part.groups[g].trainable > 0) names += (names.empty() ? "" : ", ") + picture_.groups[g];
      text += concat(text.empty() ? "" : "; ", "updates ", part.segment.begin + 1, " to ", part.segment.end,
                     " train ", names.empty() ? "nothing" : names);
    }
    return escape(text);
  }

  std::ostream& html_;
  const StrategyPicture& picture_;
  double lr_;
  double highest_ = 1e-30;
};

void write_ledger(std::ostream& html, const Ledger& ledger) {
  html << "<div class=scroll><table><thead><tr><th scope=col>updates<th scope=col>trainable<th "
          "scope=col>forward"
       << "<th scope=col>input gradients<th scope=col>weight gradients<th scope=col>optimizer<th "
          "scope=col>saved activations"
       << "<th scope=col>measured<th scope=col>gradients<th scope=col>optimizer state</tr></thead><tbody>\n";
  for (const LedgerPhase& row : ledger.phases) {
    html << "<tr><td>" << row.begin + 1 << " to " << row.end << "<td>"
         << fixed_number(100.0 * static_cast<double>(row.trainable) /
                             static_cast<double>(std::max<std::int64_t>(row.parameters, 1)),
                         1)
         << " %";
    for (const double flops : row.predicted.flops) html << "<td>" << short_number(flops, 3);
    html << "<td>" << bytes_text(static_cast<double>(row.predicted.saved_bytes)) << "<td>"
         << (row.was_measured ? bytes_text(static_cast<double>(row.measured.saved_bytes)) : "-") << "<td>"
         << bytes_text(static_cast<double>(row.predicted.gradient_bytes)) << "<td>"
         << bytes_text(static_cast<double>(row.predicted.optimizer_bytes)) << "</tr>\n";
  }
  html << "</tbody></table></div>\n";
  for (const LedgerPhase& row : ledger.phases)
    if (!row.blocked_by.empty())
      html << "<p class=soft>Updates " << row.begin + 1 << " to " << row.end
           << ": gradients flow down to <code>" << escape(row.blocked_by)
           << "</code>, through frozen layers above it.</p>\n";
}

}  // namespace

std::string report_html(const Config& config, const CompareOutcome& outcome) {
  std::ostringstream html;
  html << "<!doctype html>\n<html lang=en><head><meta charset=utf-8><meta name=viewport "
          "content=\"width=device-width, "
          "initial-scale=1\"><title>thaw: "
       << escape(config.name) << "</title><style>" << kStyle
       << "</style></head><body>\n<h1>Freezing strategies: " << escape(config.name)
       << "</h1>\n<p><span class=stamp>"
       << (outcome.tuned ? "learning rates tuned on validation data" : "untuned: compares recipes")
       << "</span></p>\n<p>Every strategy ran with the same " << config.compare.seeds
       << " seeds; the test data were looked at once per run. Intervals are 95 %: of values by Student's t "
          "over seeds, of differences by a bootstrap of seeds and test examples, paired, and for all "
          "strategies at "
          "once. Seconds are of training alone.</p>\n";
  if (!outcome.notes.empty()) {
    html << "<ul class=soft>";
    for (const std::string& note : outcome.notes) html << "<li>" << escape(note);
    html << "</ul>\n";
  }
  html << "<h2>Result</h2>\n";
  write_table(html, outcome);
  write_strip(html, outcome);
  html << "<h2>What was trainable, and what it cost</h2>\n<p class=soft>A bar is trainable, its height and "
          "depth the "
          "learning rate on a logarithmic scale; flat grey is frozen. FLOPs and bytes are of one update, "
          "predicted by "
          "running the step on the meta device.</p>\n";
  for (const StrategyPicture& picture : outcome.pictures) {
    html << "<h3>" << escape(picture.strategy) << "</h3>\n";
    const auto summary =
        std::find_if(outcome.summaries.begin(), outcome.summaries.end(),
                     [&](const StrategySummary& s) { return s.strategy == picture.strategy; });
    TimelineWriter(html, picture, summary->lr).write();
    write_ledger(html, picture.ledger);
  }
  html << "<h2>To run it again</h2>\n<pre class=scroll>" << escape(to_toml(config))
       << "</pre>\n</body></html>\n";
  return html.str();
}

}  // namespace thaw
