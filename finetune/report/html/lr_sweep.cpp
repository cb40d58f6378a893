#include "finetune/report/html/lr_sweep.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "finetune/report/html/charts.h"
#include "finetune/report/html/html.h"
#include "finetune/report/html/page.h"

namespace thaw::report {
namespace {

struct Reading {
  const char* name;
  double lr, loss;
};

std::vector<Reading> readings_of(const Sweep& sweep, const RateReadings& readings) {
  const auto at = [&](std::size_t i) { return sweep.points[i]; };
  // The loss at a tenth of the least one's rate is that of the nearest rate.
  const double tenth = at(readings.least).lr / 10;
  const auto nearest = std::lower_bound(sweep.points.begin(), sweep.points.end(), tenth,
                                        [](const SweepPoint& point, double lr) { return point.lr < lr; });
  return {{"a quarter of the fall (suggested)", at(readings.quarter).lr, at(readings.quarter).smoothed},
          {"middle of the longest descent", at(readings.valley).lr, at(readings.valley).smoothed},
          {"steepest descent", at(readings.steepest).lr, at(readings.steepest).smoothed},
          {"a tenth of the least loss's rate", tenth, nearest->smoothed},
          {"least loss", at(readings.least).lr, at(readings.least).smoothed}};
}

// What the figure shows of the losses: the smoothed ones until the least, and as much again above them. What
// comes after the least soars.
Range shown_losses(const Sweep& sweep, const RateReadings* readings) {
  const std::size_t end = readings == nullptr ? sweep.points.size() : readings->least + 1;
  Range losses;
  for (std::size_t i = 0; i < end; ++i) losses.add(sweep.points[i].smoothed);
  const double fall = losses.high - losses.low;
  for (std::size_t i = 0; i < end; ++i)
    losses.add(std::clamp(sweep.points[i].loss, losses.low - fall, losses.high));
  losses.high += fall;
  return losses;
}

std::string figure(const Sweep& sweep, const Range& losses, const std::vector<Reading>& readings) {
  constexpr double kTop = 22, kBottom = 210, kWidth = 480;
  Range rates;
  for (const SweepPoint& point : sweep.points) rates.add(point.lr);
  const double legend = 16 * static_cast<double>(readings.size());
  Svg svg(kBottom + 36 + legend, kWidth);
  const Scale x = Scale::logarithmic(rates, 46, kWidth - 6);
  const Scale y = Scale::linear(losses, kBottom, kTop);
  svg.axes(x, y, "learning rate", "loss: dots of single updates, line smoothed");
  std::vector<std::pair<double, double>> line;
  for (const SweepPoint& point : sweep.points) {
    line.emplace_back(x(point.lr), point.smoothed > losses.high ? NAN : y(point.smoothed));
    if (point.loss < losses.low || point.loss > losses.high) continue;
    svg.shape(x(point.lr), y(point.loss), 0, 1.2, "f c5",
              concat("update ", point.update, ", rate ", short_text(point.lr, 3), ": loss ",
                     short_text(point.loss)));
  }
  svg.polyline(line, line_classes(0));
  for (std::size_t n = 0; n < readings.size(); ++n) {
    const Reading& reading = readings[n];
    const std::string words = concat(reading.name, ": ", short_text(reading.lr, 3));
    svg.mark(x(reading.lr), y(reading.loss), n + 1, true, words);
    const double base = kBottom + 44 + 16 * static_cast<double>(n);
    svg.mark(10, base - 4, n + 1, true);
    svg.text(20, base, words, "start", "tick");
  }
  return svg.figure("sweep", "The loss while the learning rate rises",
                    concat("Smoothed loss by learning rate, from ", short_text(sweep.points.front().lr, 3),
                           " to ", short_text(sweep.points.back().lr, 3)));
}

}  // namespace

std::string lr_sweep_page(const std::string& name, const Sweep& sweep, const RateReadings* readings,
                          const std::vector<std::string>& summary) {
  std::string text;
  for (const std::string& line : summary) text += paragraph(line);
  const std::vector<Reading> marked =
      readings == nullptr ? std::vector<Reading>{} : readings_of(sweep, *readings);
  return page(
      name, "Learning-rate range test: " + name, text,
      {{"sweep-figure", "Loss by learning rate", figure(sweep, shown_losses(sweep, readings), marked)}});
}

}  // namespace thaw::report
