// Timing by the step, and the protocol by which another process asks for blocks of steps: so two programs can
// take turns within one run, and a drift of the machine's speed meets both.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace thaw::bench {

using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// The upper median; not of nothing.
inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

struct Block {
  std::vector<double> ms;    // of each step
  std::vector<double> loss;  // before each step
};

template <class Step>
Block run_block(int steps, Step&& step) {
  Block block;
  for (int i = 0; i < steps; ++i) {
    const Clock::time_point start = Clock::now();
    const double loss = step();
    block.ms.push_back(1e3 * seconds_since(start));
    block.loss.push_back(loss);
  }
  return block;
}

// Answers each number on a line of standard input by that many steps and a line {"ms", "loss", "peak_bytes"},
// until the input ends.
template <class Step, class PeakBytes>
void serve(Step&& step, PeakBytes&& peak_bytes) {
  for (std::string line; std::getline(std::cin, line);) {
    const Block block = run_block(std::stoi(line), step);
    std::cout << nlohmann::json{{"ms", block.ms}, {"loss", block.loss}, {"peak_bytes", peak_bytes()}}
              << std::endl;
  }
}

}  // namespace thaw::bench
