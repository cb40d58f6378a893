// The journal of a comparison, journal.jsonl: a line for each trial and each reported run that came to its
// end, so that --resume does nothing twice; and one for each that a worker has begun, so that several may work at once.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "finetune/compare/candidate.h"
#include "finetune/compare/worker.h"
#include "finetune/config/config.h"
#include "finetune/report/comparison.h"
#include "nn/io/files.h"

namespace thaw {

class Journal {
 public:
  // Reads what is there; a last line that a kill cut short is dropped. InputError for a journal that cannot
  // be read, naming the line. `machine`: what seconds of this session are measured on, in words.
  explicit Journal(const std::string& folder, std::string machine = "");

  // What must be the same in every session, beside the config.
  struct Identity {
    std::string data;        // content hashes of pool, validation and test data
    std::string prediction;  // its hash; empty: none
    std::string start;       // starting_fingerprint(), see earlier_evaluations.h
  };
  // The strategies of this session. Those that an earlier session did not have, although a run of it had
  // evaluated on the test data, are exploratory. InputError where an earlier session had others, other data or
  // another prediction. `began`: this session, UTC.
  void begin(const std::vector<std::string>& strategies, const Identity& identity, const std::string& began);
  // InputError where a run cannot be one on so many test samples of so many classes, and where there are results but no
  // config.toml beside them.
  void check_runs(std::size_t samples, std::size_t classes) const;
  // InputError where a budget was measured on another machine.
  void check_machine() const;
  // How many seeds are compared from now on, and how many were when the first result came.
  void begin_seeds(std::int64_t seeds);
  std::int64_t seeds_before_results() const { return seeds_before_results_; }
  // When the first session began: test evaluations since then are this comparison's own. A journal of
  // before this was kept knows its first session since, so that its evaluations count as another's.
  const std::string& began() const { return began_; }
  bool is_exploratory(const std::string& strategy) const;

  // ---- work

  // Takes a piece of work for this process: false where another one that lives has it. What a dead one had is free. Whether
  // it is done is to be asked afterwards.
  bool claim(const std::string& work);
  // It came to nothing: others may try.
  void release(const std::string& work);
  // How many work on it: this one, and those that live of whoever claimed something.
  std::int64_t workers() const;
  // Reads what other workers have written since.
  void refresh();

  // What tuning chose, null where it was not done, and its trials by learning rate, the chosen one marked.
  const Hyperparameters* find_hyperparameters(const std::string& strategy) const;
  std::vector<TuningTrial> trials_of(const std::string& strategy) const;
  // The first that a worker adds counts.
  void add_hyperparameters(const std::string& strategy, const Hyperparameters& choice);

  // Null where it was not done.
  const TuningTrial* find_trial(const std::string& strategy, double lr, const OptionMap& options) const;
  const ReportedRun* find_run(const std::string& strategy, std::uint64_t seed) const;

  // The length of runs and size of batches that a budget gave, by strategy and its options in words. False:
  // not known.
  bool restore_budget(const std::string& strategy, const std::string& options, TrainSection& train) const;
  void add_budget(const std::string& strategy, const std::string& options, const TrainSection& train);

  void add(const TuningTrial& trial);
  void add(const ReportedRun& run);

 private:
  void append(const std::string& line);
  void write(const std::string& line);
  void check_file() const;
  void read_new_lines();
  void read_line(const std::string& line, std::size_t number);

  std::string path_, machine_, budget_machine_, began_;
  FileDescriptor file_;
  std::optional<Worker> worker_;
  std::int64_t read_ = 0;  // bytes
  std::int64_t seeds_ = 0, seeds_before_results_ = 0;
  std::size_t lines_ = 0;
  std::map<std::string, std::string> claims_;  // work -> worker
  std::map<std::pair<std::string, std::string>, TrainSection> budgets_;
  std::map<std::string, Hyperparameters> choices_;
  std::vector<TuningTrial> trials_;
  std::vector<ReportedRun> runs_;
  std::vector<std::string> known_, exploratory_;
  std::optional<Identity> identity_;
};

}  // namespace thaw
