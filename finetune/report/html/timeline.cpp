#include "finetune/report/html/timeline.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "finetune/common/units.h"
#include "finetune/plan/plan_timeline.h"
#include "finetune/report/html/charts.h"
#include "finetune/report/html/html.h"
#include "finetune/report/verdict.h"

namespace thaw::report {
namespace {

constexpr double kGroupNames = 96, kGroupRow = 18, kGroupsEnd = kFigureWidth - 4;
constexpr std::int64_t kColumns = 60;
constexpr int kLevels = 8;      // of a bar's height
constexpr double kDecades = 3;  // of learning rates that they tell apart

class TimelineWriter {
 public:
  TimelineWriter(const StrategyPicture& picture, double lr)
      : picture_(picture),
        lr_(lr > 0 ? lr : 1),
        total_(static_cast<std::int64_t>(picture.schedule.size())),
        svg_(kGroupRow * static_cast<double>(picture.groups.size()) + 34) {
    for (const TimelineSegment& part : picture.timeline)
      for (std::int64_t k = part.segment.begin; k < end_of(part); ++k)
        for (const TimelineCell& cell : part.groups) highest_ = std::max(highest_, rate(cell, k));
  }

  std::string figure() {
    const std::size_t groups = picture_.groups.size();
    for (std::size_t g = 0; g < groups; ++g) write_group(g, kGroupRow * static_cast<double>(groups - 1 - g));
    const double bottom = kGroupRow * static_cast<double>(groups);
    for (const TimelineSegment& part : picture_.timeline)
      if (part.segment.begin > 0) svg_.line(x(part.segment.begin), 0, x(part.segment.begin), bottom, "phase");
    svg_.text(kGroupNames, bottom + 13, "update 1", "start", "tick");
    svg_.text(kGroupsEnd, bottom + 13, std::to_string(total_), "end", "tick");
    svg_.text(kGroupNames, bottom + 28,
              highest_ > 0 ? concat("full height: rate ", short_text(highest_, 3),
                                    "; half of it: ", short_text(highest_ * std::pow(10, -kDecades / 2), 2))
                           : "no learning rate",
              "start", "tick");
    return svg_.figure("timeline-" + anchor(picture_.strategy), "Trainable, and at which learning rate",
                       description());
  }

 private:
  std::int64_t end_of(const TimelineSegment& part) const { return std::min(part.segment.end, total_); }

  double rate(const TimelineCell& cell, std::int64_t update) const {
    if (cell.trainable == 0) return 0;
    return lr_ * picture_.schedule[static_cast<std::size_t>(update)] * cell.lr_mult_max *
           rewarmup_factor(update, cell.thawed, cell.rewarmup);
  }

  double x(std::int64_t update) const {
    return kGroupNames + static_cast<double>(update) /
                             static_cast<double>(std::max<std::int64_t>(total_, 1)) *
                             (kGroupsEnd - kGroupNames);
  }

  int level(double rate) const {
    return std::clamp(static_cast<int>(std::lround(kLevels * (1 + std::log10(rate / highest_) / kDecades))),
                      1, kLevels);
  }

  void write_group(std::size_t group, double y) {
    svg_.text(0, y + 13, shortened(picture_.groups[group], kGroupNames - 4));
    svg_.line(kGroupNames, y + kGroupRow - 1.5, kGroupsEnd, y + kGroupRow - 1.5, "grid");
    const std::int64_t step = std::max<std::int64_t>(1, total_ / kColumns);
    for (const TimelineSegment& part : picture_.timeline) {
      if (group >= part.groups.size() || part.groups[group].trainable == 0) continue;
      const TimelineCell& cell = part.groups[group];
      for (std::int64_t k = part.segment.begin; k < end_of(part);) {
        if (!(rate(cell, k) > 0)) {
          k += step;
          continue;
        }
        // Columns of one level are one bar: no seams, and a smaller page.
        const int height = level(rate(cell, k));
        std::int64_t end = std::min(k + step, end_of(part));
        while (end < end_of(part) && rate(cell, end) > 0 && level(rate(cell, end)) == height)
          end = std::min(end + step, end_of(part));
        write_bar(y, k, end, height, cell);
        k = end;
      }
    }
  }

  void write_bar(double y, std::int64_t begin, std::int64_t end, int height, const TimelineCell& cell) {
    const double full = kGroupRow - 4;
    const double tall = full * height / kLevels;
    const double first = rate(cell, begin), last = rate(cell, end - 1);
    svg_.rect(x(begin), y + 1 + full - tall, x(end) - x(begin), tall,
              concat("t", height, cell.trainable < cell.elements ? " part" : ""),
              concat("updates ", begin + 1, " to ", end, ": ", short_text(first, 3),
                     first == last ? "" : " to " + short_text(last, 3), "; ", cell.trainable, " of ",
                     cell.elements, " trainable"));
  }

  std::string description() const {
    std::string text;
    for (const TimelineSegment& part : picture_.timeline) {
      std::vector<std::string> names;
      for (std::size_t g = std::min(picture_.groups.size(), part.groups.size()); g-- > 0;)
        if (part.groups[g].trainable > 0) names.push_back(picture_.groups[g]);
      text += concat(text.empty() ? "" : "; ", "updates ", part.segment.begin + 1, " to ", part.segment.end,
                     " train ", names.empty() ? "nothing" : words_list(names));
    }
    return text;
  }

  const StrategyPicture& picture_;
  double lr_;
  std::int64_t total_;
  double highest_ = 0;
  Svg svg_;
};

}  // namespace

std::string timeline_figure(const StrategyPicture& picture, double lr) {
  if (picture.groups.empty() || picture.timeline.empty() || picture.schedule.empty()) return "";
  return TimelineWriter(picture, lr).figure();
}

}  // namespace thaw::report
