#include "finetune/common/units.h"

#include <cmath>
#include <cstdio>
#include <iomanip>
#include <sstream>

namespace thaw {
namespace {

std::string with_prefix(double value, const char* unit) {
  constexpr const char* kPrefixes[] = {"", "k", "M", "G", "T", "P", "E"};
  std::size_t step = 0;
  for (; std::abs(value) >= 999.5 && step + 1 < std::size(kPrefixes); ++step) value /= 1000;
  char text[48];
  std::snprintf(text, sizeof(text), "%.3g %s%s", value, kPrefixes[step], unit);
  return text;
}

}  // namespace

std::string short_number(double value, int digits) {
  if (std::isnan(value)) return "nan";  // printf would also show its sign
  char text[32];
  std::snprintf(text, sizeof(text), "%.*g", digits, value);
  return text;
}

std::string fixed_number(double value, int digits) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(digits) << value;
  return out.str();
}

std::string bytes_text(double bytes) { return with_prefix(bytes, "B"); }
std::string flops_text(double flops) { return with_prefix(flops, "FLOP"); }

std::string percent_text(double share) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f %%", 100 * share);
  return text;
}

}  // namespace thaw
