// Reads what make_golden.py wrote, and compares with it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "nn/io/safetensors.h"

namespace thaw::test {

inline std::string golden_path(const std::string& file) {
  return std::string(THAW_SOURCE_DIR "/tests/golden/") + file;
}

inline SafetensorsFile open_golden(const std::string& file) { return SafetensorsFile(golden_path(file)); }

// Shape and every element: |got - expected| <= absolute + relative * |expected|.
inline ::testing::AssertionResult all_close(const Tensor& got, const Tensor& expected, double relative,
                                            double absolute) {
  if (!got.defined()) return ::testing::AssertionFailure() << "there is no tensor";
  if (!(got.shape() == expected.shape()))
    return ::testing::AssertionFailure() << "shape " << got.shape() << ", expected " << expected.shape();
  const std::vector<double> a = got.to_vector();
  const std::vector<double> b = expected.to_vector();
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!(std::abs(a[i] - b[i]) <= absolute + relative * std::abs(b[i])))
      return ::testing::AssertionFailure() << "element " << i << ": " << a[i] << ", expected " << b[i];
  return ::testing::AssertionSuccess();
}

// Gradients by name, as they came out and as they should have. Elementwise relative error means nothing where
// a gradient is zero in exact arithmetic, so that each tensor is held against its own norm, or against a
// thousandth of the norm of all where that is larger: ||g - g'|| <= 1e-4 * max(||g'||, 1e-3 * ||all g'||).
using Gradients = std::map<std::string, std::pair<Tensor, Tensor>>;  // name -> got, expected

inline void expect_gradients(const Gradients& gradients) {
  auto norm = [](const std::vector<double>& values) {
    double sum = 0;
    for (const double value : values) sum += value * value;
    return std::sqrt(sum);
  };
  std::vector<double> norms;
  for (const auto& [name, pair] : gradients) norms.push_back(norm(pair.second.to_vector()));
  const double all = norm(norms);
  for (const auto& [name, pair] : gradients) {
    const auto& [got, expected] = pair;
    ASSERT_TRUE(got.defined()) << name << " has no gradient";
    ASSERT_EQ(got.shape().str(), expected.shape().str()) << name;
    std::vector<double> difference = got.to_vector();
    const std::vector<double> reference = expected.to_vector();
    for (std::size_t i = 0; i < difference.size(); ++i) difference[i] -= reference[i];
    EXPECT_LE(norm(difference), 1e-4 * std::max(norm(reference), 1e-3 * all)) << name;
  }
}

}  // namespace thaw::test
