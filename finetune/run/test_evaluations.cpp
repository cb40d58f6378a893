#include "finetune/run/test_evaluations.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <sstream>

#include "core/error.h"
#include "finetune/common/json.h"
#include "finetune/common/utf8.h"
#include "nn/io/files.h"

namespace thaw {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMostBytes = std::int64_t{1} << 30;

// The folder that holds `folder`.
std::string register_beside(const std::string& folder) {
  return (fs::path(folder).parent_path() / "test_looks.jsonl").string();
}

// A run of a comparison is in its folder STRATEGY/seed-N, a comparison of a study in a folder of that.
std::string folder_that_registers(const fs::path& run) {
  const fs::path comparison = run.parent_path().parent_path();
  if (!fs::exists(comparison / "journal.jsonl")) return run.string();
  const fs::path study = comparison.parent_path();
  return (fs::exists(study / "cells.txt") ? study : comparison).string();
}

std::string text_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

void write_evaluation(const TestEvaluation& evaluation, const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  if (!file.is_open()) fail("cannot write ", path, ": ", std::strerror(errno), "; choose another --out");
  // A line that was cut short must not take this one with it.
  const off_t size = ::lseek(file.get(), 0, SEEK_END);
  char last = '\n';
  if (size > 0 && ::pread(file.get(), &last, 1, size - 1) != 1)
    fail("cannot read ", path, ": ", std::strerror(errno), "; choose another --out");
  FileWriter(file.get(), path)
      .write((last == '\n' ? "" : "\n") +
             json_line(Json{{"test", evaluation.test},
                            {"by", evaluation.by},
                            {"config", evaluation.config},
                            {"time", evaluation.time}}) +
             "\n");
}

}  // namespace

std::vector<TestEvaluation> earlier_evaluations(const std::string& test, const std::string& by,
                                                const std::string& since) {
  std::vector<TestEvaluation> earlier;
  const std::string path = register_beside(by);
  if (!fs::exists(path)) return earlier;
  std::istringstream file(read_file(path, kMostBytes));
  for (std::string line; std::getline(file, line);) {
    const Json json = Json::parse(line, nullptr, false);
    if (!json.is_object()) continue;
    TestEvaluation found{text_of(json, "test"), text_of(json, "by"), text_of(json, "config"),
                         text_of(json, "time")};
    if (found.test != test) continue;
    if (found.by == by && found.time >= since) break;  // what came after its own first is no earlier one
    earlier.push_back(std::move(found));
  }
  return earlier;
}

void check_can_record(const std::string& by) {
  if (!is_utf8(by))
    fail_input("the path ", by,
               " is not UTF-8, as test evaluations are recorded by it; choose another --out");
  const std::string path = register_beside(by), folder = fs::path(path).parent_path().string();
  const std::string& asked = fs::exists(path) ? path : folder;
  if (fs::exists(asked) && ::faccessat(AT_FDCWD, asked.c_str(), R_OK | W_OK, AT_EACCESS) != 0)
    fail_input("test evaluations are recorded in ", path, ", which cannot be written (", std::strerror(errno),
               "); choose another --out");
}

void record_test_evaluation(const TestEvaluation& evaluation) {
  write_evaluation(evaluation, register_beside(evaluation.by));
}

void record_test_evaluation_with_model(const TestEvaluation& evaluation) {
  write_evaluation(evaluation, register_beside(folder_that_registers(evaluation.by)));
}

std::string registered_name(const std::string& folder) {
  const fs::path path = fs::absolute(folder).lexically_normal();
  return (path.has_filename() ? path : path.parent_path()).string();  // "run/" is "run"
}

// To the microsecond: short comparisons follow each other within a second.
std::string now_utc() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
  const std::time_t time = seconds.count();
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[32];
  const std::string date(text, std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts));
  const auto rest = std::chrono::duration_cast<std::chrono::microseconds>(now - seconds).count();
  return concat(date, '.', std::to_string(1'000'000 + rest).substr(1), 'Z');
}

}  // namespace thaw
