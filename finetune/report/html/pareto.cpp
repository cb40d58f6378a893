#include "finetune/report/html/pareto.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "core/error.h"
#include "finetune/common/units.h"
#include "finetune/report/html/charts.h"
#include "finetune/report/html/html.h"
#include "finetune/report/html/outcome.h"
#include "finetune/report/verdict.h"
#include "finetune/task/evaluate.h"

namespace thaw::report {
namespace {

struct ParetoPoint {
  const StrategySummary* summary;
  Interval cost;
  bool on_front = false;
};

struct Box {
  double left, top, right, bottom;
  bool meets(const Box& o) const {
    return left < o.right && o.left < right && top < o.bottom && o.top < bottom;
  }
};

// A point is on the front where no other is at least as good and as cheap, and better in one of the two.
void mark_front(std::vector<ParetoPoint>& points, bool higher) {
  const auto good = [&](const ParetoPoint& p) {
    return higher ? p.summary->value.mean : -p.summary->value.mean;
  };
  for (ParetoPoint& p : points)
    p.on_front = std::none_of(points.begin(), points.end(), [&](const ParetoPoint& o) {
      return good(o) >= good(p) && o.cost.mean <= p.cost.mean &&
             (good(o) > good(p) || o.cost.mean < p.cost.mean);
    });
}

struct Line {
  double x1, y1, x2, y2;
  bool crosses(const Box& box) const {
    constexpr int kParts = 200;
    for (int i = 0; i <= kParts; ++i) {
      const double x = x1 + (x2 - x1) * i / kParts, y = y1 + (y2 - y1) * i / kParts;
      if (x > box.left && x < box.right && y > box.top && y < box.bottom) return true;
    }
    return false;
  }
};

// Places for names beside their points, one after another: on no line, if that can be. A name for which there
// is no room gets none here.
class Labels {
 public:
  Labels(Box frame, std::vector<Box> taken, std::vector<Line> lines)
      : frame_(frame), taken_(std::move(taken)), lines_(std::move(lines)) {}

  std::optional<Box> place(double x, double y, double width) {
    std::optional<Box> box = find(x, y, width, true);
    if (!box) box = find(x, y, width, false);
    if (box) taken_.push_back(*box);
    return box;
  }

 private:
  std::optional<Box> find(double x, double y, double width, bool beside_lines) const {
    constexpr double kGap = 7, kHalf = 6;
    const double right = x + kGap, left = x - kGap - width;
    for (const auto& [at, middle] : {std::pair(right, y),
                                     {left, y},
                                     {right, y - 9},
                                     {right, y + 9},
                                     {left, y - 9},
                                     {left, y + 9},
                                     {x - width / 2, y - 13},
                                     {x - width / 2, y + 13}}) {
      const Box box{at, middle - kHalf, at + width, middle + kHalf};
      const bool is_inside = box.left >= frame_.left && box.right <= frame_.right && box.top >= frame_.top &&
                             box.bottom <= frame_.bottom;
      if (!is_inside || std::any_of(taken_.begin(), taken_.end(), [&](const Box& o) { return box.meets(o); }))
        continue;
      if (beside_lines &&
          std::any_of(lines_.begin(), lines_.end(), [&](const Line& line) { return line.crosses(box); }))
        continue;
      return box;
    }
    return std::nullopt;
  }

