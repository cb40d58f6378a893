#include "finetune/report/html/appendix.h"

#include <algorithm>
#include <set>

#include "core/error.h"
#include "finetune/common/units.h"
#include "finetune/report/html/html.h"
#include "finetune/report/prediction.h"
#include "finetune/report/verdict.h"

namespace thaw::report {
namespace {

constexpr std::size_t kMostClasses = 50;

// A list of names and what they are; those without a text are left out.
std::string definitions(const std::vector<std::pair<std::string, std::string>>& items) {
  std::string html;
  for (const auto& [name, text] : items)
    if (!text.empty()) html += "<dt>" + escape(name) + "</dt><dd>" + escape(text) + "</dd>\n";
  return html.empty() ? "" : "<dl>" + html + "</dl>\n";
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text;
  for (const std::int64_t size : shape) text += concat(text.empty() ? "" : " \xc3\x97 ", size);
  return text;
}

std::string number_or_nothing(std::int64_t n) { return n > 0 ? std::to_string(n) : ""; }

Cell count_cell(const std::vector<std::int64_t>& counts, std::size_t i) {
  return i < counts.size() ? Cell(std::to_string(counts[i]), static_cast<double>(counts[i])) : Cell();
}

std::string class_table(const DataCard& data) {
  Table table("Samples of each class", {"class", "training", "validation", "test"});
  for (std::size_t i = 0; i < std::min(data.classes.size(), kMostClasses); ++i)
    table.add({Cell(data.classes[i]), count_cell(data.train_counts, i), count_cell(data.validation_counts, i),
               count_cell(data.test_counts, i)});
  std::string html = table.html();
  if (data.classes.size() > kMostClasses)
    html += soft(concat("The first ", kMostClasses, " of ", data.classes.size(), " classes are shown."));
  return html;
}

std::string seeds_text(const CompareOutcome& outcome) {
  std::set<std::uint64_t> seeds;
  for (const ReportedRun& run : outcome.runs) seeds.insert(run.seed);
  std::vector<std::string> words;
  words.reserve(seeds.size());
  for (const std::uint64_t seed : seeds) words.push_back(std::to_string(seed));
  return words_list(words);
}

std::string list_of(const std::vector<std::string>& items) {
  std::string html;
  for (const std::string& item : items) html += "<li>" + escape(item) + "</li>\n";
  return html.empty() ? "" : "<ul>" + html + "</ul>\n";
}

// A size of 0 differs between samples.
std::string sample_text(const std::vector<std::int64_t>& shape) {
  if (shape.empty() || shape.front() != 0) return shape_text(shape);
  return shape.size() == 1 ? "a text" : "a sound";
}

}  // namespace

std::string data_section(const CompareOutcome& outcome) {
  const DataCard& data = outcome.data;
  std::string html =
      definitions({{"source", data.source},
                   {"a sample", sample_text(data.sample_shape)},
                   {"training samples to draw from", number_or_nothing(data.pool)},
                   {"training", number_or_nothing(data.train)},
                   {"validation", number_or_nothing(data.validation)},
                   {"test", number_or_nothing(data.test)},
                   {"classes", number_or_nothing(static_cast<std::int64_t>(data.classes.size()))},
                   {"groups", data.groups},
                   {"duplicates", data.duplicates},
                   {"pretraining", data.pretraining}}) +
      class_table(data);
  if (html.empty()) html = soft("No data card was recorded.");
  if (!outcome.notes.empty()) html += "<h3 id=\"notes\">Notes</h3>\n" + list_of(outcome.notes);
  return html;
}

std::string repeat_section(const CompareOutcome& outcome, const std::string& config) {
  std::string html = definitions(
      {{"thaw", outcome.version},
       {"compiler", outcome.compiler},
       {"CPU", outcome.cpu},
       {"threads", std::to_string(outcome.threads)},
       {"budget of a run", outcome.budget},
       {"seeds", seeds_text(outcome)},
       {"test evaluations", outcome.test_evaluations > 0
                                ? count_of(outcome.test_evaluations, "evaluation") + " of reported runs"
                                : ""},
       {"earlier comparisons on the same test data",
        outcome.earlier_evaluations.empty() ? "none known"
                                            : std::to_string(outcome.earlier_evaluations.size())},
       {"SHA-256 of the prediction", hash_of(outcome.prediction)},
       {"the prediction", outcome.prediction ? outcome.prediction->text : ""}});
  if (!outcome.earlier_evaluations.empty())
    html += paragraph("Earlier comparisons on the same test data:") + list_of(outcome.earlier_evaluations);
  if (config.empty()) return html;
  html +=
      "<p>In this page's folder, the whole comparison and one run of it:</p>\n<pre class=\"scroll\" "
      "tabindex=\"0\">" +
      escape(concat("thaw compare config.toml --threads ", outcome.threads, " --out again\n"));
  const auto run = std::find_if(outcome.runs.begin(), outcome.runs.end(),
                                [](const ReportedRun& r) { return r.strategy == "full"; });
  if (run != outcome.runs.end())
    html += escape(concat("thaw train ", run->strategy, "/seed-", run->seed, "/config.toml --threads ",
                          outcome.threads, " --out one-run\n"));
  return html +
         "</pre>\n<p><code>config.toml</code>, with every default written out:</p>\n<pre class=\"scroll\" "
         "tabindex=\"0\">" +
         escape(config) + "</pre>\n";
}

}  // namespace thaw::report
