#include "finetune/report/html/comparison_page.h"

#include <vector>

#include "core/error.h"
#include "finetune/config/config_text.h"
#include "finetune/report/html/appendix.h"
#include "finetune/report/html/confusion.h"
#include "finetune/report/html/curves.h"
#include "finetune/report/html/html.h"
#include "finetune/report/html/ledger.h"
#include "finetune/report/html/outcome.h"
#include "finetune/report/html/page.h"
#include "finetune/report/html/pareto.h"
#include "finetune/report/html/runs.h"
#include "finetune/report/html/tables.h"
#include "finetune/report/html/timeline.h"
#include "finetune/report/html/tuning.h"
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
  if (!outcome.earlier_evaluations.empty()) stamp("exploratory: the test data had been evaluated on before");
  if (!outcome.budget.empty()) stamp(outcome.budget);
  return "<p>" + html + "</p>\n";
}

std::string strategy_details(const CompareOutcome& outcome, const StrategyPicture& picture, bool is_open) {
  const StrategySummary* summary = find_summary(outcome, picture.strategy);
  const std::string curves = curve_figures(outcome, picture.strategy);
  const std::string figures = timeline_figure(picture, summary != nullptr ? summary->lr : 0) + curves +
                              statistic_figures(outcome, picture);
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

}  // namespace
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
  std::string points;
  for (const std::string& point : verdict_points(outcome)) points += "<li>" + escape(point) + "</li>\n";
  return page(name, "Freezing strategies: " + name,
              stamps(outcome) + "<ul class=\"verdict\">\n" + points + "</ul>\n", parts);
}

}  // namespace thaw
