// The parts of the report's page, each as HTML. A part for which the comparison has no data is "", or a
// line that says why it is missing.
#pragma once

#include <string>
#include <vector>

#include "finetune/report/comparison.h"

namespace thaw::report {

// A whole page. `head`: HTML below the title.
struct Part {
  const char *id, *title;
  std::string body;  // empty: left out
};
std::string page(const std::string& title, const std::string& heading, const std::string& head,
                 const std::vector<Part>& parts);

const char* style_sheet();   // of the page
const char* figure_style();  // of what is inside figures; a saved figure takes it along
const char* page_script();

std::string result_tables(const CompareOutcome& outcome);   // what it gives, what it costs, further metrics
std::string result_figures(const CompareOutcome& outcome);  // every run; differences to full; ranks
std::string tuning_section(const CompareOutcome& outcome);  // the metric against the learning rate
std::string pareto_section(const CompareOutcome& outcome);  // the metric against seconds and against bytes
std::string time_section(const CompareOutcome& outcome);    // seconds told apart; parts of the spread

// Of one strategy.
std::string timeline_figure(const StrategyPicture& picture, double lr);
std::string curve_figures(const CompareOutcome& outcome, const std::string& strategy);
std::string watch_figures(const CompareOutcome& outcome, const StrategyPicture& picture);
std::string ledger_tables(const StrategyPicture& picture);

std::string confusion_section(const CompareOutcome& outcome);  // which classes are taken for which
std::string data_section(const CompareOutcome& outcome);
std::string repeat_section(const CompareOutcome& outcome, const std::string& config);

const StrategySummary* find_summary(const CompareOutcome& outcome, const std::string& strategy);
bool ended_well(const StrategySummary& summary);     // some run did
std::string metric_name(const std::string& metric);  // for people: "accuracy", "macro F1", ..

}  // namespace thaw::report
