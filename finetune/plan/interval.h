// How often something happens in a run, as a config says it.
#pragma once

#include <cstdint>
#include <string>

namespace thaw {

// "1 epoch", "100 steps", "0.5 epoch" -> updates; 0 for "never". InputError naming `key` otherwise.
std::int64_t parse_interval(const std::string& text, std::int64_t updates_per_epoch, const std::string& key);

}  // namespace thaw
