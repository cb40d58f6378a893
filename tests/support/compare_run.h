// What tests of `thaw compare` share: a small table to compare on, and reading what a comparison leaves.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

namespace thaw::test {

// Three noisy classes in three features, three decimals: "a,b,c,label" and a row for each sample. `group`: a
// column before the label with `group`0, `group`1, .., two rows each.
std::string clusters_csv(int rows, unsigned seed, const std::string& group = "");

using CsvRow = std::map<std::string, std::string>;
std::vector<CsvRow> read_csv(const std::string& path);

std::set<std::string> values_of(const std::vector<CsvRow>& rows, const std::string& column);
std::vector<CsvRow> rows_with(const std::vector<CsvRow>& rows, const std::string& column,
                              const std::string& value);

// Every row but its seconds, which are never the same twice.
std::vector<CsvRow> without_seconds(std::vector<CsvRow> rows);

}  // namespace thaw::test
