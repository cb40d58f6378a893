#include "finetune/cli/workers.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/train/prefix_setup.h"
#include "kernels/kernels.h"

namespace thaw::cli {
namespace {

std::vector<std::string> words_of(const Arguments& arguments, const std::string& out) {
  std::vector<std::string> words{"thaw", "compare",  arguments.config, "--out",
                                 out,    "--resume", "--threads",      std::to_string(num_threads())};
  const auto add = [&](const char* option, const std::string& value) {
    words.emplace_back(option);
    words.push_back(value);
  };
  for (const std::string& text : arguments.set) add("--set", text);
  if (!arguments.strategies.empty()) add("--strategies", joined(arguments.strategies, ","));
  if (arguments.seeds) add("--seeds", std::to_string(*arguments.seeds));
  if (arguments.tune) add("--tune", std::to_string(*arguments.tune));
  if (!arguments.budget.empty()) add("--budget", arguments.budget);
  if (arguments.allow_missing) words.emplace_back("--allow-missing");
  return words;
}

// In the new process.
[[noreturn]] void become_worker(const std::vector<std::string>& words, const std::string& log) {
  // Signals come from the process that waits for it, once, or when that one dies; not from the terminal too.
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  ::dup2(::open("/dev/null", O_RDWR), STDOUT_FILENO);
  const int file = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
  if (file >= 0) ::dup2(file, STDERR_FILENO);
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  ::execv("/proc/self/exe", argv.data());
  _exit(127);
}

}  // namespace

void share_machine(const Arguments& arguments) {
  set_num_threads(std::max(1, num_threads() / static_cast<int>(arguments.workers)));
  ::setenv(kWorkersVariable, std::to_string(arguments.workers).c_str(), 1);
}

void WorkerProcesses::start() {
  if (has_started_) return;
  has_started_ = true;
  const std::vector<std::string> words = words_of(arguments_, out_);
  for (std::int64_t number = 2; number <= arguments_.workers; ++number) {
    const std::string log = concat(out_, "/worker-", number, ".log");
    const pid_t process = ::fork();
    if (process == 0) become_worker(words, log);
    if (process > 0)
      processes_.push_back({number, process});
    else
      not_started_.push_back(concat("worker ", number, " could not be started (", std::strerror(errno),
                                    "); the others do its share"));
  }
}

void WorkerProcesses::stop() {
  for (const auto& [number, process] : processes_) ::kill(process, SIGTERM);
}

std::vector<std::string> WorkerProcesses::wait() {
  std::vector<std::string> told = std::exchange(not_started_, {});
  for (const auto& [number, process] : processes_) {
    int status = 0;
    while (::waitpid(process, &status, 0) < 0 && errno == EINTR) {
    }
    // 1: some run went badly, which the table says; or it was asked to end.
    const bool ended =
        WIFEXITED(status) && (WEXITSTATUS(status) <= 1 || WEXITSTATUS(status) == 128 + SIGTERM);
    if (ended) continue;
    told.push_back(concat("worker ", number, " ended before its time; the others did what it had begun (",
                          out_, "/worker-", number, ".log says why)"));
  }
  processes_.clear();
  return told;
}

WorkerProcesses::~WorkerProcesses() {
  stop();
  wait();
}

}  // namespace thaw::cli
