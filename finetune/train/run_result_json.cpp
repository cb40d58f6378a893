#include "finetune/train/run_result_json.h"

#include <cmath>

#include "finetune/task/metrics_json.h"

namespace thaw {
namespace {

// A run that goes on decides by its evaluations as the one that was not stopped: an infinity stays one.
Json any_number_json(double value) {
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return json_number(value);
}

// Numbers of which any may be not finite.
template <class Numbers>
Json numbers_json(const Numbers& numbers) {
  Json json = Json::array();
  for (const auto number : numbers) json.push_back(any_number_json(number));
  return json;
}

Json all_metrics_json(const Metrics& metrics) {
  Json json = Json::object();
  for (const auto& [name, value] : metrics) json[name] = any_number_json(value);
  return json;
}

template <class Number>
std::vector<Number> read_numbers(const Json& json) {
  std::vector<Number> numbers;
  for (const Json& number : json) numbers.push_back(static_cast<Number>(read_number(number)));
  return numbers;
}

Metrics read_metrics(const Json& json) {
  Metrics metrics;
  for (const auto& [name, value] : json.items()) metrics.emplace_back(name, read_number(value));
  return metrics;
}

// Right and wrong as a text of ones and zeros, which is what most scores are; others as numbers.
Json scores_json(const std::vector<float>& scores) {
  std::string text;
  for (const float score : scores) {
    if (score != 0.0F && score != 1.0F) return numbers_json(scores);
    text += score == 1.0F ? '1' : '0';
  }
  return text;
}

std::vector<float> read_scores(const Json& json) {
  if (!json.is_string()) return read_numbers<float>(json);
  std::vector<float> scores;
  for (const char c : json.get_ref<const std::string&>()) scores.push_back(c == '1' ? 1.0F : 0.0F);
  return scores;
}

Json confusion_counts_json(const Confusion& confusion) {
  Json json = Json::array();
  for (const auto& [pair, count] : confusion) json.push_back({pair.first, pair.second, count});
  return json;
}

Confusion read_confusion(const Json& json) {
  Confusion confusion;
  for (const Json& entry : json) confusion[{entry.at(0), entry.at(1)}] = entry.at(2);
  return confusion;
}

using Sections = std::array<double, kSections>;

Sections read_sections(const Json& json) {
  Sections values;
  for (std::size_t s = 0; s < values.size(); ++s) values[s] = json.at(s);
  return values;
}

Json measured_json(const LedgerPhase& row) {
  const StepCost& cost = row.measured;
  Json groups = Json::array();
  for (std::size_t g = 0; g < cost.group_flops.size(); ++g)
    groups.push_back({cost.group_flops[g], cost.group_seconds[g]});
  return {{"phase", row.phase},
          {"seconds", row.seconds},
          {"was_measured", row.was_measured},
          {"cost", {cost.flops, cost.seconds}},
          {"groups", groups},
          {"bytes", {cost.saved_bytes, cost.gradient_bytes, cost.optimizer_bytes}}};
}

LedgerPhase read_measured(const Json& json) {
  LedgerPhase row;
  row.phase = json.at("phase");
  row.seconds = json.at("seconds");
  row.was_measured = json.at("was_measured");
  StepCost& cost = row.measured;
  cost.flops = read_sections(json.at("cost").at(0));
  cost.seconds = read_sections(json.at("cost").at(1));
  for (const Json& group : json.at("groups")) {
    cost.group_flops.push_back(read_sections(group.at(0)));
    cost.group_seconds.push_back(read_sections(group.at(1)));
  }
  cost.saved_bytes = json.at("bytes").at(0);
  cost.gradient_bytes = json.at("bytes").at(1);
  cost.optimizer_bytes = json.at("bytes").at(2);
  return row;
}

template <class Rows, class Write>
Json list_json(const Rows& rows, const Write& write) {
  Json json = Json::array();
  for (const auto& row : rows) json.push_back(write(row));
  return json;
}

Json evaluation_json(const Evaluation& e) { return {e.step, e.seconds, all_metrics_json(e.metrics)}; }
Json trigger_json(const Trigger& t) { return {t.phase, t.step}; }
Json proof_json(const FrozenProof& p) {
  return {p.phase, p.begin, p.end, p.tensors, p.bytes, p.sha256_start, p.sha256_end};
}
Json sample_json(const LayerSample& w) {
  return {w.step, any_number_json(w.loss), numbers_json(w.gradient), numbers_json(w.update_ratio),
          numbers_json(w.weight_distance)};
}

}  // namespace

RunStatus read_status(const Json& json) {
  const std::optional<RunStatus> status = status_named(json.get<std::string>());
  if (!status) throw Json::other_error::create(501, "no status of a run: " + json.dump(), &json);
  return *status;
}

Json result_json(const RunResult& r) {
  return {{"status", status_name(r.status)},
          {"message", r.message},
          {"completed", r.completed},
          {"kept", r.kept},
          {"kept_is_of_earlier_phase", r.kept_is_of_earlier_phase},
          {"never_began", r.never_began},
          {"triggers", list_json(r.triggers, trigger_json)},
          {"last_loss", any_number_json(r.last_loss)},
          {"skipped", r.skipped},
          {"rollbacks", r.rollbacks},
          {"train_seconds", r.train_seconds},
          {"first_epoch_seconds", r.first_epoch_seconds},
          {"evaluation_seconds", r.evaluation_seconds},
          {"shared_seconds", r.shared_seconds},
          {"flops", r.flops},
          {"peak_bytes", r.peak_bytes},
          {"trainable", r.trainable},
          {"ledger", list_json(r.ledger.phases, measured_json)},
          {"proofs", list_json(r.proofs, proof_json)},
          {"layer_samples", list_json(r.layer_samples, sample_json)},
          {"evaluations", list_json(r.evaluations, evaluation_json)},
          {"validation", all_metrics_json(r.validation)},
          {"test", all_metrics_json(r.test)},
          {"test_scores", scores_json(r.test_scores)},
          {"confusion", confusion_counts_json(r.confusion)},
          {"test_evaluations", r.test_evaluations}};
}

RunResult read_result(const Json& json) {
  RunResult r;
  r.status = read_status(json.at("status"));
  r.message = json.at("message");
  r.completed = json.at("completed");
  r.kept = json.at("kept");
  r.kept_is_of_earlier_phase = json.at("kept_is_of_earlier_phase");
  r.never_began = json.at("never_began").get<std::vector<std::string>>();
  for (const Json& t : json.at("triggers")) r.triggers.push_back({t.at(0), t.at(1)});
  r.last_loss = read_number(json.at("last_loss"));
  r.skipped = json.at("skipped");
  r.rollbacks = json.at("rollbacks");
  r.train_seconds = json.at("train_seconds");
  r.first_epoch_seconds = json.at("first_epoch_seconds");
  r.evaluation_seconds = json.at("evaluation_seconds");
  r.shared_seconds = json.value("shared_seconds", 0.0);
  r.flops = json.at("flops");
  r.peak_bytes = json.at("peak_bytes");
  r.trainable = json.at("trainable");
  for (const Json& row : json.at("ledger")) r.ledger.phases.push_back(read_measured(row));
  for (const Json& p : json.at("proofs"))
    r.proofs.push_back({p.at(0), p.at(1), p.at(2), p.at(3), p.at(4), p.at(5), p.at(6)});
  for (const Json& w : json.at("layer_samples"))
    r.layer_samples.push_back({w.at(0), read_number(w.at(1)), read_numbers<double>(w.at(2)),
                               read_numbers<double>(w.at(3)), read_numbers<double>(w.at(4))});
  for (const Json& e : json.at("evaluations"))
    r.evaluations.push_back({e.at(0), read_metrics(e.at(2)), e.at(1)});
  r.validation = read_metrics(json.at("validation"));
  r.test = read_metrics(json.at("test"));
  r.test_scores = read_scores(json.at("test_scores"));
  r.confusion = read_confusion(json.at("confusion"));
  r.test_evaluations = json.at("test_evaluations");
  return r;
}

}  // namespace thaw
