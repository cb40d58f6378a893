#include "finetune/report/html/confusion.h"

#include <algorithm>
#include <vector>

#include "core/error.h"
#include "finetune/common/units.h"
#include "finetune/report/html/html.h"
#include "finetune/report/verdict.h"
#include "finetune/task/confusion.h"

namespace thaw::report {
namespace {

constexpr std::size_t kDrawnClasses = 20;  // of a matrix that can be read
constexpr std::size_t kMostMistakes = 15;  // listed instead

// Of all runs that ended well; empty where one of them has none, as of a journal from before it was kept, or
// names classes that there are not.
Confusion total_of(const std::string& strategy, const CompareOutcome& outcome) {
  const auto classes = static_cast<std::int64_t>(outcome.data.classes.size());
  const auto is_class = [classes](std::int64_t c) { return c >= 0 && c < classes; };
  Confusion total;
  for (const ReportedRun& run : outcome.runs) {
    if (run.strategy != strategy || run.status != RunStatus::ok) continue;
    if (run.confusion.empty()) return {};
    for (const auto& [pair, count] : run.confusion)
      if (!is_class(pair.first) || !is_class(pair.second)) return {};
    add(run.confusion, total);
  }
  return total;
}

std::string ratio_text(const std::optional<double>& ratio) { return ratio ? fixed_number(*ratio, 3) : "-"; }

// Shaded by its share of the row's samples.
std::string count_cell(std::int64_t count, std::int64_t row, bool right) {
  const double share = row > 0 ? static_cast<double>(count) / static_cast<double>(row) : 0;
  const char* colour = right ? "0 128 92" : "193 78 0";
  const std::string shade = count > 0 ? concat(" style=\"background-color: rgb(", colour, " / ",
                                               fixed_number(0.6 * share, 3), ")\"")
                                      : "";
  return concat("<td", shade, ">", count, "</td>");
}

std::string matrix(const std::string& caption, const std::vector<std::string>& classes,
                   const Confusion& confusion) {
  const std::vector<ClassScore> scores = class_scores(confusion, classes.size());
  std::string html = concat("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"",
                            escape(caption), "\"><table><caption>", escape(caption),
                            "</caption><thead><tr><th scope=\"col\">", "class \\ answer</th>");
  for (const std::string& name : classes) html += "<th scope=\"col\">" + escape(name) + "</th>";
  html +=
      "<th scope=\"col\">samples</th><th scope=\"col\">recall</th><th "
      "scope=\"col\">F1</th></tr></thead><tbody>\n";
  for (std::size_t label = 0; label < classes.size(); ++label) {
    html += "<tr><th scope=\"row\">" + escape(classes[label]) + "</th>";
    for (std::size_t answer = 0; answer < classes.size(); ++answer) {
      const auto found = confusion.find({label, answer});
      html +=
          count_cell(found == confusion.end() ? 0 : found->second, scores[label].support, label == answer);
    }
    html += concat("<td>", scores[label].support, "</td><td>", ratio_text(scores[label].recall), "</td><td>",
                   ratio_text(scores[label].f1), "</td></tr>\n");
  }
  html += "<tr><th scope=\"row\">precision</th>";
  for (const ClassScore& score : scores) html += "<td>" + ratio_text(score.precision) + "</td>";
  return html + "<td></td><td></td><td></td></tr>\n</tbody></table></div>\n";
}

std::string mistakes(const std::string& caption, const std::vector<std::string>& classes,
                     const Confusion& confusion) {
  const std::vector<ClassScore> scores = class_scores(confusion, classes.size());
  std::vector<std::pair<std::pair<std::int64_t, std::int64_t>, std::int64_t>> wrong;
  for (const auto& entry : confusion)
    if (entry.first.first != entry.first.second) wrong.emplace_back(entry);
  std::stable_sort(wrong.begin(), wrong.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  if (wrong.size() > kMostMistakes) wrong.erase(wrong.begin() + kMostMistakes, wrong.end());
  Table table(caption, {"class", "taken for", "times", "of the class's samples"});
  for (const auto& [pair, count] : wrong) {
    const auto label = static_cast<std::size_t>(pair.first);
    const double share = static_cast<double>(count) / static_cast<double>(scores[label].support);
    table.add({classes[label], classes[static_cast<std::size_t>(pair.second)],
               Cell(std::to_string(count), static_cast<double>(count)), Cell(percent_text(share), share)});
  }
  return wrong.empty() ? soft(caption + ": none.") : table.html();
}

}  // namespace

std::string confusion_section(const CompareOutcome& outcome) {
  const std::vector<std::string>& classes = outcome.data.classes;
  const bool drawn = classes.size() <= kDrawnClasses;
  std::string html;
  for (const StrategySummary& s : outcome.summaries) {
    if (s.is_baseline) continue;
    const Confusion confusion = total_of(s.strategy, outcome);
    if (confusion.empty()) continue;
    const std::string caption =
        concat(s.strategy, drawn ? ": samples of each class by answer, " : ": the most frequent mistakes, ",
               count_of(s.runs - s.failed, "run"), " together");
    html += concat(
        "<details", html.empty() ? " open=\"open\"" : "", "><summary>", escape(s.strategy), "</summary>\n",
        drawn ? matrix(caption, classes, confusion) : mistakes(caption, classes, confusion), "</details>\n");
  }
  if (html.empty()) return "";
  return soft(drawn ? "On the test data. A row is a true class, a column an answer; shades are shares of the "
                      "row."
                    : concat("On the test data. There are ", classes.size(), " classes, more than the ",
                             kDrawnClasses,
                             " that a matrix is drawn for; `thaw eval --json` gives a whole one.")) +
         html;
}

}  // namespace thaw::report
