#include "finetune/train/chrome_trace.h"

#include <chrono>
#include <cmath>

#include "core/error.h"
#include "finetune/common/json.h"

namespace thaw {
namespace {

// Not 0: viewers take thread 0 for the system's own.
constexpr int kUpdateRow = 1;
int section_row(Section section) { return 2 + static_cast<int>(section); }

// The format's unit; what is behind the point are whole nanoseconds.
double microseconds(std::chrono::duration<double> time) {
  return std::round(std::chrono::duration<double, std::nano>(time).count()) / 1000;
}

Json event_json(const char* phase, int row) { return Json{{"ph", phase}, {"pid", 1}, {"tid", row}}; }

// Rows are "threads" to the viewers, which sort them as they please unless they are told.
void add_row(Json& events, int row, const char* name) {
  Json named = event_json("M", row), sorted = named;
  named.update({{"name", "thread_name"}, {"args", {{"name", name}}}});
  sorted.update({{"name", "thread_sort_index"}, {"args", {{"sort_index", row}}}});
  events.push_back(named);
  events.push_back(sorted);
}

}  // namespace

void ChromeTrace::begin(std::int64_t update) {
  if (complete_) return;
  update_ = update;
  kernels_.clear();
  begin_ = Clock::now();
}

void ChromeTrace::end() {
  if (complete_) return;
  end_ = Clock::now();
  complete_ = true;
}

void ChromeTrace::on_kernel(const KernelEvent& event) {
  if (!complete_) kernels_.push_back({event, trace_state});
}

std::string ChromeTrace::json() const {
  Json events = Json::array();
  add_row(events, kUpdateRow, "update");
  for (int s = 0; s < kSections; ++s) {
    const auto section = static_cast<Section>(s);
    add_row(events, section_row(section), section_name(section));
  }
  const auto add = [&](int row, const std::string& name, const char* category, Clock::time_point start,
                       std::chrono::duration<double> length, const Json& args) {
    Json event = event_json("X", row);
    event.update({{"name", name},
                  {"cat", category},
                  {"ts", microseconds(start - begin_)},
                  {"dur", microseconds(length)},
                  {"args", args}});
    events.push_back(event);
  };
  add(kUpdateRow, concat("update ", update_), "update", begin_, end_ - begin_, {{"update", update_}});
  for (const auto& [event, asked_by] : kernels_)
    add(section_row(asked_by.section), event.name, section_name(asked_by.section), event.start,
        std::chrono::duration<double>(event.seconds),
        {{"module", scope_path(asked_by.scope)}, {"flops", event.flops}, {"bytes", event.bytes}});
  return json_line(Json{{"displayTimeUnit", "ns"}, {"traceEvents", events}}) + "\n";
}

}  // namespace thaw
