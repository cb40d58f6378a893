// Errors that a user can cause. A message is one line and says what is wrong, where, and how to fix it:
//   [matmul] inner dimensions differ: a [8, 16] x b [32, 4]
// Impossible states are asserted instead.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace thaw {

// An error caused by the caller's input or by the machine (disk, memory).
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The user's input is wrong: usage, config, data or weights. The program then exits with code 2.
struct InputError : Error {
  using Error::Error;
};

// The parts, streamed one after another:
//   concat("a ", 3) == "a 3"
template <class... Parts>
std::string concat(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  throw Error(concat(parts...));
}

template <class... Parts>
[[noreturn]] void fail_input(const Parts&... parts) {
  throw InputError(concat(parts...));
}

}  // namespace thaw
