#include "finetune/cli/output.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "core/error.h"
#include "finetune/common/utf8.h"
#include "nn/io/files.h"

namespace thaw::cli {
namespace {

constexpr std::size_t kColumnsElsewhere = 120;
constexpr int kBarWidth = 24;
constexpr std::size_t kLongestLine = 600;  // characters
constexpr auto kRedrawInterval = std::chrono::milliseconds(100);

std::string duration_text(double seconds) {
  const auto whole = std::lround(seconds);
  char text[32];
  if (whole < 60)
    std::snprintf(text, sizeof(text), "%ld s", whole);
  else if (whole < 3600)
    std::snprintf(text, sizeof(text), "%ld:%02ld min", whole / 60, whole % 60);
  else
    std::snprintf(text, sizeof(text), "%ld:%02ld h", whole / 3600, whole / 60 % 60);
  return text;
}

// Of an estimate: 7 s, 40 s, 3 min, 2 h 10 min.
std::string rough_duration_text(double seconds) {
  const auto round_to = [](double value, double unit) {
    return std::lround(value / unit) * std::lround(unit);
  };
  if (seconds < 9.5) return std::to_string(std::max(std::lround(seconds), 1L)) + " s";
  if (seconds < 57.5) return std::to_string(round_to(seconds, 5)) + " s";
  const long minutes = std::max(std::lround(seconds / 60), 1L);
  if (minutes < 60) return std::to_string(minutes) + " min";
  const long rough = round_to(static_cast<double>(minutes), 10);
  return concat(rough / 60, " h", rough % 60 > 0 ? concat(" ", rough % 60, " min") : "");
}

}  // namespace

std::string for_shell(const std::string& text) {
  const auto is_plain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("/._-=,:+").find(c) != std::string_view::npos;
  };
  if (!text.empty() && std::all_of(text.begin(), text.end(), is_plain)) return text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

void print(std::string_view result) {
  while (!result.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, result.data(), result.size());
    if (written >= 0) {
      result.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EPIPE) {
      return;
    } else if (errno != EINTR) {
      fail("cannot write the result (standard output): ", std::strerror(errno), "; check where it goes");
    }
  }
}

void write_result(const std::string& path, std::string_view result) {
  if (path.empty())
    print(result);
  else
    atomic_write(path, result);
}

std::size_t terminal_width() {
  struct winsize size {};
  const bool known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : kColumnsElsewhere;
}

void check_output(const std::string& path, const char* option) {
  std::error_code ignored;
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  const std::string parent = folder.empty() ? "." : folder.string();
  if (std::filesystem::is_directory(path, ignored))
    fail_input("the output is a folder (", option, ' ', path, "); name a file in it");
  if (std::filesystem::exists(path, ignored) && !std::filesystem::is_regular_file(path, ignored))
    fail_input("the output is a device, a pipe or a socket (", option, ' ', path, "); name a file");
  if (!std::filesystem::is_directory(parent, ignored))
    fail_input("there is no folder ", parent, " (", option, ' ', path, "); make it, or write elsewhere");
  if (::access(parent.c_str(), W_OK) != 0)
    fail_input("the folder ", parent, " cannot be written to: ", std::strerror(errno), " (", option, ' ',
               path, "); write elsewhere");
}

std::string one_line(std::string_view text) {
  std::vector<std::string_view> characters;
  for (std::size_t at = 0, size = 0; at < text.size(); at += size) {
    size = utf8_sequence(text.substr(at));
    const bool is_control = static_cast<unsigned char>(text[at]) < 0x20 || text[at] == 0x7f;
    characters.push_back(is_control ? " " : size == 0 ? "?" : text.substr(at, size));
    size = std::max<std::size_t>(size, 1);
  }
  std::string line;
  for (std::size_t i = 0; i < characters.size(); ++i) {
    if (characters.size() > kLongestLine && i == kLongestLine / 2) {
      i = characters.size() - kLongestLine / 2;
      line += " [..] ";
    }
    line += characters[i];
  }
  return line;
}

Progress::Progress(bool has_rows) : on_terminal_(::isatty(STDERR_FILENO) != 0), has_rows_(has_rows) {}

Progress::~Progress() {
  write_tenth();
  if (bar_is_drawn_) std::fputc('\n', stderr);
}

void Progress::message(const std::string& text) {
  write_tenth();
  erase_bar();
  std::fprintf(stderr, "%s\n", one_line(text).c_str());
}

void Progress::row(const std::string& text, std::int64_t done) {
  tenth_.clear();
  erase_bar();
  std::fprintf(stderr, "%s\n", text.c_str());
  last_row_ = done;
}

void Progress::write_tenth() {
  std::fputs(tenth_.c_str(), stderr);
  tenth_.clear();
}

void Progress::show(std::int64_t done, std::int64_t total, const std::string& what) {
  begin_at(done - 1, total);
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  const double each = seconds / static_cast<double>(std::max<std::int64_t>(done - first_done_, 1));
  show_line(done, total, what, on_terminal_ ? duration_text(each * static_cast<double>(total - done)) : "");
}

void Progress::show(std::int64_t done, std::int64_t total, const std::string& what,
                    std::optional<double> seconds_left) {
  begin_at(done - 1, total);
  show_line(done, total, what, seconds_left ? "about " + rough_duration_text(*seconds_left) : "");
}

void Progress::begin_at(std::int64_t done, std::int64_t total) {
  if (first_done_ >= 0) return;
  first_done_ = std::max<std::int64_t>(done, 0);
  last_tenth_ = first_done_ * 10 / std::max<std::int64_t>(total, 1);
}

// `left`: the time, empty where it is not known.
void Progress::show_line(std::int64_t done, std::int64_t total, const std::string& what,
                         const std::string& left) {
  write_tenth();
  const std::string after = left.empty() ? "" : "  " + left + " left";
  if (on_terminal_) {
    const auto now = Clock::now();
    if (done < total && now - last_drawn_ < kRedrawInterval) return;
    last_drawn_ = now;
    draw(done, total, what + after);
  } else if (const std::int64_t tenth = done * 10 / std::max<std::int64_t>(total, 1); tenth > last_tenth_) {
    last_tenth_ = tenth;
    if (last_row_ < 0 || (done - last_row_) * 10 > total)
      tenth_ = concat(done, " of ", total, "  ", what, after, "\n");
    if (!has_rows_) write_tenth();
  }
}

void Progress::draw(std::int64_t done, std::int64_t total, const std::string& words) {
  const auto filled = static_cast<std::size_t>(done * kBarWidth / std::max<std::int64_t>(total, 1));
  const std::string bar = std::string(filled, '#') + std::string(kBarWidth - filled, '.');
  std::fprintf(stderr, "\r\033[K[%s] %lld/%lld  %s", bar.c_str(), static_cast<long long>(done),
               static_cast<long long>(total), words.c_str());
  bar_is_drawn_ = true;
}

void Progress::erase_bar() {
  if (bar_is_drawn_) std::fputs("\r\033[K", stderr);
  bar_is_drawn_ = false;
}

}  // namespace thaw::cli
