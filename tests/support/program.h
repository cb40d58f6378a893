// Runs the program as a user does: a process with arguments, its output, its exit code.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

namespace thaw::test {

struct ProgramResult {
  int code = 0;  // exit code, or minus the signal that ended it
  std::string out;
  std::string err;
};

// Runs `thaw` to its end with `input` on its standard input.
ProgramResult run_program(const std::vector<std::string>& arguments, const std::string& input = "");

// The same with variables added to its environment, as "NAME=VALUE".
ProgramResult run_program_in(const std::vector<std::string>& environment,
                             const std::vector<std::string>& arguments);

// The same with a standard output that is closed.
ProgramResult run_program_without_output(const std::vector<std::string>& arguments);

// Starts `thaw` and ends it with `signal` after `delay`, if it still runs then.
ProgramResult run_program_and_signal(const std::vector<std::string>& arguments,
                                     std::chrono::milliseconds delay, int signal);

// The same once it has changed the size of `file`, or made it, which says that it is at work.
ProgramResult run_program_and_signal(const std::vector<std::string>& arguments, const std::string& file,
                                     int signal);

// Starts `thaw` with a pipe for its standard input, which stays open, and sends it `signal` once it reads.
ProgramResult run_program_and_signal_reader(const std::vector<std::string>& arguments, int signal);

// Starts `thaw` and sends it `signal` twice: once it has changed `first`, and once it has changed `second`.
ProgramResult run_program_and_signal_twice(const std::vector<std::string>& environment,
                                           const std::vector<std::string>& arguments,
                                           const std::string& first, const std::string& second, int signal);

}  // namespace thaw::test
