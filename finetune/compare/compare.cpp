#include "finetune/compare/compare.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <set>

#include "core/random.h"
#include "finetune/common/text.h"
#include "finetune/compare/baselines.h"
#include "finetune/compare/candidate.h"
#include "finetune/compare/candidate_budgets.h"
#include "finetune/compare/candidate_runs.h"
#include "finetune/compare/data_card.h"
#include "finetune/compare/earlier_evaluations.h"
#include "finetune/compare/journal.h"
#include "finetune/compare/notes.h"
#include "finetune/compare/picture.h"
#include "finetune/compare/row.h"
#include "finetune/compare/time_left.h"
#include "finetune/compare/tuning.h"
#include "finetune/compare/with_budget.h"
#include "finetune/compare/work.h"
#include "finetune/config/chosen_metrics.h"
#include "finetune/config/config_text.h"
#include "finetune/report/comparison_files.h"
#include "finetune/report/prediction.h"
#include "finetune/report/summary.h"
#include "finetune/run/further_metrics.h"
#include "finetune/run/prepare_data.h"
#include "finetune/run/run_folder.h"
#include "finetune/run/test_evaluations.h"
#include "nn/io/files.h"

namespace thaw {
namespace {

class Comparison {
 public:
  explicit Comparison(const CompareRequest& request)
      : request_(request), config_(request.config), budget_(parse_budget(config_.compare.budget)) {
    // Written out, so that whoever reads the config later parts the same test data.
    if (config_.data.test.empty() && !config_.data.test_fraction) config_.data.test_fraction = 0.2;
  }

  CompareOutcome run() {
    prepare();
    open();
    choose_all();
    if (!stopped()) report_runs();
    conclude();
    write_comparison(request_.out, config_, outcome_);
    return std::move(outcome_);
  }

 private:
  bool stopped() const { return stop_requested(request_.stop); }
  // `in_cells`: of a study too, which says itself what its cells have in common.
  void say(const std::string& text, bool in_cells = true) {
    outcome_.notes.push_back(text);
    if (request_.message && (in_cells || !request_.is_cell)) request_.message(text);
  }

  // Everything that can be wrong with the user's input is found here, before anything runs or is written.
  void prepare() {
    source_ = open_source(config_.model);
    loaded_ = load_data(config_, source_, true, true);
    check_comparable(config_, loaded_);
    const PreparedData data = draw(config_.train.seed);
    check_further_metrics(config_, data.test);
    check_compared_metric(config_, data);
    outcome_.name = config_.name;
    outcome_.metric = compared_metric(config_).name;
    outcome_.margin = config_.compare.margin;
    outcome_.lr = config_.train.lr;
    check_budget(budget_, config_, data);
    data_notes_ = data.notes;
    outcome_.questions = data.questions;
    outcome_.data = make_data_card(config_, source_, loaded_, data);
    std::vector<std::string> notes = data_warnings(outcome_.data);
    for (const std::string& note : config_notes(config_, source_)) notes.push_back(note);
    candidates_ = make_candidates(config_, source_, data, request_.allow_missing, notes);
    if (!changes_length(budget_))
      for (const Candidate& candidate : candidates_) add_plan_notes(candidate, candidate.config, data, notes);
    baselines_ = baseline_names({config_, source_, data});
    const auto choices = static_cast<std::int64_t>(hyperparameters_to_try(candidates_.front()).size());
    outcome_.tuned = choices > 1;
    outcome_.budget = describe(budget_, config_.train);
    outcome_.prediction = make_prediction(config_.compare);
    outcome_.version = request_.version;
    outcome_.compiler = request_.compiler;
    note_machine(outcome_);
    outcome_.config = to_toml(config_);
    start_ = starting_fingerprint(config_, source_, data, request_.allow_missing);
    evaluation_ = {loaded_.test_hash,
                   registered_name(request_.registered_as.empty() ? request_.out : request_.registered_as),
                   comparison_fingerprint(config_, loaded_, start_),
                   {}};
    check_can_record(evaluation_.by);
    const auto trained = static_cast<std::int64_t>(candidates_.size()) *
                         (runs_per_strategy() + (outcome_.tuned ? choices : 0));
    total_ = trained + static_cast<std::int64_t>(baselines_.size()) * runs_per_strategy();
    for (const std::string& name : baselines_) time_left_.expect(name, runs_per_strategy(), false);
    for (const Candidate& candidate : candidates_)
      time_left_.expect(candidate.name, runs_per_strategy() + (outcome_.tuned ? choices : 0));
    for (const std::string& note : budget_notes(budget_, trained)) notes.push_back(note);
    notes_ = std::move(notes);
  }

