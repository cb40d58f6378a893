// Work that several workers share by the journal of their comparison.
#pragma once

#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "finetune/common/stop.h"
#include "finetune/compare/journal.h"

namespace thaw {

// Thrown where another worker has a piece of work.
struct Busy {};

// Takes a piece of work, or throws Busy.
inline void claim(Journal& journal, const std::string& work) {
  if (!journal.claim(work)) throw Busy{};
}

// Calls `work` of each item, in order, until all are done: one that another worker has is passed over, and waited for in
// the end.
template <class Item, class Work>
void work_off(std::vector<Item> items, Journal& journal, const StopToken* stop, const Work& work) {
  constexpr auto kPause = std::chrono::milliseconds(100);
  while (!items.empty()) {
    std::vector<Item> busy;
    for (const Item& item : items) {
      if (stop_requested(stop)) return;
      try {
        work(item);
      } catch (const Busy&) {
        busy.push_back(item);
      }
    }
    items = std::move(busy);
    if (!items.empty()) std::this_thread::sleep_for(kPause);
    journal.refresh();
  }
}

// What failed here may have gone well elsewhere.
inline void replace_failed(std::vector<ReportedRun>& runs, Journal& journal) {
  journal.refresh();
  for (ReportedRun& run : runs) {
    const ReportedRun* done =
        run.status == RunStatus::failed ? journal.find_run(run.strategy, run.seed) : nullptr;
    if (done != nullptr) run = *done;
  }
}

}  // namespace thaw
