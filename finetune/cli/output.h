// Results to standard output, messages and progress to standard error.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thaw::cli {

// Writes a result. A reader that has gone away (a closed pipe) is no error; a full disk is.
void print(std::string_view result);

// The same into a file, atomically, if `path` is not empty.
void write_result(const std::string& path, std::string_view result);

// Columns of the terminal that results go to; 120 where they go elsewhere.
std::size_t terminal_width();

// Refuses, before any work is done for it, a result file that could not be written. `option` is the one that
// named it.
void check_output(const std::string& path, const char* option);

// One word for a shell: as it is where it is plain, else in single quotes.
std::string for_shell(const std::string& text);

// For messages: the text with control characters, line ends among them, made blanks and bytes that are not
// UTF-8 made question marks; of a very long text the middle is left out.
std::string one_line(std::string_view text);

// How far the work is: a bar with the time left on a terminal, a plain line per tenth elsewhere. Its last
// line is ended when it is destroyed.
class Progress {
 public:
  // `has_rows`: lines of tenths wait a moment for the row that may stand in their place.
  explicit Progress(bool has_rows = false);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `what` follows the numbers: "loss 0.12". The time left is that of work which goes on as it did.
  void show(std::int64_t done, std::int64_t total, const std::string& what);
  // The same for work that is not even: the time left is what the caller knows of it, if anything.
  void show(std::int64_t done, std::int64_t total, const std::string& what,
            std::optional<double> seconds_left);
  void message(const std::string& text);
  // Likewise, but as it is, with the work at `done`: a tenth just reached, or soon, has no line of its own.
  void row(const std::string& text, std::int64_t done);

 private:
  void begin_at(std::int64_t done, std::int64_t total);
  void show_line(std::int64_t done, std::int64_t total, const std::string& what, const std::string& left);
  void draw(std::int64_t done, std::int64_t total, const std::string& words);
  void erase_bar();
  void write_tenth();

  using Clock = std::chrono::steady_clock;
  const bool on_terminal_;
  const bool has_rows_;
  bool bar_is_drawn_ = false;
  std::int64_t first_done_ = -1;  // where this process began
  std::int64_t last_tenth_ = 0;
  std::string tenth_;           // the line that waits
  std::int64_t last_row_ = -1;  // what was done at the last row; -1: there was none
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_drawn_{};
};

}  // namespace thaw::cli
