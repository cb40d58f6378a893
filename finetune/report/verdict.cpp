#include "finetune/report/verdict.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "core/error.h"
#include "finetune/common/units.h"
#include "finetune/report/prediction.h"
#include "finetune/task/metrics.h"

namespace thaw {
namespace {

using Summaries = std::vector<const StrategySummary*>;

std::vector<std::string> names_of(const Summaries& summaries) {
  std::vector<std::string> names;
  for (const StrategySummary* s : summaries) names.push_back(s->strategy);
  return names;
}

bool has_value(const StrategySummary& s) { return s.runs > s.failed; }

class VerdictWriter {
 public:
  explicit VerdictWriter(const CompareOutcome& outcome)
      : outcome_(outcome), higher_(outcome.metric.empty() || higher_is_better(outcome.metric)) {
    for (const StrategySummary& s : outcome.summaries) {
      if (s.is_baseline) {
        baselines_.push_back(&s);
        continue;
      }
      strategies_.push_back(&s);
      if (s.strategy == "full") full_ = &s;
      if (s.to_full && s.strategy != "full") judged_.push_back(&s);
    }
  }

  // What is established, what is not, what was best and cheapest, how sure that is.
  std::vector<std::string> points() {
    const bool has_result = !strategies_.empty() && any_value();
    if (outcome_.interrupted)
      say(concat("The comparison was interrupted after ", count_of(run_count(), "reported run"),
                 ": nothing is judged."));
    else if (!has_result)
      say("No strategy has a run that ended well: there is nothing to compare.");
    if (has_result) results();
    point(&VerdictWriter::failures);
    if (has_result) point(&VerdictWriter::prediction);
    std::erase(points_, "");
    return points_;
  }

 private:
  void results() {
    point(&VerdictWriter::differences);
    point(&VerdictWriter::baselines);
    point(&VerdictWriter::undetected);
    point(&VerdictWriter::best);
    point(&VerdictWriter::cheapest);
    if (!outcome_.interrupted) point(&VerdictWriter::extent);
    point(&VerdictWriter::caveats);
  }

  // What `part` says is a point of its own.
  void point(void (VerdictWriter::*part)()) {
    points_.emplace_back();
    (this->*part)();
  }
  void say(const std::string& sentence) {
    if (points_.empty()) points_.emplace_back();
    points_.back() += (points_.back().empty() ? "" : " ") + sentence;
  }

  bool any_value() const {
    return std::any_of(strategies_.begin(), strategies_.end(), [](const auto* s) { return has_value(*s); });
  }

  std::int64_t run_count() const { return static_cast<std::int64_t>(outcome_.runs.size()); }

  std::int64_t seed_count() const {
    std::set<std::uint64_t> seeds;
    for (const ReportedRun& run : outcome_.runs) seeds.insert(run.seed);
    if (!seeds.empty()) return static_cast<std::int64_t>(seeds.size());
    return full_ != nullptr ? full_->runs : strategies_.front()->runs;
  }

  std::size_t draw_count() const {
    std::set<std::uint64_t> draws;
    for (const ReportedRun& run : outcome_.runs) draws.insert(run.draw);
    return draws.size();
  }

  // Reported runs differ in seed, in the training subset that was drawn, or in both.
  std::string seeds_text() const {
    std::string text = count_of(seed_count(), "seed");
    if (outcome_.full_spread && draw_count() > 1)
      text += concat(" over ", draw_count(), " draws of the training subset");
    return text;
  }

  std::string examples_text() const {
    std::int64_t examples = outcome_.data.test;
    for (const ReportedRun& run : outcome_.runs)
      if (examples == 0) examples = static_cast<std::int64_t>(run.test_scores.size());
    return examples > 0 ? concat(" on ", count_of(examples, "test example")) : "";
  }

  void extent() {
    const std::string runs = concat(" with ", seeds_text(), examples_text());
    if (full_ == nullptr) {
      say(concat(words_list(names_of(strategies_)), strategies_.size() == 1 ? " was" : " were", " run", runs,
                 "; full is not among them, so no difference is judged."));
      return;
    }
    if (strategies_.size() == 1) {
      say(concat("full alone was run", runs, ": there is nothing to compare it with."));
      return;
    }
    if (judged_.empty()) {
      say(concat(count_of(static_cast<std::int64_t>(strategies_.size()) - 1, "strategy"),
                 " and full were run", runs, "; ",
                 full_->failed > 0 ? "full did not end well with every seed, so nothing is compared with it."
                                   : "none could be compared with full."));
      return;
    }
    const std::string who =
        judged_.size() == 1 ? judged_.front()->strategy + " was" : concat(judged_.size(), " strategies were");
    say(concat(who, " compared with full, each", runs, "."));
    if (seed_count() == 1) say("With one seed the intervals speak of new test examples, not of new seeds.");
    if (seed_count() > 1 && draw_count() == 1)
      say("With one draw of the training subset the intervals speak of new test examples, not of new draws.");
  }

