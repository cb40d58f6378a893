#include "finetune/run/event_file.h"

#include <array>
#include <bit>
#include <limits>
#include <optional>

#include "finetune/common/json.h"

namespace thaw {
namespace {

constexpr std::int64_t kUnthinnedUpdates = 100'000;
constexpr std::int64_t kKeptUpdates = 10'000;     // where there are more than that
constexpr std::int64_t kFirstTime = 946'684'800;  // 2000-01-01T00:00:00Z

// -- CRC-32C

constexpr std::uint32_t kReversedPolynomial = 0x82f63b78;

constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kReversedPolynomial : 0);
    table[byte] = crc;
  }
  return table;
}

constexpr std::array<std::uint32_t, 256> kCrcTable = make_crc_table();

// -- protobuf's wire format: a field is a key (number and wire type) and its value

enum WireType { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

template <class Unsigned>
void add_little_endian(std::string& to, Unsigned value) {
  for (std::size_t i = 0; i < sizeof(value); ++i) to += static_cast<char>((value >> (8 * i)) & 0xff);
}

void add_varint(std::string& to, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) to += static_cast<char>((value & 0x7f) | 0x80);
  to += static_cast<char>(value);
}

void add_key(std::string& to, int field, WireType type) {
  add_varint(to, static_cast<std::uint64_t>(field) << 3 | static_cast<std::uint64_t>(type));
}

void add_bytes(std::string& to, int field, std::string_view bytes) {
  add_key(to, field, kBytes);
  add_varint(to, bytes.size());
  to += bytes;
}

// -- Event, Summary, Summary.Value

std::string summary_value(const std::string& tag, double value) {
  std::string message;
  add_bytes(message, 1, tag);
  add_key(message, 2, kFixed32);
  add_little_endian(message, std::bit_cast<std::uint32_t>(static_cast<float>(value)));
  return message;
}

// `what` is the text file_version (field 3) or the message summary (field 5).
std::string event_message(std::int64_t step, int field, std::string_view what) {
  std::string message;
  add_key(message, 1, kFixed64);
  add_little_endian(message, std::bit_cast<std::uint64_t>(static_cast<double>(kFirstTime + step)));
  if (step != 0) {  // protobuf's writers leave zeros out
    add_key(message, 2, kVarint);
    add_varint(message, static_cast<std::uint64_t>(step));
  }
  add_bytes(message, field, what);
  return message;
}

void add_record(std::string& file, const std::string& data) {
  std::string length;
  add_little_endian(length, std::uint64_t{data.size()});
  file += length;
  add_little_endian(file, masked_crc32c(length));
  file += data;
  add_little_endian(file, masked_crc32c(data));
}

// -- lines of metrics.jsonl

// The event of a line, if it can be read.
std::optional<std::string> event_of(const std::string& line) {
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object() || !json.contains("step") || !json["step"].is_number_integer()) return {};
  const bool evaluation = json.contains("split") && json["split"].is_string();
  const std::string prefix = (evaluation ? json["split"].get<std::string>() : "train") + "/";
  std::string summary;
  for (const auto& [name, value] : json.items()) {
    if (name == "step" || name == "epoch" || (evaluation && name == "phase")) continue;
    if (!value.is_number() && !value.is_null()) continue;
    const double number = value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
    add_bytes(summary, 1, summary_value(prefix + name, number));
  }
  return event_message(json["step"].get<std::int64_t>(), 5, summary);
}

// Cheaper than to parse what may be millions of lines: only updates have an epoch.
bool is_update(const std::string& line) { return line.find("\"epoch\":") != std::string::npos; }

std::int64_t count_updates(std::istream& metrics) {
  std::int64_t updates = 0;
  for (std::string line; std::getline(metrics, line);) updates += is_update(line) ? 1 : 0;
  return updates;
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  std::uint32_t crc = 0xffffffff;
  for (const char byte : bytes) crc = (crc >> 8) ^ kCrcTable[(crc ^ static_cast<unsigned char>(byte)) & 0xff];
  return ~crc;
}

std::uint32_t masked_crc32c(std::string_view bytes) { return std::rotr(crc32c(bytes), 15) + 0xa282ead8; }

std::string event_file(std::istream& metrics) {
  const auto begin = metrics.tellg();
  const std::int64_t updates = count_updates(metrics);
  const std::int64_t kept = updates > kUnthinnedUpdates ? kKeptUpdates : updates;
  metrics.clear();
  metrics.seekg(begin);

  std::string file;
  add_record(file, event_message(0, 3, "brain.Event:2"));
  std::int64_t seen = 0;
  for (std::string line; std::getline(metrics, line);) {
    if (is_update(line)) {
      ++seen;
      // `kept` marks are spread evenly, the last on the last update: those between two marks are left out.
      if (seen * kept / updates == (seen - 1) * kept / updates) continue;
    }
    if (const std::optional<std::string> record = event_of(line)) add_record(file, *record);
  }
  return file;
}

}  // namespace thaw
