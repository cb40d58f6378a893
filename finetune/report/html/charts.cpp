#include "finetune/report/html/charts.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "core/error.h"
#include "finetune/common/units.h"
#include "finetune/report/html/html.h"

namespace thaw::report {
namespace {

constexpr double kLetter = 6.3;  // mean width of a letter in the figures' type

// A tenth of a unit is enough, and keeps the page small.
std::string place(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f", value);
  std::string out = text;
  if (out.size() > 2 && out.compare(out.size() - 2, 2, ".0") == 0) out.resize(out.size() - 2);
  return out == "-0" ? "0" : out;
}

std::string closed(const std::string& element, const char* tag, const std::string& tooltip) {
  if (tooltip.empty()) return element + "/>";
  return concat(element, "><title>", escape(tooltip), "</title></", tag, ">");
}

// A path around (x, y) with radius r: circle, square, triangle, diamond, triangle down, plus, hexagon.
std::string shape_path(double x, double y, std::size_t shape, double r) {
  const auto at = [&](double dx, double dy) { return place(x + dx * r) + " " + place(y + dy * r); };
  switch (shape % 7) {
    case 0:
      return concat("M", at(-1, 0), "a", place(r), " ", place(r), " 0 1 0 ", place(2 * r), " 0a", place(r),
                    " ", place(r), " 0 1 0 ", place(-2 * r), " 0z");
    case 1:
      return concat("M", at(-.9, -.9), "L", at(.9, -.9), "L", at(.9, .9), "L", at(-.9, .9), "z");
    case 2:
      return concat("M", at(0, -1.2), "L", at(1.1, .8), "L", at(-1.1, .8), "z");
    case 3:
      return concat("M", at(0, -1.3), "L", at(1.3, 0), "L", at(0, 1.3), "L", at(-1.3, 0), "z");
    case 4:
      return concat("M", at(0, 1.2), "L", at(1.1, -.8), "L", at(-1.1, -.8), "z");
    case 5:
      return concat("M", at(-.4, -1.2), "L", at(.4, -1.2), "L", at(.4, -.4), "L", at(1.2, -.4), "L",
                    at(1.2, .4), "L", at(.4, .4), "L", at(.4, 1.2), "L", at(-.4, 1.2), "L", at(-.4, .4), "L",
                    at(-1.2, .4), "L", at(-1.2, -.4), "L", at(-.4, -.4), "z");
    default:
      return concat("M", at(-1.2, 0), "L", at(-.6, -1), "L", at(.6, -1), "L", at(1.2, 0), "L", at(.6, 1), "L",
                    at(-.6, 1), "z");
  }
}

std::vector<double> linear_ticks(double low, double high, int about) {
  const double rough = (high - low) / std::max(about, 1);
  const double power = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double nice : {1.0, 2.0, 5.0})
    if (nice * power >= rough) {
      step = nice * power;
      break;
    }
  std::vector<double> ticks;
  // Counted from the first: where low / step is beyond 2^53, adding 1 to it does nothing.
  const double first = std::ceil(low / step);
  for (double i = 0; i <= 2.0 * about + 2 && (first + i) * step <= high + 1e-9 * step; ++i)
    ticks.push_back((first + i) * step);
  return ticks;
}

// Powers of ten, every second or third where they are many, with 2 and 5 where they are few.
std::vector<double> log_ticks(double low, double high, int about) {
  const double decades = std::log10(high) - std::log10(low);
  const double stride = std::max(1.0, std::ceil(decades / std::max(about, 1)));
  std::vector<double> ticks;
  for (double power = std::floor(std::log10(low)); power <= std::log10(high); ++power) {
    if (std::fmod(std::abs(power), stride) > 0.5) continue;
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double tick = factor * std::pow(10, power);
      if (factor > 1 && decades * 3 > about) continue;
      if (tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9)) ticks.push_back(tick);
    }
  }
  return ticks.size() < 2 ? linear_ticks(low, high, about) : ticks;
}

}  // namespace

void Range::add(double value) {
  if (!std::isfinite(value)) return;
  low = std::min(low, value);
  high = std::max(high, value);
}