  Box frame_;
  std::vector<Box> taken_;
  std::vector<Line> lines_;
};

struct ParetoKind {
  std::string id, title, label;
  std::function<Interval(const StrategySummary&)> cost;
  NumberText text;
};

std::vector<ParetoPoint> points_of(const CompareOutcome& outcome, const ParetoKind& kind) {
  std::vector<ParetoPoint> points;
  for (const StrategySummary& s : outcome.summaries) {
    const Interval cost = kind.cost(s);
    if (ended_well(s) && cost.mean > 0) points.push_back({&s, cost});
  }
  return points;
}

// Logarithmic where costs differ much. Intervals below zero are cut at half of the least mean.
Scale cost_scale(const std::vector<ParetoPoint>& points, double from, double to) {
  Range means, costs;
  for (const ParetoPoint& p : points) means.add(p.cost.mean);
  for (const ParetoPoint& p : points) costs.add(std::max(p.cost.low, means.low / 2)), costs.add(p.cost.high);
  return means.high > 4 * means.low ? Scale::logarithmic(costs, from, to) : Scale::linear(costs, from, to);
}

// Of the intervals, across and upright.
std::array<Line, 2> bars_of(const Scale& x, const Scale& y, const ParetoPoint& p) {
  const Interval& value = p.summary->value;
  return {Line{x(p.cost.low), y(value.mean), x(p.cost.high), y(value.mean)},
          Line{x(p.cost.mean), y(value.low), x(p.cost.mean), y(value.high)}};
}

void write_front(Svg& svg, const Scale& x, const Scale& y, const std::vector<ParetoPoint>& points) {
  std::vector<std::pair<double, double>> steps;
  for (const ParetoPoint& p : points) {
    if (!p.on_front) continue;
    const double px = x(p.cost.mean), py = y(p.summary->value.mean);
    if (!steps.empty()) steps.emplace_back(px, steps.back().second);
    steps.emplace_back(px, py);
  }
  svg.polyline(steps, "l c1 d1");
}

std::string front_words(const std::vector<ParetoPoint>& points, const ParetoKind& kind) {
  std::vector<std::string> front;
  for (const ParetoPoint& p : points)
    if (p.on_front)
      front.push_back(concat(p.summary->strategy, " (", metric_number(p.summary->value.mean), " at ",
                             kind.text(p.cost.mean), ")"));
  return "On the front, that is, no other is both as good and as cheap: " + words_list(front);
}

constexpr double kFrameTop = 24, kFrameBottom = 290, kFrameLeft = 46;

// One figure, with the names that found no room in a column at the right.
class ParetoFigure {
 public:
  ParetoFigure(const CompareOutcome& outcome, const ParetoKind& kind, std::vector<ParetoPoint> points,
               bool column)
      : outcome_(outcome),
        kind_(kind),
        points_(std::move(points)),
        right_(kFigureWidth - (column ? 112 : 8)),
        x_(cost_scale(points_, kFrameLeft, right_)),
        y_(value_scale(points_)) {
    std::vector<Line> lines;
    for (const ParetoPoint& p : points_)
      for (const Line& bar : bars_of(x_, y_, p)) lines.push_back(bar);
    place_names(lines);
    if (!column || all_placed()) return;
    for (const Lead& lead : leads()) lines.push_back(line_of(lead));
    place_names(lines);
  }

  bool all_placed() const {
    return std::all_of(places_.begin(), places_.end(), [](const auto& place) { return place.has_value(); });
  }

  std::string figure() {
    svg_.axes(x_, y_, kind_.label, metric_name(outcome_.metric), kind_.text);
    for (const ParetoPoint& p : points_)
      for (const Line& bar : bars_of(x_, y_, p)) svg_.line(bar.x1, bar.y1, bar.x2, bar.y2, "error");
    write_front(svg_, x_, y_, points_);
    write_column();
    for (std::size_t i = 0; i < points_.size(); ++i)
      if (places_[i]) write_name(points_[i], places_[i]->left, places_[i]->bottom - 2);
    for (const ParetoPoint& p : points_) write_mark(p, place_x(p), place_y(p));
    return svg_.figure(kind_.id, kind_.title, front_words(points_, kind_));
  }

 private:
  static Scale value_scale(const std::vector<ParetoPoint>& points) {
    Range values;
    for (const ParetoPoint& p : points) values.add(p.summary->value.low), values.add(p.summary->value.high);
    return Scale::linear(values, kFrameBottom, kFrameTop);
  }

  double place_x(const ParetoPoint& p) const { return x_(p.cost.mean); }
  double place_y(const ParetoPoint& p) const { return y_(p.summary->value.mean); }

  void write_name(const ParetoPoint& p, double x, double y) {
    svg_.text(x, y, shortened(p.summary->strategy, kFigureWidth - x), "start",
              p.on_front ? "b halo" : "halo");
  }

  void write_mark(const ParetoPoint& p, double x, double y) {
    svg_.mark(x, y, static_cast<std::size_t>(p.summary - outcome_.summaries.data()), p.on_front,
              concat(p.summary->strategy, ": ", metric_number(p.summary->value.mean), ", ",
                     kind_.text(p.cost.mean)));
  }

