#include "finetune/compare/journal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <set>

#include "core/error.h"
#include "finetune/common/json.h"
#include "finetune/common/text.h"
#include "finetune/compare/with_budget.h"
#include "finetune/task/metrics_json.h"
#include "finetune/train/run_result_json.h"

namespace thaw {
namespace {

constexpr std::int64_t kMostBytes = std::int64_t{1} << 32;

Json options_json(const OptionMap& options) {
  Json json = Json::object();
  for (const auto& [name, value] : options)
    std::visit([&json, &key = name](const auto& v) { json[key] = v; }, value);
  return json;
}

OptionMap read_options(const Json& json) {
  OptionMap options;
  for (const auto& [name, value] : json.items()) {
    if (value.is_boolean()) options[name] = value.get<bool>();
    if (value.is_number()) options[name] = value.get<double>();
    if (value.is_string()) options[name] = value.get<std::string>();
    if (value.is_array()) options[name] = value.get<std::vector<std::string>>();
  }
  return options;
}

Json trial_line(const TuningTrial& t) {
  return {{"strategy", t.strategy},
          {"lr", t.lr},
          {"options", options_json(t.options)},
          {"seed", t.seed},
          {"status", status_name(t.status)},
          {"validation_loss", json_number(t.validation_loss)},
          {"validation_value", json_number(t.validation_value)},
          {"seconds", t.seconds}};
}

TuningTrial read_trial(const Json& json) {
  return {json.at("strategy"),
          json.at("lr"),
          read_options(json.at("options")),
          json.at("seed"),
          read_status(json.at("status")),
          read_number(json.at("validation_loss")),
          read_number(json.at("validation_value")),
          json.at("seconds"),
          false};
}

Json run_line(const ReportedRun& r) {
  Json json{{"strategy", r.strategy},
            {"seed", r.seed},
            {"draw", r.draw},
            {"lr", r.lr},
            {"metric", r.metric},
            {"value", json_number(r.value)},
            {"loss", json_number(r.loss)},
            {"machine", r.machine}};
  json.update(result_json(r));
  return json;
}

ReportedRun read_run(const Json& json) {
  ReportedRun r;
  static_cast<RunResult&>(r) = read_result(json);
  r.strategy = json.at("strategy");
  r.seed = json.at("seed");
  r.draw = json.at("draw");
  r.lr = json.at("lr");
  r.metric = json.at("metric");
  r.value = read_number(json.at("value"));
  r.loss = read_number(json.at("loss"));
  r.machine = json.value("machine", "");
  return r;
}

void read_budget(const Json& json, std::map<std::pair<std::string, std::string>, TrainSection>& budgets) {
  TrainSection train;
  train.epochs = json.at("epochs");
  train.steps = json.at("steps");
  train.batch_size = json.at("batch_size");
  train.accumulation = json.at("accumulation");
  train.restore_best = json.at("restore_best");
  train.early_stopping_patience = json.at("early_stopping_patience");
  budgets.try_emplace({json.at("strategy"), json.at("options")}, train);  // the first counts
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

Journal::Journal(const std::string& folder, std::string machine)
    : path_(folder + "/journal.jsonl"), machine_(std::move(machine)) {
  file_ = FileDescriptor(::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  if (!file_.is_open())
    fail_input("cannot write ", path_, ": ", std::strerror(errno), "; choose another --out");
  worker_.emplace(folder);
  refresh();
}

void Journal::refresh() {
  const WaitingLock lock(file_.get());
  read_new_lines();
}

// Editors and programs that copy folders put another file in its place, or cut it: then locks and places are of a file that
// nobody sees.
void Journal::check_file() const {
  struct stat open {};
  struct stat named {};
  if (::fstat(file_.get(), &open) != 0 || ::stat(path_.c_str(), &named) != 0 || open.st_ino != named.st_ino ||
      open.st_dev != named.st_dev || open.st_size < read_)
    fail("the journal was changed while this process used it (", path_, "); go on with --resume");
}

// With the lock, which writers have: what is behind the last whole line is what a kill cut short.
void Journal::read_new_lines() {
  check_file();
  const RandomAccessFile file(path_);
  if (file.size() > kMostBytes)
    fail_input("the journal has ", file.size(), " bytes (", path_, "); choose another --out");
  std::string text(static_cast<std::size_t>(std::max<std::int64_t>(file.size() - read_, 0)), '\0');
  file.read(read_, text.data(), std::ssize(text));
  std::size_t begin = 0;
  for (std::size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
    read_line(text.substr(begin, end - begin), ++lines_);
  read_ += static_cast<std::int64_t>(begin);
  if (begin < text.size() && ::ftruncate(file_.get(), static_cast<off_t>(read_)) != 0)
    fail("cannot cut ", path_, " back: ", std::strerror(errno), "; check the disk");
}

void Journal::read_line(const std::string& line, std::size_t number) {
  try {
    const Json json = Json::parse(line);
    if (json.contains("budget")) {
      read_budget(json.at("budget"), budgets_);
      const std::string machine = json.at("budget").value("machine", "");
      if (budget_machine_.empty()) budget_machine_ = machine;
    }
    if (json.contains("claim")) claims_[json.at("claim")] = json.at("worker");
    if (json.contains("release")) claims_.erase(json.at("release"));
    if (json.contains("choice"))
      choices_.try_emplace(
          json.at("choice").at("strategy"),
          Hyperparameters{json.at("choice").at("lr"), read_options(json.at("choice").at("options"))});
    if (json.contains("trial")) trials_.push_back(read_trial(json.at("trial")));
    if (json.contains("run")) runs_.push_back(read_run(json.at("run")));
    if (json.contains("seeds")) {
      seeds_ = json.at("seeds");
      // A journal of before this was kept does not know; then all were.
      if (runs_.empty() || seeds_before_results_ == 0) seeds_before_results_ = seeds_;
    }
    if (!json.contains("strategies")) return;
    identity_ = {json.at("data"), json.at("prediction"), json.value("start", "")};
    if (began_.empty()) began_ = json.value("began", "");
    for (const std::string name : json.at("strategies")) {
      if (contains(known_, name)) continue;
      known_.push_back(name);
      if (!runs_.empty()) exploratory_.push_back(name);
    }
  } catch (const Json::exception& error) {
    fail_input("the journal cannot be read (", path_, ":", number,
               "); delete the line, or choose another --out");
  }
}

void Journal::begin(const std::vector<std::string>& strategies, const Identity& identity,
                    const std::string& began) {
  for (const std::string& name : known_)
    if (!contains(strategies, name))
      fail_input("the comparison was begun with ", in_quotes(name), ", which is missing now (", path_,
                 "); name it too: what was begun is reported");
  if (identity_ && identity_->data != identity.data)
    fail_input("the data are not those that the comparison was begun with (", path_,
               "); choose another --out");
  if (identity_ && !identity_->start.empty() && identity_->start != identity.start)
    fail_input(
        "the model that training starts from, or how its folder makes inputs, is not what the comparison was "
        "begun with (",
        path_,
        "); bring what model.from and model.init name back, or choose "
        "another --out");
  if (identity_ && identity_->prediction != identity.prediction)
    fail_input("the prediction, or what it is about, is not what it was when the comparison was begun (",
               path_, "); choose another --out");
  append(json_line(Json{{"strategies", strategies},
                        {"data", identity.data},
                        {"prediction", identity.prediction},
                        {"start", identity.start},
                        {"began", began}}));
}

void Journal::begin_seeds(std::int64_t seeds) {
  if (seeds != seeds_) append(json_line(Json{{"seeds", seeds}}));
}

bool Journal::claim(const std::string& work) {
  const WaitingLock lock(file_.get());
  read_new_lines();
  const auto found = claims_.find(work);
  const bool is_free =
      found == claims_.end() || found->second == worker_->name() || !worker_->is_alive(found->second);
  if (is_free) write(json_line(Json{{"claim", work}, {"worker", worker_->name()}}));
  return is_free;
}

std::int64_t Journal::workers() const {
  std::set<std::string> names{worker_->name()};
  for (const auto& [work, name] : claims_) names.insert(name);
  return std::count_if(names.begin(), names.end(),
                       [this](const std::string& name) { return worker_->is_alive(name); });
}

void Journal::release(const std::string& work) { append(json_line(Json{{"release", work}})); }

void Journal::check_runs(std::size_t samples, std::size_t classes) const {
  const auto is_class = [classes](std::int64_t c) { return c >= 0 && static_cast<std::size_t>(c) < classes; };
  const auto is_finite = [](float score) { return std::isfinite(score); };
  const std::filesystem::path folder = std::filesystem::path(path_).parent_path();
  if (!(trials_.empty() && runs_.empty()) && !std::filesystem::exists(folder / "config.toml"))
    fail_input("there are results, but no config.toml that says what they were made with (", folder.string(),
               "); put it back, or choose another --out");
  for (const ReportedRun& run : runs_) {
    const auto refuse = [&](const auto&... what) {
      fail_input("the journal cannot be read: the run of ", run.strategy, " with seed ", run.seed, what...,
                 " (", path_, "); delete the run's line, or choose another --out");
    };
    for (const auto& [pair, count] : run.confusion)
      if (!is_class(pair.first) || !is_class(pair.second))
        refuse(" takes class ", pair.first, " for ", pair.second, ", and the last of the classes is ",
               static_cast<std::int64_t>(classes) - 1);
    for (const Trigger& trigger : run.triggers)
      if (trigger.step < 0 || trigger.step > run.completed)
        refuse(" has a trigger after ", trigger.step, " updates");
    if (!run.validation.empty() && find_metric(run.validation, run.metric) == nullptr)
      refuse(" has no ", run.metric, " on the validation data");
    if (run.status != RunStatus::ok) continue;
    if (run.test_scores.size() != samples)
      refuse(" has ", run.test_scores.size(), " scores of ", samples, " test samples");
    if (!std::isfinite(run.value) && std::all_of(run.test_scores.begin(), run.test_scores.end(), is_finite))
      refuse(" has no value of its metric");
  }
}

void Journal::check_machine() const {
  if (budget_machine_.empty() || budget_machine_ == machine_) return;
  fail_input("the budget of seconds was measured on ", budget_machine_, ", and this is ", machine_,
             ": here its updates take other times (", path_, "); go on with what it was begun with");
}

bool Journal::is_exploratory(const std::string& strategy) const { return contains(exploratory_, strategy); }

const Hyperparameters* Journal::find_hyperparameters(const std::string& strategy) const {
  const auto found = choices_.find(strategy);
  return found == choices_.end() ? nullptr : &found->second;
}

std::vector<TuningTrial> Journal::trials_of(const std::string& strategy) const {
  std::vector<TuningTrial> trials;
  const Hyperparameters* choice = find_hyperparameters(strategy);
  for (const TuningTrial& trial : trials_) {
    if (trial.strategy != strategy) continue;
    trials.push_back(trial);
    trials.back().chosen = choice != nullptr && trial.lr == choice->lr && trial.options == choice->options;
  }
  std::sort(trials.begin(), trials.end(), [](const auto& a, const auto& b) { return a.lr < b.lr; });
  return trials;
}

void Journal::add_hyperparameters(const std::string& strategy, const Hyperparameters& choice) {
  append(json_line(Json{
      {"choice", {{"strategy", strategy}, {"lr", choice.lr}, {"options", options_json(choice.options)}}}}));
}

const TuningTrial* Journal::find_trial(const std::string& strategy, double lr,
                                       const OptionMap& options) const {
  const auto found = std::find_if(trials_.begin(), trials_.end(), [&](const TuningTrial& t) {
    return t.strategy == strategy && t.lr == lr && t.options == options;
  });
  return found == trials_.end() ? nullptr : &*found;
}

const ReportedRun* Journal::find_run(const std::string& strategy, std::uint64_t seed) const {
  const auto found = std::find_if(runs_.begin(), runs_.end(), [&](const ReportedRun& r) {
    return r.strategy == strategy && r.seed == seed;
  });
  return found == runs_.end() ? nullptr : &*found;
}

bool Journal::restore_budget(const std::string& strategy, const std::string& options,
                             TrainSection& train) const {
  const auto found = budgets_.find({strategy, options});
  if (found == budgets_.end()) return false;
  copy_budget(found->second, train);
  return true;
}

void Journal::add_budget(const std::string& strategy, const std::string& options, const TrainSection& train) {
  append(json_line(Json{{"budget",
                         {{"strategy", strategy},
                          {"options", options},
                          {"machine", machine_},
                          {"epochs", train.epochs},
                          {"steps", train.steps},
                          {"batch_size", train.batch_size},
                          {"accumulation", train.accumulation},
                          {"restore_best", train.restore_best},
                          {"early_stopping_patience", train.early_stopping_patience}}}}));
}

// Failures are not kept: a full disk is no result, and --resume tries again.
void Journal::add(const TuningTrial& trial) {
  if (trial.status != RunStatus::failed) append(json_line(Json{{"trial", trial_line(trial)}}));
}

void Journal::add(const ReportedRun& run) {
  if (run.status != RunStatus::failed) append(json_line(Json{{"run", run_line(run)}}));
}

void Journal::append(const std::string& line) {
  const WaitingLock lock(file_.get());
  read_new_lines();
  write(line);
}

// With the lock. It is known once it is read.
void Journal::write(const std::string& line) {
  FileWriter writer(file_.get(), path_);
  writer.write(line + "\n");
  if (::fdatasync(file_.get()) != 0)
    fail("cannot write ", path_, ": ", std::strerror(errno), "; free space on the disk");
  read_new_lines();
}

}  // namespace thaw
