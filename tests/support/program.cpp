#include "tests/support/program.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>
#include <thread>

#include "tests/support/files.h"

namespace thaw::test {
namespace {

namespace fs = std::filesystem;

enum class Output { file, closed };

// Standard streams go through files: a pipe that nobody reads meanwhile could fill up.
pid_t start(const std::vector<std::string>& arguments, const TemporaryFolder& streams,
            const std::vector<std::string>& environment = {}, Output output = Output::file) {
  std::vector<char*> argv = {const_cast<char*>(THAW_PROGRAM)};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const std::string in = streams.path("in"), out = streams.path("out"), err = streams.path("err");
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("fork failed");
  if (child > 0) return child;
  ::dup2(::open(in.c_str(), O_RDONLY), STDIN_FILENO);
  ::dup2(::open(out.c_str(), O_WRONLY | O_CREAT, 0600), STDOUT_FILENO);
  ::dup2(::open(err.c_str(), O_WRONLY | O_CREAT, 0600), STDERR_FILENO);
  if (output == Output::closed) ::close(STDOUT_FILENO);
  // No test writes into the user's own folder.
  const std::string cache = "THAW_CACHE=" + (fs::temp_directory_path() / "thaw-tests-cache").string();
  if (::getenv("THAW_CACHE") == nullptr) ::putenv(const_cast<char*>(cache.c_str()));
  for (const std::string& variable : environment) ::putenv(const_cast<char*>(variable.c_str()));
  ::execv(argv[0], argv.data());
  _exit(127);
}

ProgramResult wait_for(pid_t child, const TemporaryFolder& streams) {
  int status = 0;
  ::waitpid(child, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), file_text(streams.path("out")),
          file_text(streams.path("err"))};
}

}  // namespace

ProgramResult run_program(const std::vector<std::string>& arguments, const std::string& input) {
  const TemporaryFolder streams;
  streams.write("in", input);
  return wait_for(start(arguments, streams), streams);
}

ProgramResult run_program_without_output(const std::vector<std::string>& arguments) {
  const TemporaryFolder streams;
  streams.write("in", "");
  return wait_for(start(arguments, streams, {}, Output::closed), streams);
}

ProgramResult run_program_in(const std::vector<std::string>& environment,
                             const std::vector<std::string>& arguments) {
  const TemporaryFolder streams;
  streams.write("in", "");
  return wait_for(start(arguments, streams, environment), streams);
}

ProgramResult run_program_and_signal(const std::vector<std::string>& arguments,
                                     std::chrono::milliseconds delay, int signal) {
  const TemporaryFolder streams;
  streams.write("in", "");
  const pid_t child = start(arguments, streams);
  std::this_thread::sleep_for(delay);
  ::kill(child, signal);  // harmless to a child that has ended: it stays until it is waited for
  return wait_for(child, streams);
}

namespace {

std::intmax_t size_of(const std::string& file) {
  std::error_code missing;
  const std::uintmax_t size = fs::file_size(file, missing);
  return missing ? -1 : static_cast<std::intmax_t>(size);
}

bool has_ended(pid_t child) {
  siginfo_t state{};
  return ::waitid(P_PID, static_cast<id_t>(child), &state, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         state.si_pid != 0;
}

void wait_for_change(pid_t child, const std::string& file, std::intmax_t before) {
  while (size_of(file) == before && !has_ended(child))
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

}  // namespace

ProgramResult run_program_and_signal(const std::vector<std::string>& arguments, const std::string& file,
                                     int signal) {
  const TemporaryFolder streams;
  streams.write("in", "");
  const std::intmax_t before = size_of(file);
  const pid_t child = start(arguments, streams);
  wait_for_change(child, file, before);
  ::kill(child, signal);
  return wait_for(child, streams);
}

ProgramResult run_program_and_signal_reader(const std::vector<std::string>& arguments, int signal) {
  const TemporaryFolder streams;
  if (::mkfifo(streams.path("in").c_str(), 0600) != 0) throw std::runtime_error("mkfifo failed");
  ::signal(SIGPIPE, SIG_IGN);  // should it not read to the end
  const pid_t child = start(arguments, streams);
  const int pipe = ::open(streams.path("in").c_str(), O_WRONLY);
  // More than a pipe holds: the last of it is written when the program has read the first.
  const std::string lines(4096, '\n');
  for (int i = 0; i < 256 && ::write(pipe, lines.data(), lines.size()) > 0; ++i) {
  }
  ::kill(child, signal);
  ::close(pipe);
  return wait_for(child, streams);
}

ProgramResult run_program_and_signal_twice(const std::vector<std::string>& environment,
                                           const std::vector<std::string>& arguments,
                                           const std::string& first, const std::string& second, int signal) {
  const TemporaryFolder streams;
  streams.write("in", "");
  const std::intmax_t before_first = size_of(first), before_second = size_of(second);
  const pid_t child = start(arguments, streams, environment);
  wait_for_change(child, first, before_first);
  ::kill(child, signal);
  wait_for_change(child, second, before_second);
  ::kill(child, signal);
  return wait_for(child, streams);
}

}  // namespace thaw::test