  std::int64_t runs_per_strategy() const { return config_.compare.seeds * config_.compare.repeats; }

  // The folder, what an earlier session did in it, and who evaluated on these test data before.
  void open() {
    folder_.emplace(request_.out, request_.resume, RunFolder::Content::comparison);
    if (request_.resume && !request_.is_cell && folder_->was_empty()) say(nothing_to_resume(request_.out));
    for (const std::string& note : data_notes_) say(note, note.starts_with("warning"));
    for (const std::string& note : notes_) say(note);
    const std::string config_file = request_.out + "/config.toml";
    if (request_.resume) check_same_comparison(outcome_.config, config_file);
    journal_.emplace(request_.out, machine_of(outcome_));  // first of all files: see RunFolder
    journal_->check_runs(loaded_.test->samples.size(), loaded_.train.classes.size());
    journal_->begin(row_names(), {data_fingerprint(loaded_), hash_of(outcome_.prediction), start_}, began_);
    journal_->begin_seeds(config_.compare.seeds);
    if (const std::int64_t before = journal_->seeds_before_results(); before < config_.compare.seeds)
      say(added_seeds_note(before, config_.compare.seeds));
    atomic_write(config_file, outcome_.config);  // when a session with another one has been refused
    if (request_.opened) request_.opened();
    budgets_.emplace(
        budget_, draw(runs_.tuning_seed()), *journal_,
        [this](const Config& config) { announce_calibration(config); }, request_.stop);
    if (outcome_.prediction) say("predicted: " + describe(*outcome_.prediction), false);
    tell_earlier_evaluations();
  }

  // A repetition of what was done before chooses nothing anew.
  void tell_earlier_evaluations() {
    const EvaluationsBefore before = evaluations_before(evaluation_, journal_->began());
    for (const std::string& text : before.repeated) say(text);
    outcome_.earlier_evaluations = before.others;
    if (!before.others.empty()) say(earlier_evaluations_note(before.others));
  }

  PreparedData draw(std::uint64_t seed) const { return runs_.draw(seed); }

  // First what can be tried without knowing how others went, whoever does it.
  void choose_all() {
    std::vector<const Candidate*> all;
    for (const Candidate& candidate : candidates_) all.push_back(&candidate);
    for (const Candidate* candidate : all)
      for (const Hyperparameters& choice : hyperparameters_to_try(*candidate)) try {
          const bool is_open = outcome_.tuned && journal_->find_hyperparameters(candidate->name) == nullptr;
          if (is_open && !stopped() && fits_budget(*candidate)) run_trial(*candidate, choice);
        } catch (const Busy&) {  // waited for below
        }
    work_off(all, *journal_, request_.stop, [this](const Candidate* candidate) { choose(*candidate); });
    sort_trials(outcome_.trials, candidates_);
  }

  // Choices are made once: a trial that --resume would try again must not change them after a test evaluation.
  void choose(const Candidate& candidate) {
    if (const Hyperparameters* choice = journal_->find_hyperparameters(candidate.name)) {
      chosen_[candidate.name] = *choice;
      const std::vector<TuningTrial> trials = journal_->trials_of(candidate.name);
      for (const TuningTrial& trial : trials) announce(candidate.name, concat(" tuning lr ", trial.lr));
      add_tuning(trials, edge_note(candidate.name, trials));
      return;
    }
    if (!fits_budget(candidate)) return;
    const Tuned tuned = tune(
        candidate, higher_is_better(outcome_.metric),
        [this](const Candidate& c, const Hyperparameters& choice) { return run_trial(c, choice); },
        [this] { return stopped(); });
    add_tuning(tuned.trials, tuned.note);
    if (tuned.status != RunStatus::ok) {
      untuned_[candidate.name] = tuned.status;
      time_left_.drop(candidate.name);
    }
    if (!tuned.best) return;
    journal_->add_hyperparameters(candidate.name, *tuned.best);
    chosen_[candidate.name] = *journal_->find_hyperparameters(candidate.name);
  }

  void add_tuning(const std::vector<TuningTrial>& trials, const std::string& note) {
    outcome_.trials.insert(outcome_.trials.end(), trials.begin(), trials.end());
    if (!note.empty()) say(note);
  }

  void announce_calibration(const Config& config) {
    claim(*journal_, concat("budget ", config.strategy.name, ' ', options_text(config.strategy.options)));
    announce(config.strategy.name, " budget", 0);
  }

