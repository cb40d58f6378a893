// How long a comparison still takes, by what its runs have taken so far.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "finetune/common/clock.h"

namespace thaw {

// Runs of one name (a candidate or a baseline) are taken to last as long as those of it that were timed; a
// name of which none was as long as the mean of all that train. Nothing is known before one that trains was timed.
class TimeLeft {
 public:
  void expect(const std::string& name, std::int64_t runs,
              bool trains = true);                        // beside what was expected before
  void pass(const std::string& name, std::int64_t runs);  // are to come no more
  void drop(const std::string& name);                     // none of it is to come
  // A run of it, timed. One that is begun and not ended, for a signal came, is none.
  void begin(const std::string& name);
  void end() { end(seconds_since(start_)); }
  void end(double seconds);

  // Of so many workers, which share what is to come.
  std::optional<double> seconds(std::int64_t workers = 1) const;

 private:
  struct Runs {
    std::int64_t to_come = 0, timed = 0;
    bool trains = true;
    double seconds = 0;
  };
  std::map<std::string, Runs> runs_;
  std::string now_;
  Clock::time_point start_;
};

}  // namespace thaw
