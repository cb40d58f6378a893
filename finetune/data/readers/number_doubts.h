// What speaks against a column's numbers although each of them can be read: it is said, for nobody else
// would.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace thaw {

class NumberDoubts {
 public:
  void add(std::string_view text, double value);

  // A warning for each doubt about the column.
  std::vector<std::string> warnings(const std::string& column, const std::string& path) const;

 private:
  bool has_thousands() const;
  bool is_too_fine() const;

  std::int64_t count_ = 0;
  double mean_ = 0, squares_ = 0, largest_ = 0;  // squares_: sum((x - mean)^2); largest_: max |x|
  std::string with_point_;                       // the first that may have a point between thousands
  bool other_decimals_ = false;                  // some number has a point elsewhere, or an exponent
  bool small_ = false, large_ = false;           // whole numbers below 1000, and from there on
};

}  // namespace thaw
