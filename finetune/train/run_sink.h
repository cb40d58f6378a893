// Where a run is written while it trains.
#pragma once

#include <cstdint>
#include <string>

namespace thaw {

class RunSink {
 public:
  virtual ~RunSink() = default;

  // The folder of the checkpoints.
  virtual std::string checkpoints() const = 0;

  // Appends one JSON line to metrics.jsonl.
  virtual void append_metrics(const std::string& json_line) = 0;
  virtual std::int64_t metrics_bytes() const = 0;
  // Cuts metrics.jsonl back to what a checkpoint knew; false where it is shorter than that already.
  virtual bool truncate_metrics(std::int64_t bytes) = 0;
};

}  // namespace thaw
