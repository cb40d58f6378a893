// report.html: one page that needs nothing else, neither a network nor a script. The script that it holds
// sorts tables and saves figures; without it the page is complete.
#include <string>
#include <vector>

#include "core/error.h"
#include "finetune/config/config_text.h"
#include "finetune/report/comparison_files.h"
#include "finetune/report/html/html.h"
#include "finetune/report/html/sections.h"
#include "finetune/report/verdict.h"

namespace thaw {
namespace report {
namespace {

std::string stamps(const CompareOutcome& outcome) {
  std::string html;
  const auto stamp = [&](const std::string& words) {
    html += "<span class=\"stamp\">" + escape(words) + "</span> ";
  };
  if (outcome.interrupted) stamp("interrupted");
  stamp(outcome.tuned ? "tuned on validation data" : "untuned: compares recipes");
  if (!outcome.earlier_looks.empty()) stamp("exploratory: the test data had been looked at before");
  if (!outcome.budget.empty()) stamp(outcome.budget);
  return "<p>" + html + "</p>\n";
}

std::string strategy_details(const CompareOutcome& outcome, const StrategyPicture& picture, bool is_open) {
  const StrategySummary* summary = find_summary(outcome, picture.strategy);
  const std::string curves = curve_figures(outcome, picture.strategy);
  const std::string figures = timeline_figure(picture, summary != nullptr ? summary->lr : 0) + curves +
                              watch_figures(outcome, picture);
  std::string html =
      concat("<details", is_open ? " open=\"open\"" : "", " id=\"strategy-", anchor(picture.strategy),
             "\"><summary>", escape(picture.strategy), "</summary>\n");
  if (summary != nullptr && !summary->about.empty()) html += soft(summary->about);
  if (!figures.empty()) html += "<div class=\"figures\">" + figures + "</div>\n";
  if (curves.empty()) html += soft("No learning curves: no evaluation was recorded on the way.");
  return html + ledger_tables(picture) + "</details>\n";
}

std::string strategies_section(const CompareOutcome& outcome) {
  if (outcome.pictures.empty()) return "";
  std::string html = soft(
      "In a timeline a bar is trainable, its height and depth the learning rate on a logarithmic scale; an "
      "outlined bar trains a part of the group, a bare line is frozen. FLOPs and bytes are of one update: "
      "predicted by running the step without data, and counted while it ran on the first reported seed.");
  for (std::size_t i = 0; i < outcome.pictures.size(); ++i)
    html += strategy_details(outcome, outcome.pictures[i], i == 0);
  return html;
}

std::string contents(const std::vector<Part>& parts) {
  std::string links;
  for (const Part& part : parts)
    if (!part.body.empty()) links += concat("<a href=\"#", part.id, "\">", part.title, "</a> ");
  return "<nav aria-label=\"Contents\">" + links + "</nav>\n";
}

std::string sections(const std::vector<Part>& parts) {
  std::string html;
  for (const Part& part : parts)
    if (!part.body.empty())
      html += concat("<section aria-labelledby=\"", part.id, "\"><h2 id=\"", part.id, "\">", part.title,
                     "</h2>\n", part.body, "</section>\n");
  return html;
}

}  // namespace

std::string page(const std::string& title, const std::string& heading, const std::string& head,
                 const std::vector<Part>& parts) {
  return concat(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/><meta name=\"viewport\" "
      "content=\"width=device-width, initial-scale=1\"/><title>thaw: ",
      escape(title), "</title><style>", style_sheet(), "</style><style id=\"figure-style\">", figure_style(),
      "</style></head><body>\n<header><h1>", escape(heading), "</h1>\n", head, contents(parts),
      "</header>\n<main>\n", sections(parts), "</main>\n<script>", page_script(),
      "</script></body></html>\n");
}

}  // namespace report

std::string report_html(const Config& config, const CompareOutcome& outcome) {
  using namespace report;
  const std::string name = outcome.name.empty() ? config.name : outcome.name;
  const std::string toml = outcome.config.empty() ? to_toml(config) : outcome.config;
  const std::vector<Part> parts{
      {"result", "Result", result_figures(outcome) + result_tables(outcome)},
      {"tuning", "Tuning", tuning_section(outcome)},
      {"pareto", "Gain and cost", pareto_section(outcome) + time_section(outcome)},
      {"strategies", "Strategy by strategy", strategies_section(outcome)},
      {"confusion", "Confusion", confusion_section(outcome)},
      {"data", "Data", data_section(outcome)},
      {"repeat", "To repeat it", repeat_section(outcome, toml)},
  };
  return page(name, "Freezing strategies: " + name,
              stamps(outcome) + "<p class=\"verdict\">" + escape(verdict_paragraph(outcome)) + "</p>\n",
              parts);
}

}  // namespace thaw
