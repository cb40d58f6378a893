// The other processes of `thaw compare --workers N`: each goes on with the comparison in its folder, as a second shell with
// --resume would.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "finetune/cli/arguments.h"

namespace thaw::cli {

class WorkerProcesses {
 public:
  // Nothing runs before start().
  WorkerProcesses(const Arguments& arguments, std::string out)
      : arguments_(arguments), out_(std::move(out)) {}
  ~WorkerProcesses();
  WorkerProcesses(const WorkerProcesses&) = delete;
  WorkerProcesses& operator=(const WorkerProcesses&) = delete;

  // Once the comparison's folder is there; a second call does nothing. What they say goes to worker-N.log in it.
  void start();
  // Asks them to save what they have and end.
  void stop();
  // Waits for their end; what to tell the user of those that did not begin or end well.
  std::vector<std::string> wait();

 private:
  const Arguments& arguments_;
  std::string out_;
  std::vector<std::pair<std::int64_t, pid_t>> processes_;  // with their numbers, from 2
  std::vector<std::string> not_started_;                   // what to tell of them
  bool has_started_ = false;
};

// This process is one of so many that share the processors and the memory; those that it starts know it too.
void share_machine(const Arguments& arguments);

}  // namespace thaw::cli
