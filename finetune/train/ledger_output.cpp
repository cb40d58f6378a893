#include "finetune/train/ledger_output.h"

#include <algorithm>

#include "finetune/common/json.h"
#include "finetune/common/text.h"
#include "finetune/common/text_table.h"
#include "finetune/common/units.h"

namespace thaw {
namespace {

Json sections_json(const std::array<double, kSections>& values) {
  Json json = Json::object();
  for (int s = 0; s < kSections; ++s)
    json[section_name(static_cast<Section>(s))] = values[static_cast<std::size_t>(s)];
  return json;
}

Json cost_json(const StepCost& cost, const std::vector<std::string>& groups, bool measured) {
  Json json{{"flops", sections_json(cost.flops)},
            {"saved_bytes", cost.saved_bytes},
            {"gradient_bytes", cost.gradient_bytes},
            {"optimizer_bytes", cost.optimizer_bytes}};
  if (measured) json["seconds"] = sections_json(cost.seconds);
  if (cost.update_seconds > 0) json["update_seconds"] = cost.update_seconds;
  Json by_group = Json::object();
  for (std::size_t g = 0; g < groups.size(); ++g) {
    by_group[groups[g]]["flops"] = sections_json(cost.group_flops[g]);
    if (measured) by_group[groups[g]]["seconds"] = sections_json(cost.group_seconds[g]);
  }
  json["groups"] = by_group;
  return json;
}

Json prefix_json(const PrefixPhase& prefix) {
  return {{"stages", prefix.training.stages},
          {"up_to", prefix.stage.empty() ? Json(nullptr) : Json(prefix.stage)},
          {"kept_for_later_phases", prefix.training.kept},
          {"stages_in_evaluation", prefix.evaluation.stages},
          {"samples_computed", prefix.computed},
          {"flops_per_sample", prefix.flops},
          {"seconds_per_sample", prefix.seconds},
          {"bytes", prefix.bytes},
          {"note", prefix.note.empty() ? Json(nullptr) : Json(prefix.note)}};
}

constexpr const char* kColumns[] = {"phase", "updates", "trains", "forward",   "dX",   "dW",
                                    "step",  "work",    "saved",  "gradients", "state"};

bool has_seconds(const LedgerPhase& phase) { return phase.predicted.update_seconds > 0; }

// FLOPs relative to training everything, or themselves where that is not known.
std::string work_text(double flops, const StepCost* everything) {
  if (everything == nullptr) return flops_text(flops);
  return percent_text(flops / std::max(everything->total_flops(), 1.0));
}

TextRow row_of(const LedgerPhase& phase, const StepCost* everything) {
  const StepCost& cost = phase.predicted;
  TextRow row = {std::to_string(phase.phase + 1), concat(phase.begin + 1, "-", phase.end),
                 percent_text(static_cast<double>(phase.trainable) /
                              static_cast<double>(std::max<std::int64_t>(phase.parameters, 1)))};
  for (const double flops : cost.flops) row.push_back(work_text(flops, everything));
  row.push_back(work_text(cost.total_flops(), everything));
  for (const std::int64_t bytes : {cost.saved_bytes, cost.gradient_bytes, cost.optimizer_bytes})
    row.push_back(bytes_text(static_cast<double>(bytes)));
  return row;
}

// Lines about phases; what is said of several is one line.
class Notes {
 public:
  void add(const LedgerPhase& phase, const std::string& text) {
    if (text.empty()) return;
    const auto found =
        std::find_if(notes_.begin(), notes_.end(), [&](const Note& note) { return note.text == text; });
    Note& note = found != notes_.end() ? *found : notes_.emplace_back(Note{text, {}});
    note.phases.push_back(std::to_string(phase.phase + 1));
  }
  std::string text() const {
    std::string all;
    for (const Note& note : notes_)
      all +=
          concat(note.phases.size() > 1 ? "phases " : "phase ", joined(note.phases), ": ", note.text, "\n");
    return all;
  }