Scale Scale::linear(Range values, double from, double to) {
  Scale scale;
  if (values.empty()) values = {0, 1};
  double room = 0.04 * (values.high - values.low);
  if (!(room > 0)) room = std::max(std::abs(values.high) * 0.05, 0.01);
  scale.low_ = values.low - room, scale.high_ = values.high + room;
  scale.from_ = from, scale.to_ = to;
  return scale;
}

Scale Scale::logarithmic(Range values, double from, double to) {
  Scale scale;
  if (values.empty() || values.low <= 0) values = {1, 10};
  // Products and quotients of what is drawn stay finite.
  values = {std::clamp(values.low, 1e-150, 1e150), std::clamp(values.high, 1e-150, 1e150)};
  const double room = std::max(std::pow(values.high / values.low, 0.05), 1.15);
  scale.low_ = values.low / room, scale.high_ = values.high * room;
  scale.from_ = from, scale.to_ = to, scale.log_ = true;
  return scale;
}

double Scale::operator()(double value) const {
  if (std::isnan(value)) return value;
  value = std::clamp(value, low_, high_);
  const double share =
      log_ ? std::log(value / low_) / std::log(high_ / low_) : (value - low_) / (high_ - low_);
  return from_ + share * (to_ - from_);
}

std::vector<double> Scale::ticks(int about) const {
  return log_ ? log_ticks(low_, high_, about) : linear_ticks(low_, high_, about);
}

std::string tick_text(double value) { return short_text(value); }

std::string line_classes(std::size_t n) { return concat("l c", n % 6, " d", n % 5); }

