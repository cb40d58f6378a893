// Event files for TensorBoard, read back by a reader of their own. (tests/golden/check_events.py has
// TensorBoard read one.)
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "finetune/run/event_file.h"
#include "finetune/run/run_report.h"
#include "finetune/train/metrics_log.h"

namespace thaw::test {
namespace {

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

// Takes bytes from the front; one that runs out fails the test and gives zeros.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  bool at_end() const { return rest_.empty(); }
  std::string take(std::uint64_t size) {
    if (size > rest_.size()) {
      ADD_FAILURE() << size << " bytes wanted, " << rest_.size() << " left";
      rest_ = {};
      return {};
    }
    std::string bytes(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return bytes;
  }
  std::uint64_t number(std::uint64_t size) { return little_endian(take(size)); }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64 && !at_end(); shift += 7) {
      const std::uint64_t byte = number(1);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return value;
  }

 private:
  std::string_view rest_;
};

// The fields of a protobuf message, numbers as their bytes.
std::multimap<std::uint64_t, std::string> fields_of(const std::string& message) {
  std::multimap<std::uint64_t, std::string> fields;
  Reader reader(message);
  while (!reader.at_end()) {
    const std::uint64_t key = reader.varint();
    const std::uint64_t type = key & 7;
    if (type == 0)
      fields.emplace(key >> 3, std::to_string(reader.varint()));
    else
      fields.emplace(key >> 3, reader.take(type == 1 ? 8 : type == 5 ? 4 : reader.varint()));
  }
  return fields;
}

struct ReadEvent {
  double wall_time = 0;
  std::int64_t step = 0;
  std::string file_version;
  std::map<std::string, float> scalars;
};

ReadEvent read_event(const std::string& data) {
  ReadEvent event;
  for (const auto& [field, value] : fields_of(data)) {
    if (field == 1) event.wall_time = std::bit_cast<double>(little_endian(value));
    if (field == 2) event.step = std::stoll(value);
    if (field == 3) event.file_version = value;
    if (field != 5) continue;
    for (const auto& [number, scalar] : fields_of(value)) {
      EXPECT_EQ(number, 1u);
      const auto parts = fields_of(scalar);
      event.scalars[parts.find(1)->second] =
          std::bit_cast<float>(static_cast<std::uint32_t>(little_endian(parts.find(2)->second)));
    }
  }
  return event;
}

std::vector<ReadEvent> read_events(const std::string& file) {
  std::vector<ReadEvent> events;
  Reader reader(file);
  while (!reader.at_end()) {
    const std::string length = reader.take(8);
    EXPECT_EQ(reader.number(4), masked_crc32c(length));
    const std::string data = reader.take(little_endian(length));
    EXPECT_EQ(reader.number(4), masked_crc32c(data));
    events.push_back(read_event(data));
  }
  return events;
}

std::string file_of(const std::string& lines) {
  std::istringstream stream(lines);
  return event_file(stream);
}

TEST(EventFile, Crc32cHasItsKnownValues) {
  EXPECT_EQ(crc32c(""), 0u);
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);  // RFC 3720, B.4
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62A8AB43u);
}

// What every event file begins with: 24 bytes will follow.
TEST(EventFile, MaskedCrcIsTensorFlows) {
  const std::string length = std::string("\x18") + std::string(7, '\0');
  EXPECT_EQ(masked_crc32c(length), 0x224B7FA3u);
  EXPECT_EQ(file_of("").substr(0, 8), length);
}

TEST(EventFile, NothingButAVersionWithoutLines) {
  const std::vector<ReadEvent> events = read_events(file_of(""));
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].file_version, "brain.Event:2");
  EXPECT_TRUE(events[0].scalars.empty());
}