  bool fits_budget(const Candidate& candidate) {
    if (fits_.contains(candidate.name) || over_budget_.contains(candidate.name))
      return fits_.contains(candidate.name);
    const std::vector<Hyperparameters> choices = hyperparameters_to_try(candidate);
    try {
      const Config config = budgets_->config_of(candidate, choices[choices.size() / 2]);
      std::vector<std::string> notes;
      if (changes_length(budget_)) add_plan_notes(candidate, config, draw(config_.train.seed), notes);
      for (const std::string& note : notes) say(note);
      return fits_.insert(candidate.name).second;
    } catch (const OverBudget& error) {
      say(concat(candidate.name, " is left out: ", error.what()));
      over_budget_.insert(candidate.name);
      time_left_.drop(candidate.name);
      return false;
    }
  }

  TuningTrial run_trial(const Candidate& candidate, const Hyperparameters& choice) {
    const std::string work =
        concat(candidate.name, " tuning lr ", choice.lr, ' ', options_text(choice.options));
    if (const TuningTrial* done = journal_->find_trial(candidate.name, choice.lr, choice.options)) {
      announce(candidate.name, concat(" tuning lr ", choice.lr));
      return *done;
    }
    if (const auto failed = failed_trials_.find(work); failed != failed_trials_.end()) return failed->second;
    TuningTrial trial{.strategy = candidate.name, .lr = choice.lr, .options = choice.options};
    trial.seed = runs_.tuning_seed();
    std::optional<Config> config;
    try {
      budgets_->check_machine();
      config = budgets_->config_of(candidate, choice);  // which another worker may be measuring
    } catch (const OverBudget& error) {
      say(concat(candidate.name, " at lr ", choice.lr, " failed: ", error.what()));
      return failed_trials_[work] = trial;
    }
    claim(*journal_, work);
    if (const TuningTrial* done = journal_->find_trial(candidate.name, choice.lr, choice.options))
      return *done;
    announce(candidate.name, concat(" tuning lr ", choice.lr));
    time_left_.begin(candidate.name);
    try {
      if (!runs_.run_trial(candidate, *config, outcome_.metric, trial)) return trial;
    } catch (const std::exception& error) {
      say(concat(candidate.name, " at lr ", choice.lr, " failed: ", error.what()));
      journal_->release(work);
      failed_trials_[work] = trial;
    }
    journal_->add(trial);
    time_left_.end();
    return trial;
  }

  // In a random order, so that a machine that slows down or warms up favours no strategy.
  void report_runs() {
    std::erase_if(candidates_, [this](const Candidate& c) { return over_budget_.count(c.name) > 0; });
    if (candidates_.empty())
      fail_input("no strategy fits the budget ", in_quotes(config_.compare.budget),
                 " (compare.budget); give it more");
    evaluation_.time = now_utc();
    if (!all_runs_are_known()) {
      budgets_->check_machine();
      if (journal_->claim("test evaluation")) record_test_evaluation(evaluation_);  // one for all
    }
    const auto rows = static_cast<std::int64_t>(baselines_.size() + candidates_.size());
    const RandomKey key = random_key(config_.train.seed, "compare.order");
    work_off(random_permutation(key, rows * runs_per_strategy()), *journal_, request_.stop,
             [this](std::int64_t i) {
               report_run(static_cast<std::size_t>(i / runs_per_strategy()),
                          static_cast<std::uint64_t>(i % runs_per_strategy()));
             });
    replace_failed(outcome_.runs, *journal_);
    sort_rows(outcome_.runs, row_names());
  }

  bool all_runs_are_known() const {
    for (const std::string& name : row_names())
      for (std::int64_t run = 0; run < runs_per_strategy() && untuned_.count(name) == 0; ++run)
        if (journal_->find_run(name, config_.train.seed + static_cast<std::uint64_t>(run)) == nullptr)
          return false;
    return true;
  }

  std::vector<std::string> row_names() const {
    std::vector<std::string> names = baselines_;
    for (const bool baseline : {true, false})
      for (const Candidate& candidate : candidates_)
        if (candidate.is_baseline == baseline) names.push_back(candidate.name);
    return names;
  }