double text_width(const std::string& words) {
  const auto letters = std::count_if(words.begin(), words.end(),
                                     [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
  return kLetter * static_cast<double>(letters);
}

std::string shortened(const std::string& words, double width) {
  if (text_width(words) <= width) return words;
  std::string out = words.substr(0, static_cast<std::size_t>(std::max(width / kLetter - 1, 1.0)));
  // Not in the middle of a letter of several bytes.
  while (!out.empty() && (static_cast<unsigned char>(words[out.size()]) & 0xc0) == 0x80) out.pop_back();
  return out + "\xe2\x80\xa6";
}

void Svg::line(double x1, double y1, double x2, double y2, const std::string& classes) {
  body_ += concat("<path class=\"", classes, "\" d=\"M", place(x1), " ", place(y1), "L", place(x2), " ",
                  place(y2), "\"/>");
}

void Svg::rect(double x, double y, double width, double height, const std::string& classes,
               const std::string& tooltip) {
  body_ += closed(concat("<rect class=\"", classes, "\" x=\"", place(x), "\" y=\"", place(y), "\" width=\"",
                         place(width), "\" height=\"", place(height), "\""),
                  "rect", tooltip);
}

void Svg::text(double x, double y, const std::string& words, const std::string& anchor,
               const std::string& classes) {
  body_ += concat("<text x=\"", place(x), "\" y=\"", place(y), "\"");
  if (anchor != "start") body_ += " text-anchor=\"" + anchor + "\"";
  if (!classes.empty()) body_ += " class=\"" + classes + "\"";
  body_ += ">" + escape(words) + "</text>";
}

void Svg::polyline(const std::vector<std::pair<double, double>>& points, const std::string& classes) {
  std::string path;
  bool is_pen_down = false;
  for (const auto& [x, y] : points) {
    const bool is_here = std::isfinite(x) && std::isfinite(y);
    // A stretch of one point is a dot: a line of no length has round ends.
    if (is_here) path += concat(is_pen_down ? "L" : "M", place(x), " ", place(y), is_pen_down ? "" : "h0");
    is_pen_down = is_here;
  }
  if (!path.empty()) body_ += concat("<path class=\"", classes, "\" d=\"", path, "\"/>");
}

void Svg::shape(double x, double y, std::size_t shape, double size, const std::string& classes,
                const std::string& tooltip) {
  body_ += closed(concat("<path class=\"", classes, "\" d=\"", shape_path(x, y, shape, size), "\""), "path",
                  tooltip);
}

void Svg::mark(double x, double y, std::size_t n, bool filled, const std::string& tooltip) {
  shape(x, y, n, 4, concat(filled ? "f c" : "o c", n % 6), tooltip);
}

void Svg::cross(double x, double y, const std::string& classes, const std::string& tooltip) {
  body_ += closed(
      concat("<path class=\"", classes, "\" d=\"M", place(x - 3.5), " ", place(y - 3.5), "l7 7m0-7l-7 7\""),
      "path", tooltip);
}

void Svg::bottom_axis(const Scale& x, double top, double bottom, const std::string& label,
                      const NumberText& text_of) {
  const double width = std::abs(x.to() - x.from());
  double end = -1e9;
  for (const double tick : x.ticks(width > 200 ? 5 : 3)) {
    line(x(tick), top, x(tick), bottom, "grid");
    const std::string words = text_of(tick);
    const double half = text_width(words) / 2;
    const double middle = std::clamp(x(tick), half, width_ - half);
    if (middle - half < end) continue;
    text(middle, bottom + 13, words, "middle", "tick");
    end = middle + half + 5;
  }
  line(x.from(), bottom, x.to(), bottom, "axis");
  text((x.from() + x.to()) / 2, bottom + 27, label, "middle", "tick");
}

void Svg::axes(const Scale& x, const Scale& y, const std::string& x_label, const std::string& y_label,
               const NumberText& x_text, const NumberText& y_text) {
  for (const double tick : y.ticks(4)) {
    line(x.from(), y(tick), x.to(), y(tick), "grid");
    text(x.from() - 4, y(tick) + 4, y_text(tick), "end", "tick");
  }
  bottom_axis(x, y.to(), y.from(), x_label, x_text);
  line(x.from(), y.to(), x.from(), y.from(), "axis");
  text(0, y.to() - 8, y_label, "start", "tick");
}

std::string Svg::figure(const std::string& id, const std::string& title,
                        const std::string& description) const {
  return concat(
      "<figure id=\"", id, "\"><figcaption>", escape(title), "</figcaption><svg role=\"img\" viewBox=\"0 0 ",
      place(width_), " ", place(height_), "\" aria-labelledby=\"", id, "-t ", id,
      "-d\" xmlns=\"http://www.w3.org/2000/svg\"><title id=\"", id, "-t\">", escape(title),
      "</title><desc id=\"", id, "-d\">", escape(description), "</desc>", body_, "</svg></figure>\n");
}

std::string line_chart(const LineChart& chart) {
  constexpr double kTop = 22, kBottom = 170, kLegendColumn = 112, kLegendRow = 15;
  Range xs, ys;
  for (const Series& series : chart.series)
    for (const auto& [x, y] : series.points)
      if (!chart.log_y || y > 0) xs.add(x), ys.add(y);
  if (ys.empty()) return "";
  const Scale x = Scale::linear(xs, 46, kFigureWidth - 6);
  const Scale y = chart.log_y ? Scale::logarithmic(ys, kBottom, kTop) : Scale::linear(ys, kBottom, kTop);
  const std::size_t entries = chart.series.size() > 1 ? chart.series.size() : 0;
  const std::size_t legend_rows = (entries + 2) / 3;
  Svg svg(kBottom + 36 + kLegendRow * static_cast<double>(legend_rows));
  svg.axes(x, y, chart.x_label, chart.y_label);
  for (std::size_t n = 0; n < chart.series.size(); ++n) {
    std::vector<std::pair<double, double>> places;
    for (const auto& [at, value] : chart.series[n].points)
      places.emplace_back(x(at), chart.log_y && !(value > 0) ? NAN : y(value));
    if (places.size() == 1)
      svg.mark(places[0].first, places[0].second, n, true);
    else
      svg.polyline(places, line_classes(n));
  }
  for (std::size_t n = 0; n < entries; ++n) {
    const std::size_t row = n / 3, column = n % 3;
    const double left = 6 + kLegendColumn * static_cast<double>(column);
    const double base = kBottom + 46 + kLegendRow * static_cast<double>(row);
    svg.line(left, base - 4, left + 24, base - 4, line_classes(n));
    svg.text(left + 29, base, shortened(chart.series[n].name, kLegendColumn - 32), "start", "tick");
  }
  return svg.figure(chart.id, chart.title, chart.description);
}

}  // namespace thaw::report
