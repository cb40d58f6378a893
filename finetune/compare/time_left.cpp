#include "finetune/compare/time_left.h"

#include <algorithm>

namespace thaw {

void TimeLeft::expect(const std::string& name, std::int64_t runs, bool trains) {
  runs_[name].to_come += runs;
  runs_[name].trains = trains;
}

void TimeLeft::pass(const std::string& name, std::int64_t runs) {
  std::int64_t& to_come = runs_[name].to_come;
  to_come = std::max<std::int64_t>(to_come - runs, 0);
}

void TimeLeft::drop(const std::string& name) { runs_[name].to_come = 0; }

void TimeLeft::begin(const std::string& name) {
  now_ = name;
  start_ = Clock::now();
}

void TimeLeft::end(double seconds) {
  ++runs_[now_].timed;
  runs_[now_].seconds += seconds;
}

std::optional<double> TimeLeft::seconds(std::int64_t workers) const {
  Runs all;
  for (const auto& [name, runs] : runs_)
    if (runs.trains) all.timed += runs.timed, all.seconds += runs.seconds;
  if (all.timed == 0) return std::nullopt;
  double left = 0;
  for (const auto& [name, runs] : runs_) {
    const Runs& like = runs.timed > 0 ? runs : all;
    left += static_cast<double>(runs.to_come) * like.seconds / static_cast<double>(like.timed);
  }
  return left / static_cast<double>(workers);
}

}  // namespace thaw