 private:
  struct Note {
    std::string text;
    std::vector<std::string> phases;
  };
  std::vector<Note> notes_;
};

std::string blocked_text(const LedgerPhase& phase) {
  if (phase.blocked_by.empty()) return {};
  const double without = std::max(phase.predicted.total_flops() - phase.blocked_flops, 1.0);
  return concat(phase.blocked_by,
                " is trained, so backward passes through the frozen parts above it: an update costs ",
                percent_text(phase.blocked_flops / without), " more than with its group frozen too");
}

std::string prefix_text(const LedgerPhase& phase) {
  const PrefixPhase& prefix = phase.prefix;
  if (prefix.stage.empty()) return {};
  const std::string bytes = bytes_text(static_cast<double>(prefix.bytes));
  if (prefix.computed == 0)
    return concat("what ", prefix.stage, " gives is taken from what an earlier phase kept, ", bytes);
  return concat("what ", prefix.stage, " gives is computed once for each sample and kept, ", bytes,
                "; that takes ", flops_text(prefix.flops * static_cast<double>(prefix.computed)));
}

std::vector<std::string> group_names(const std::vector<int>& groups, const Ledger& ledger) {
  std::vector<std::string> names;
  names.reserve(groups.size());
  for (const int group : groups) names.push_back(ledger.groups[static_cast<std::size_t>(group)]);
  return names;
}

std::string recompute_text(const LedgerPhase& phase, const Ledger& ledger) {
  if (phase.recomputed.empty()) return {};
  return concat(joined(group_names(phase.recomputed, ledger)),
                phase.recomputed.size() > 1 ? " keep" : " keeps",
                " nothing for backward and run again there");
}

std::string notes_text(const Ledger& ledger) {
  Notes notes;
  for (const LedgerPhase& phase : ledger.phases) notes.add(phase, blocked_text(phase));
  for (const LedgerPhase& phase : ledger.phases) {
    notes.add(phase, prefix_text(phase));
    notes.add(phase, phase.prefix.note);
    notes.add(phase, recompute_text(phase, ledger));
  }
  return notes.text();
}

constexpr const char* kTimeColumns[] = {"phase", "an update", "forward",     "dX",       "dW",
                                        "step",  "other",     "frozen part", "the phase"};

// What an update takes, and all of the phase with the entries of the prefix cache that it computes.
TextRow time_row_of(const LedgerPhase& phase) {
  const StepCost& cost = phase.predicted;
  const double frozen_part = phase.prefix.seconds * static_cast<double>(phase.prefix.computed);
  TextRow row = {std::to_string(phase.phase + 1), seconds_text(cost.update_seconds)};
  double other = cost.update_seconds;
  for (const double seconds : cost.seconds) {
    row.push_back(seconds > 0 ? seconds_text(seconds) : "-");
    other -= seconds;
  }
  constexpr double kLeast = 1e-3;  // of the update: less is rounding
  row.push_back(other > kLeast * cost.update_seconds ? seconds_text(other) : "-");
  row.push_back(frozen_part > 0 ? seconds_text(frozen_part) : "-");
  row.push_back(seconds_text(phase.predicted_seconds));
  return row;
}

// The whole run: what no row says.
std::string time_text(const Ledger& ledger) {
  if (ledger.phases.empty()) return {};
  std::vector<TextRow> rows = {TextRow(std::begin(kTimeColumns), std::end(kTimeColumns))};
  std::int64_t peak = 0;
  for (const LedgerPhase& phase : ledger.phases) {
    if (has_seconds(phase)) rows.push_back(time_row_of(phase));
    peak = std::max(peak, phase.peak_bytes);
  }
  std::string memory = concat("Memory beside the weights and the prefix cache: at most ",
                              bytes_text(static_cast<double>(peak)), "\n");
  if (rows.size() <= ledger.phases.size()) return memory;
  return concat(
      memory, "Time on this machine, predicted from a few updates: ", seconds_text(predicted_seconds(ledger)),
      " of training, without evaluations\n", text_table(rows, Align::right));
}

}  // namespace

std::string ledger_json(const Ledger& ledger) {
  Json phases = Json::array();
  for (const LedgerPhase& row : ledger.phases) {
    Json phase{{"phase", row.phase},
               {"updates", {row.begin + 1, row.end}},
               {"trainable", row.trainable},
               {"parameters", row.parameters},
               {"seconds", row.seconds},
               {"predicted_seconds", has_seconds(row) ? Json(row.predicted_seconds) : Json(nullptr)},
               {"blocked_by", row.blocked_by.empty() ? Json(nullptr) : Json(row.blocked_by)},
               {"blocked_flops", row.blocked_flops},
               {"prefix", prefix_json(row.prefix)},
               {"recomputed", group_names(row.recomputed, ledger)},
               {"peak_bytes_at_most", row.peak_bytes},
               {"predicted", cost_json(row.predicted, ledger.groups, has_seconds(row))}};
    phase["observed_update"] = row.observed + 1;
    phase["predicted_of_observed"] = cost_json(row.predicted_observed, ledger.groups, false);
    phase["measured"] = row.was_measured ? cost_json(row.measured, ledger.groups, true) : Json(nullptr);
    phases.push_back(phase);
  }
  return json_document(
      Json{{"unit",
            "predicted: an update of mean batches, measured: the observed one; flops as the kernels count "
            "them, "
            "bytes, seconds in kernels"},
           {"groups", ledger.groups},
           {"phases", phases}});
}

std::string ledger_text(const Ledger& ledger, const StepCost* everything) {
  std::vector<TextRow> rows = {TextRow(std::begin(kColumns), std::end(kColumns))};
  for (const LedgerPhase& phase : ledger.phases) rows.push_back(row_of(phase, everything));
  std::string text = "Cost of one update, predicted";
  if (everything != nullptr)
    text.append("; work relative to training everything, ").append(flops_text(everything->total_flops()));
  text.append("\n").append(text_table(rows, Align::right));
  return text + notes_text(ledger) + time_text(ledger);
}

}  // namespace thaw
