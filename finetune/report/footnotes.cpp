#include "finetune/report/footnotes.h"

#include <algorithm>
#include <map>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/common/units.h"
#include "finetune/report/verdict.h"

namespace thaw {
namespace {

bool is_below_probe(const StrategySummary& s) { return s.below_probe; }
bool is_exploratory(const StrategySummary& s) { return s.exploratory; }
bool never_began(const StrategySummary& s) { return !s.never_began.empty(); }
bool kept_earlier_phase(const StrategySummary& s) { return s.kept_earlier_phase > 0; }

// "head: its training loss ..; it had 12 updates ..", of those of which something was seen.
std::string below_probe_words(const CompareOutcome& outcome) {
  std::string text = "below the probe: a worse mean than the probe's";
  for (const StrategySummary& s : outcome.summaries)
    if (s.below_probe && !s.below_probe_why.empty())
      text += concat(". ", s.strategy, ": ", joined(s.below_probe_why, "; "));
  return text;
}

std::string never_began_words(const CompareOutcome& outcome) {
  std::string text = "runs of it ended before a phase of its plan began";
  for (const StrategySummary& s : outcome.summaries)
    if (never_began(s)) text += concat("; ", s.strategy, ": ", joined(s.never_began));
  return text;
}

std::string kept_earlier_words(const CompareOutcome& outcome) {
  std::string text = "train.restore_best kept weights from before its last phase";
  for (const StrategySummary& s : outcome.summaries)
    if (kept_earlier_phase(s))
      text += concat("; ", s.strategy, ": in ", s.kept_earlier_phase, " of ", count_of(s.runs, "run"));
  return text;
}

struct FootnoteKind {
  bool (*applies)(const StrategySummary&);
  std::string (*words)(const CompareOutcome&);
};

constexpr FootnoteKind kFootnotes[] = {
    {is_below_probe, below_probe_words},
    {never_began, never_began_words},
    {kept_earlier_phase, kept_earlier_words},
    {is_exploratory,
     [](const CompareOutcome&) {
       return std::string("exploratory: added after the test data had been evaluated on");
     }},
};

}  // namespace

std::vector<Footnote> footnotes_of(const CompareOutcome& outcome) {
  std::vector<Footnote> footnotes;
  for (const FootnoteKind& kind : kFootnotes)
    if (std::any_of(outcome.summaries.begin(), outcome.summaries.end(), kind.applies))
      footnotes.push_back({kind.applies, kind.words(outcome)});
  return footnotes;
}

std::string rates_text(const CompareOutcome& outcome) {
  if (!(outcome.lr > 0)) return "";
  std::map<double, std::vector<std::string>> by_scale;
  for (const StrategySummary& s : outcome.summaries)
    if (s.lr_scale > 0) by_scale[s.lr_scale].push_back(s.strategy);
  by_scale.erase(1);
  if (by_scale.empty()) return "";
  std::string text = concat(" Learning rates are tried around train.lr = ", short_number(outcome.lr));
  for (const auto& [scale, names] : by_scale)
    text += concat(", for ", words_list(names), " around ", short_number(scale), " times it");
  return text + ".";
}

}  // namespace thaw