TEST(EventFile, HasAScalarPerNumber) {
  const std::string file = file_of(update_line(1, 4, 2.5, 1e-3, 0) + "\n" + update_line(300, 4, 0.1, 0, 1) +
                                   "\n" + evaluation_line(300, "validation", {{"accuracy", 0.75}}, 1) + "\n" +
                                   evaluation_line(300, "test", {{"accuracy", 0.5}, {"loss", 3}}, 1) + "\n");
  const std::vector<ReadEvent> events = read_events(file);
  using Scalars = std::map<std::string, float>;
  ASSERT_EQ(events.size(), 5u);
  EXPECT_EQ(events[1].step, 1);
  EXPECT_EQ(events[1].scalars, (Scalars{{"train/loss", 2.5f}, {"train/lr", 1e-3f}, {"train/phase", 0}}));
  EXPECT_EQ(events[2].step, 300);
  EXPECT_EQ(events[2].scalars, (Scalars{{"train/loss", 0.1f}, {"train/lr", 0}, {"train/phase", 1}}));
  EXPECT_EQ(events[3].step, 300);
  EXPECT_EQ(events[3].scalars, (Scalars{{"validation/accuracy", 0.75f}}));
  EXPECT_EQ(events[4].scalars, (Scalars{{"test/accuracy", 0.5f}, {"test/loss", 3}}));
  EXPECT_EQ(events[2].wall_time - events[1].wall_time, 299);
  for (const ReadEvent& event : events) EXPECT_GE(event.wall_time, 946684800);
}

TEST(EventFile, WhatIsNotFiniteIsNan) {
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<ReadEvent> events =
      read_events(file_of(update_line(1, 1, infinity, 0.1, 0) + "\n" +
                          evaluation_line(1, "validation", {{"loss", std::nan("")}}, 0) + "\n"));
  ASSERT_EQ(events.size(), 3u);
  EXPECT_TRUE(std::isnan(events[1].scalars.at("train/loss")));
  EXPECT_EQ(events[1].scalars.at("train/lr"), 0.1f);
  EXPECT_TRUE(std::isnan(events[2].scalars.at("validation/loss")));
}

TEST(EventFile, LeavesDamagedLinesOut) {
  const std::string whole = update_line(7, 1, 1, 1, 0) + "\n";
  for (const char* damaged :
       {"{\"step\":5,\"epo", "", "[1]", "{\"loss\":1}", "{\"step\":\"5\",\"epoch\":1}"}) {
    SCOPED_TRACE(damaged);
    const std::vector<ReadEvent> events = read_events(file_of(std::string(damaged) + "\n" + whole));
    ASSERT_EQ(events.size(), 2u);
    EXPECT_EQ(events[1].step, 7);
  }
}

std::vector<std::int64_t> steps_kept_of(std::int64_t updates) {
  std::string lines;
  for (std::int64_t step = 1; step <= updates; ++step) {
    lines += update_line(step, 10, 1, 1, 0) + "\n";
    if (step == 5) lines += evaluation_line(step, "validation", {{"loss", 1}}, 0) + "\n";
  }
  std::vector<std::int64_t> steps;
  int evaluations = 0;
  for (const ReadEvent& event : read_events(file_of(lines))) {
    if (event.scalars.contains("train/loss")) steps.push_back(event.step);
    evaluations += event.scalars.contains("validation/loss") ? 1 : 0;
  }
  EXPECT_EQ(evaluations, 1);
  return steps;
}

TEST(EventFile, ThinsLongRuns) {
  EXPECT_EQ(steps_kept_of(100'000).size(), 100'000u);
  const std::vector<std::int64_t> steps = steps_kept_of(100'003);
  ASSERT_EQ(steps.size(), 10'000u);
  EXPECT_EQ(steps.back(), 100'003);
  for (std::size_t i = 1; i < steps.size(); ++i) {
    EXPECT_GE(steps[i] - steps[i - 1], 10);
    EXPECT_LE(steps[i] - steps[i - 1], 11);
  }
}

}  // namespace
}  // namespace thaw::test
