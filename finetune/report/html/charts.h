// Figures as inline SVG: scales, ticks, marks and lines. A figure is 360 units wide, so that it is as large
// on a phone as on a desk, where several stand side by side. What tells things apart is never colour alone:
// lines have dashes, marks have shapes.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace thaw::report {

inline constexpr double kFigureWidth = 360;

// The least and the greatest of the finite values it was given.
struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  void add(double value);
  bool empty() const { return low > high; }
};

// From values to places on the page, linear or logarithmic.
class Scale {
 public:
  // Widened a little, so that no value is on the edge; a single value gets room to both sides.
  static Scale linear(Range values, double from, double to);
  static Scale logarithmic(Range values, double from, double to);  // values > 0

  double operator()(double value) const;  // clamped to the range; NaN stays
  std::vector<double> ticks(int about) const;
  double from() const { return from_; }
  double to() const { return to_; }

 private:
  double low_ = 0, high_ = 1, from_ = 0, to_ = 1;
  bool log_ = false;
};

using NumberText = std::function<std::string(double)>;
std::string tick_text(double value);  // four digits and a true minus sign

// The n-th of a family of lines or marks: six colours with five dashes or seven shapes.
std::string line_classes(std::size_t n);

class Svg {
 public:
  explicit Svg(double height, double width = kFigureWidth) : width_(width), height_(height) {}

  void line(double x1, double y1, double x2, double y2, const std::string& classes);
  void rect(double x, double y, double width, double height, const std::string& classes,
            const std::string& tooltip = "");
  // `anchor`: "start", "middle" or "end".
  void text(double x, double y, const std::string& words, const std::string& anchor = "start",
            const std::string& classes = "");
  // Lines through the points; a NaN interrupts them.
  void polyline(const std::vector<std::pair<double, double>>& points, const std::string& classes);
  void mark(double x, double y, std::size_t n, bool filled, const std::string& tooltip = "");
  void shape(double x, double y, std::size_t shape, double size, const std::string& classes,
             const std::string& tooltip = "");
  void cross(double x, double y, const std::string& classes, const std::string& tooltip = "");

  // A frame with ticks: x below, y at the left. The y label stands above the frame.
  void axes(const Scale& x, const Scale& y, const std::string& x_label, const std::string& y_label,
            const NumberText& x_text = tick_text, const NumberText& y_text = tick_text);
  // Ticks below alone, for rows with names.
  void bottom_axis(const Scale& x, double top, double bottom, const std::string& label,
                   const NumberText& text = tick_text);

  // With a caption and a text alternative.
  std::string figure(const std::string& id, const std::string& title, const std::string& description) const;

 private:
  double width_, height_;
  std::string body_;
};

struct Series {
  std::string name;
  std::vector<std::pair<double, double>> points;
};

struct LineChart {
  std::string id, title, description, x_label, y_label;
  bool log_y = false;  // values that are not above 0 are left out
  std::vector<Series> series;
};

// "" where no series has a point. With a legend, where there is more than one series.
std::string line_chart(const LineChart& chart);

// Words cut to about `width` units of text in small type.
std::string shortened(const std::string& words, double width);
double text_width(const std::string& words);

}  // namespace thaw::report