  void place_names(const std::vector<Line>& lines) {
    std::vector<Box> marks;
    for (const ParetoPoint& p : points_)
      marks.push_back({place_x(p) - 5, place_y(p) - 5, place_x(p) + 5, place_y(p) + 5});
    Labels labels({kFrameLeft + 2, kFrameTop - 4, right_ + 4, kFrameBottom - 1}, marks, lines);
    places_.assign(points_.size(), std::nullopt);
    for (const bool on_front : {true, false})
      for (std::size_t i = 0; i < points_.size(); ++i)
        // Beside a mark that touches another it would be open which one is meant.
        if (points_[i].on_front == on_front &&
            std::count_if(marks.begin(), marks.end(), [&](const Box& o) { return marks[i].meets(o); }) == 1)
          places_[i] = labels.place(place_x(points_[i]), place_y(points_[i]),
                                    text_width(points_[i].summary->strategy) * (on_front ? 1.1 : 1));
  }

  // What has no name beside it, and the height of its name in the column.
  struct Lead {
    const ParetoPoint* point;
    double y;
  };

  Line line_of(const Lead& lead) const {
    return {place_x(*lead.point), place_y(*lead.point), right_ + 10, lead.y};
  }

  // From top to bottom in the order of the points.
  std::vector<Lead> leads() const {
    constexpr double kLine = 14;
    std::vector<Lead> left;
    for (std::size_t i = 0; i < points_.size(); ++i)
      if (!places_[i]) left.push_back({&points_[i], place_y(points_[i])});
    std::sort(left.begin(), left.end(), [](const Lead& a, const Lead& b) { return a.y < b.y; });
    double middle = 0;
    for (const Lead& lead : left) middle += lead.y / static_cast<double>(left.size());
    const double height = kLine * static_cast<double>(left.size());
    double y = std::max(std::min(middle - height / 2, kFrameBottom - height), kFrameTop) + kLine / 2;
    for (Lead& lead : left) lead.y = y, y += kLine;
    return left;
  }

  void write_column() {
    for (const Lead& lead : leads()) {
      const Line line = line_of(lead);
      svg_.line(line.x1, line.y1, line.x2, line.y2, "lead");
      write_mark(*lead.point, right_ + 12, lead.y);
      write_name(*lead.point, right_ + 20, lead.y + 4);
    }
  }

  const CompareOutcome& outcome_;
  const ParetoKind& kind_;
  std::vector<ParetoPoint> points_;
  double right_;
  Scale x_, y_;
  std::vector<std::optional<Box>> places_;
  Svg svg_{kFrameBottom + 32};
};

std::string pareto_figure(const CompareOutcome& outcome, const ParetoKind& kind) {
  std::vector<ParetoPoint> points = points_of(outcome, kind);
  if (points.size() < 2) return "";
  mark_front(points, higher_is_better(outcome.metric));
  std::sort(points.begin(), points.end(),
            [](const ParetoPoint& a, const ParetoPoint& b) { return a.cost.mean < b.cost.mean; });
  ParetoFigure whole(outcome, kind, points, false);
  return whole.all_placed() ? whole.figure() : ParetoFigure(outcome, kind, points, true).figure();
}

}  // namespace

std::string pareto_section(const CompareOutcome& outcome) {
  const std::string metric = metric_name(outcome.metric);
  const auto flops = [](const StrategySummary& s) { return Interval{s.flops, s.flops, s.flops}; };
  const std::string figures =
      pareto_figure(outcome, {"pareto-flops", concat("Test ", metric, " against FLOPs"), "FLOPs of a run",
                              flops, flops_text}) +
      pareto_figure(outcome, {"pareto-seconds", concat("Test ", metric, " against training time"),
                              "training time of a run", &StrategySummary::seconds, seconds_text}) +
      pareto_figure(outcome, {"pareto-bytes", concat("Test ", metric, " against peak memory"),
                              "peak memory of a run", &StrategySummary::peak_bytes, bytes_text});
  if (figures.empty())
    return soft("Fewer than two strategies have a result with a cost: there is no front to draw.");
  return "<div class=\"figures wide\">" + figures + "</div>\n" +
         soft(
             "Filled marks, bold names and the dashed steps are the front: no other is both as good and as "
             "cheap, by "
             "the means. The bars are 95 % intervals; where they overlap, which of two is on the front may "
             "be "
             "chance.");
}

}  // namespace thaw::report
