#include "finetune/common/units.h"

#include <cmath>
#include <cstdio>
#include <iomanip>
#include <sstream>

#include "finetune/common/text.h"

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

std::optional<ByteSize> parse_bytes(std::string_view text) {
  constexpr std::string_view kLetters = "kMGTP";
  const std::size_t end = text.find_last_of("0123456789.") + 1;  // of the number
  const std::optional<double> number = parse_number(text.substr(0, end));
  std::string_view unit = trim(text.substr(end));
  if (!number || !(*number >= 0)) return std::nullopt;
  double factor = 1;
  if (!unit.empty() && kLetters.find(unit.front() == 'K' ? 'k' : unit.front()) != std::string_view::npos) {
    const std::size_t power = kLetters.find(unit.front() == 'K' ? 'k' : unit.front()) + 1;
    unit.remove_prefix(1);
    const bool binary = unit.starts_with('i');
    if (binary) unit.remove_prefix(1);
    factor = std::pow(binary ? 1024.0 : 1000.0, static_cast<double>(power));
  }
  if (!unit.empty() && unit != "B") return std::nullopt;
  const double bytes = std::round(*number * factor);
  if (!(bytes < 0x1p62)) return std::nullopt;
  return ByteSize{static_cast<std::int64_t>(bytes)};
}

std::string to_text(ByteSize size) { return std::to_string(size.bytes) + "B"; }

std::string flops_text(double flops) { return with_prefix(flops, "FLOP"); }

std::string percent_text(double share) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f %%", 100 * share);
  return text;
}

std::string seconds_text(double seconds) {
  if (seconds >= 6000) return short_number(seconds / 3600, 3) + " h";
  if (seconds >= 600) return short_number(seconds / 60, 3) + " min";
  if (seconds >= 1 || seconds <= 0) return short_number(seconds, 3) + " s";
  if (seconds >= 1e-3) return short_number(seconds * 1e3, 3) + " ms";
  return short_number(seconds * 1e6, 3) + " \xc2\xb5s";
}

}  // namespace thaw