  void report_run(std::size_t row_index, std::uint64_t number) {
    const std::uint64_t base = config_.train.seed;
    ReportedRun row;
    row.seed = base + number;
    row.draw = base + number / static_cast<std::uint64_t>(config_.compare.repeats);
    row.metric = outcome_.metric;
    row.status = RunStatus::failed;
    const bool is_baseline = row_index < baselines_.size();
    row.strategy = is_baseline ? baselines_[row_index] : candidates_[row_index - baselines_.size()].name;
    const std::string work = concat(row.strategy, " seed ", row.seed);
    if (const ReportedRun* done = journal_->find_run(row.strategy, row.seed)) {
      announce(row.strategy, concat(" seed ", row.seed));
      outcome_.runs.push_back(*done);
      return;
    }
    // Not in the journal, so that --resume may tune it.
    if (const auto untuned = untuned_.find(row.strategy); untuned != untuned_.end()) {
      row.status = untuned->second;
      outcome_.runs.push_back(std::move(row));
      return;
    }
    claim(*journal_, work);
    if (const ReportedRun* done = journal_->find_run(row.strategy, row.seed))
      return outcome_.runs.push_back(*done);
    announce(row.strategy, concat(" seed ", row.seed));
    row.machine = machine_of(outcome_);
    time_left_.begin(row.strategy);
    try {
      if (is_baseline)
        runs_.report_baseline(row);
      else if (!report_candidate(candidates_[row_index - baselines_.size()], row))
        return;
    } catch (const std::exception& error) {
      say(concat(work, " failed: ", error.what()));
      journal_->release(work);
    }
    journal_->add(row);
    time_left_.end();
    outcome_.runs.push_back(std::move(row));
  }

  // False where a signal came in between.
  bool report_candidate(const Candidate& candidate, ReportedRun& row) {
    const Hyperparameters& choice = chosen_.at(candidate.name);
    row.lr = choice.lr;
    return runs_.report(candidate, budgets_->config_of(candidate, choice), row);
  }

  void conclude() {
    outcome_.interrupted = stopped();
    for (const ReportedRun& run : outcome_.runs) outcome_.test_evaluations += run.test_evaluations;
    std::vector<SummaryRow> rows;
    const PreparedData data = draw(config_.train.seed);
    for (const std::string& name : row_names()) {
      SummaryRow row;
      row.strategy = name;
      row.exploratory = journal_->is_exploratory(name);
      const auto candidate = std::find_if(candidates_.begin(), candidates_.end(),
                                          [&](const Candidate& c) { return c.name == name; });
      row.is_baseline = candidate == candidates_.end() || candidate->is_baseline;
      row.about =
          candidate == candidates_.end() ? about_baseline(name, {config_, source_, data}) : candidate->about;
      if (const auto choice = chosen_.find(name); choice != chosen_.end()) {
        row.options = choice->second.options;
        row.lr_scale = lr_scale(*candidate);
        row.settings = settings_of(budgets_->config_of(*candidate, choice->second), choice->second, config_);
      }
      rows.push_back(row);
    }
    summarise(rows, config_, outcome_);
    for (const std::string& note : closing_notes(budget_, outcome_)) say(note);
    for (const Candidate& candidate : candidates_)
      if (const ReportedRun* run = first_run_of(candidate.name, outcome_.runs))
        outcome_.pictures.push_back(
            make_picture(budgets_->config_of(candidate, chosen_.at(candidate.name)), candidate, data, *run));
  }

  // `counts`: runs of those that were expected.
  void announce(const std::string& name, const std::string& what, std::int64_t counts = 1) {
    if (!announced_.insert(name + what).second) return;
    if (request_.progress)
      request_.progress(
          {done_, std::max(total_, done_ + 1), name + what, time_left_.seconds(journal_->workers())});
    done_ += counts;
    time_left_.pass(name, counts);
  }

  const CompareRequest& request_;
  Config config_;
  Budget budget_;
  std::string began_ = request_.began.empty() ? now_utc() : request_.began;
  ModelSource source_;
  PreparedData loaded_;
  CandidateRuns runs_{request_, config_, source_, loaded_, [this](const std::string& text) { say(text); }};
  std::string start_;                            // starting_fingerprint()
  TestEvaluation evaluation_;                    // this comparison's own
  std::vector<std::string> data_notes_, notes_;  // of prepare(), for when nothing can be wrong any more
  std::optional<RunFolder> folder_;
  std::optional<Journal> journal_;
  std::optional<CandidateBudgets> budgets_;
  CompareOutcome outcome_;
  std::vector<std::string> baselines_;  // those that do not train the network
  std::vector<Candidate> candidates_;
  std::map<std::string, Hyperparameters> chosen_;
  std::map<std::string, RunStatus> untuned_;  // strategies without a trial that ended well: their status
  std::set<std::string> over_budget_, fits_, announced_;
  std::map<std::string, TuningTrial> failed_trials_;  // no result: --resume tries them again
  std::int64_t done_ = 0, total_ = 0;
  TimeLeft time_left_;
};

}  // namespace

CompareOutcome compare(const CompareRequest& request) { return Comparison(request).run(); }

}  // namespace thaw