  void caveats() {
    if (!outcome_.tuned) say("Untuned: this compares recipes, each at the config's learning rate.");
    const auto earlier = static_cast<std::int64_t>(outcome_.earlier_evaluations.size());
    if (earlier > 0)
      say(concat("Exploratory: ", count_of(earlier, "earlier evaluation"), " of the same test data ",
                 earlier == 1 ? "is" : "are", " on record."));
    Summaries added;
    for (const StrategySummary* s : strategies_)
      if (s->exploratory) added.push_back(s);
    if (!added.empty())
      say(concat(words_list(names_of(added)), added.size() == 1 ? " was" : " were",
                 " added after the test data had been evaluated on: exploratory."));
  }

  static Summaries with(Verdict verdict, const Summaries& among) {
    Summaries found;
    for (const StrategySummary* s : among)
      if (s->to_full && s->to_full->verdict == verdict) found.push_back(s);
    return found;
  }

  // "better than full: a; worse than full: b and c", of those of which something can be said.
  static std::string found_differences(const Summaries& among) {
    std::string text;
    const auto add = [&](const std::string& what, const Summaries& found) {
      if (!found.empty()) text += concat(text.empty() ? "" : "; ", what, ": ", words_list(names_of(found)));
    };
    add("better than full", with(Verdict::better, among));
    add("worse than full", with(Verdict::worse, among));
    const Summaries equivalent = with(Verdict::equivalent, among);
    if (!equivalent.empty())
      add("equivalent to full within \xc2\xb1" + short_number(equivalent.front()->to_full->margin, 2),
          equivalent);
    return text;
  }

  void differences() {
    std::string text = found_differences(judged_);
    if (text.empty()) return;
    text[0] = static_cast<char>(text[0] - 'a' + 'A');
    say(text + ".");
  }

  void undetected() {
    const Summaries rest = with(Verdict::undetected, judged_);
    if (!rest.empty()) say(undetected_text(rest));
  }

  // A baseline that is no worse than full is news: what was learnt before may be of no use here.
  void baselines() {
    std::string text = found_differences(baselines_);
    const Summaries rest = with(Verdict::undetected, baselines_);
    if (!rest.empty())
      text +=
          concat(text.empty() ? "" : "; ", "no difference to full detected: ", words_list(names_of(rest)));
    if (!text.empty()) say("Of the baselines: " + text + ".");
  }

  std::string undetected_text(const Summaries& rest) const {
    double least = INFINITY, most = 0;
    bool all = true;
    for (const StrategySummary* s : rest) {
      all &= std::isfinite(s->to_full->detectable);
      if (!std::isfinite(s->to_full->detectable)) continue;
      least = std::min(least, s->to_full->detectable);
      most = std::max(most, s->to_full->detectable);
    }
    std::string size = short_number(least, 2);
    if (short_number(most, 2) != size)
      size += " to " + short_number(most, 2) + ", depending on the strategy,";
    std::string who = concat("For ", words_list(names_of(rest)), " no difference was detected");
    if (rest.size() > 4) who = concat("For the other ", rest.size(), " no difference was detected");
    if (rest.size() == judged_.size()) who = "No difference to full was detected for any of them";
    if (judged_.size() == 1) who = "No difference to full was detected";
    const char* few = "so few seeds or test examples can hardly show any";
    if (!std::isfinite(least)) return concat(who, "; ", few, ".");
    return concat(who, "; a true difference of ", size, " would have been detected with probability 0.8",
                  all ? "" : concat("; for some ", few), ".");
  }

  bool is_better(double a, double b) const { return higher_ ? a > b : a < b; }

  void best() {
    Summaries ended;
    for (const StrategySummary* s : strategies_)
      if (has_value(*s)) ended.push_back(s);
    if (ended.size() > 1) best_mean(ended);
    for (const StrategySummary* s : baselines_)
      if (has_value(*s) && std::all_of(ended.begin(), ended.end(), [&](const auto* other) {
            return is_better(s->value.mean, other->value.mean);
          }))
        say(concat("The baseline ", s->strategy, ", at ", short_number(s->value.mean),
                   ", has a better mean than ", ended.size() == 1 ? "it." : "all of them."));
    Summaries low;
    for (const StrategySummary* s : strategies_)
      if (s->below_probe) low.push_back(s);
    if (!low.empty())
      say(concat(words_list(names_of(low)), low.size() == 1 ? " is" : " are",
                 " below the probe: a worse mean than that linear model's."));
  }

