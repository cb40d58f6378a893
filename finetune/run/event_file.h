// A run's metrics as an event file of TensorBoard: TFRecord frames (length, masked CRC-32C of the length,
// data, masked CRC-32C of the data; little-endian), each with a protobuf message `Event`. Formats:
// tensorflow/core/lib/io/record_writer.h, tensorflow/core/util/event.proto and
// tensorflow/core/framework/summary.proto of TensorFlow.
#pragma once

#include <cstdint>
#include <istream>
#include <string>
#include <string_view>

namespace thaw {

// CRC-32C (Castagnoli, RFC 3720), and the form in which TFRecord stores it.
std::uint32_t crc32c(std::string_view bytes);
std::uint32_t masked_crc32c(std::string_view bytes);

// The event file of a metrics.jsonl (run_report.h): an event per line, with a scalar per number. Those of
// updates are called "train/loss", "train/lr", ..; those of evaluations "validation/accuracy" or whatever
// their split and metric are. null is NaN, as in metrics.jsonl itself; a line that is damaged is left out.
//
// Of more than 100,000 updates 10,000 are kept, evenly spaced, the last among them.
//
// The lines hold no times, so the events' are made up, the same for every run: a second per update from
// 2000-01-01 on. TensorBoard's "step" axis is the one to read.
//
// `metrics` is read twice, from where it stands: it must be able to go back.
std::string event_file(std::istream& metrics);

}  // namespace thaw
