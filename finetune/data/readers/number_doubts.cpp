#include "finetune/data/readers/number_doubts.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/common/units.h"

namespace thaw {
namespace {

// "1.320": one to three digits, not a 0 alone, and three behind the point.
bool may_be_thousands(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  const std::size_t point = text.find('.');
  const auto is_digits = [](std::string_view part) {
    return part.find_first_not_of("0123456789") == std::string_view::npos;
  };
  return point >= 1 && point <= 3 && text.size() == point + 4 && text[0] != '0' &&
         is_digits(text.substr(0, point)) && is_digits(text.substr(point + 1));
}

}  // namespace

void NumberDoubts::add(std::string_view text, double value) {
  if (!std::isfinite(value)) return;
  ++count_;
  // Welford 1962, for the n-th value x:
  //   mean_n = mean_{n-1} + (x - mean_{n-1}) / n
  //   squares_n = squares_{n-1} + (x - mean_{n-1}) (x - mean_n)
  const double off = value - mean_;
  mean_ += off / static_cast<double>(count_);
  squares_ += off * (value - mean_);
  largest_ = std::max(largest_, std::abs(value));
  text = trim(text);
  if (may_be_thousands(text)) {
    if (with_point_.empty()) with_point_ = text;
  } else if (text.find_first_of(".eE") != std::string_view::npos) {
    other_decimals_ = true;
  } else {
    (std::abs(value) < 1000 ? small_ : large_) = true;
  }
}

// Where a point separates thousands no whole number beyond 999 comes without one.
bool NumberDoubts::has_thousands() const {
  return !with_point_.empty() && small_ && !large_ && !other_decimals_;
}

// Whether 32-bit floats lose what the values vary by, and that is more than the rounding of the values
// themselves. With epsilon that of 32-bit floats:
//   epsilon * max |x| > 1e-3 * standard deviation
//   standard deviation > 1e-12 * max |x|
bool NumberDoubts::is_too_fine() const {
  constexpr double kShare = 1e-3, kRounding = 1e-12;
  if (count_ < 2) return false;
  const double deviation = std::sqrt(squares_ / static_cast<double>(count_));
  const double step = largest_ * std::numeric_limits<float>::epsilon();
  return step > kShare * deviation && deviation > kRounding * largest_;
}

std::vector<std::string> NumberDoubts::warnings(const std::string& column, const std::string& path) const {
  std::vector<std::string> all;
  if (has_thousands())
    all.push_back(concat("warning: the column ", in_quotes(column), " has numbers such as ", with_point_,
                         " beside whole numbers below 1000 alone (", path,
                         "): if the point separates thousands, leave it out"));
  if (is_too_fine())
    all.push_back(concat("warning: the column ", in_quotes(column), " has a standard deviation of ",
                         short_number(std::sqrt(squares_ / static_cast<double>(count_))), " around ",
                         short_number(mean_, 10), " (", path,
                         "), where 32-bit floats tell numbers apart that differ by ",
                         short_number(largest_ * std::numeric_limits<float>::epsilon()),
                         ": subtract a number near the mean from it"));
  return all;
}

}  // namespace thaw