  void best_mean(const Summaries& ended) {
    double value = ended.front()->value.mean;
    for (const StrategySummary* s : ended)
      if (is_better(s->value.mean, value)) value = s->value.mean;
    Summaries best;
    for (const StrategySummary* s : ended)
      if (s->value.mean == value) best.push_back(s);
    const bool one = best.size() == 1;
    std::string text = concat(words_list(names_of(best)), one ? " has" : " share", " the best mean ",
                              metric_words(outcome_.metric), " of the strategies, ", short_number(value),
                              higher_ ? "" : " (lower is better)");
    const auto& ranks = best.front()->rank_probability;
    const bool with_baselines = std::any_of(baselines_.begin(), baselines_.end(),
                                            [](const auto* s) { return !s->rank_probability.empty(); });
    if (one && !ranks.empty())
      text += concat("; it is the best of them", with_baselines ? " and the baselines" : "", " in ",
                     percent_text(ranks[0]), " of the bootstrap draws");
    say(text + ".");
  }

  void failures() {
    std::int64_t failed = 0, runs = 0;
    std::vector<std::string> which;
    for (const StrategySummary& s : outcome_.summaries) {
      failed += s.failed, runs += s.runs;
      if (s.failed > 0) which.push_back(concat(s.strategy, " ", s.failed, " of ", s.runs));
    }
    if (failed == 0) return;
    say(concat(failed, " of ", count_of(runs, "run"), " failed or diverged (", words_list(which),
               "); a strategy with such a run is not judged."));
  }

  void cheapest() {
    if (judged_.empty() || full_ == nullptr || !(full_->flops > 0)) return;
    if (with(Verdict::worse, judged_).size() == judged_.size()) {
      if (judged_.size() > 1) say("Every one of them was found worse than full: none is a cheaper stand-in.");
      return;
    }
    const StrategySummary* least = nullptr;
    for (const StrategySummary* s : judged_)
      if (s->to_full->verdict != Verdict::worse && (least == nullptr || s->flops < least->flops)) least = s;
    if (!(least->flops < full_->flops)) {
      say("None of those that were not found worse needs fewer FLOPs than full.");
      return;
    }
    say(concat(
        "The cheapest strategy not found worse is ", least->strategy,
        least->to_full->verdict == Verdict::undetected ? " (which does not show that it is as good)" : "",
        ": ", flops_text(least->flops), " a run vs. ", flops_text(full_->flops), " of full (",
        percent_text(least->flops / full_->flops), "), ", short_number(least->seconds.mean, 3), " vs. ",
        short_number(full_->seconds.mean, 3), " seconds of training, ", bytes_text(least->peak_bytes.mean),
        " vs. ", bytes_text(full_->peak_bytes.mean), " of memory at the peak."));
  }

  static std::string rivals_text(const Prediction& said) {
    const std::vector<std::string> rivals = rivals_of(said);
    if (rivals.empty()) return "";
    return rivals.size() > 4
               ? concat(" better than the mean of the other ", rivals.size(), " strategies")
               : concat(" better than ", rivals.size() > 1 ? "the mean of " : "", words_list(rivals));
  }

  void prediction() {
    if (!outcome_.prediction) return;
    const Prediction& said = *outcome_.prediction;
    const std::string text = concat("Predicted before the first run (SHA-256 ", said.sha256.substr(0, 12),
                                    "): ", words_list(said.best), rivals_text(said));
    if (!said.contrast) {
      say(text + "; these runs do not allow a judgement of it.");
      return;
    }
    const Contrast& c = *said.contrast;
    const std::string interval =
        concat(short_number(c.simultaneous.low, 2), " to ", short_number(c.simultaneous.high, 2));
    std::string what = "neither supports nor refutes it";
    if (c.verdict == Verdict::better) what = "supports it";
    if (c.verdict == Verdict::worse) what = "refutes it";
    if (c.verdict == Verdict::equivalent)
      what = concat("does not support it: the difference is within \xc2\xb1", short_number(c.margin, 2));
    say(concat(text, ". The 95 % interval of that difference, ", interval, ", ", what, "."));
  }

  const CompareOutcome& outcome_;
  bool higher_;
  Summaries strategies_, baselines_, judged_;
  const StrategySummary* full_ = nullptr;
  std::vector<std::string> points_;
};

}  // namespace

std::string words_list(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i)
    text += (i == 0 ? "" : i + 1 == words.size() ? " and " : ", ") + words[i];
  return text;
}

std::string count_of(std::int64_t n, const std::string& thing) {
  if (n == 1) return "1 " + thing;
  const bool ends_in_y = thing.back() == 'y';
  return concat(n, " ", ends_in_y ? thing.substr(0, thing.size() - 1) + "ies" : thing + "s");
}

std::vector<std::string> verdict_points(const CompareOutcome& outcome) {
  return VerdictWriter(outcome).points();
}

std::string verdict_paragraph(const CompareOutcome& outcome) {
  std::string text;
  for (const std::string& point : verdict_points(outcome)) text += (text.empty() ? "" : " ") + point;
  return text;
}

}  // namespace thaw
