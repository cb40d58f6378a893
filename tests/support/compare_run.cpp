#include "tests/support/compare_run.h"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <random>
#include <sstream>
#include <stdexcept>

#include "tests/support/files.h"

namespace thaw::test {
namespace {

// Fields may be quoted; none has a line break.
std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"')
      fields.back() += line[++i];
    else if (line[i] == '"')
      quoted = !quoted;
    else if (line[i] == ',' && !quoted)
      fields.emplace_back();
    else
      fields.back() += line[i];
  }
  return fields;
}

}  // namespace

std::string clusters_csv(int rows, unsigned seed, const std::string& group) {
  std::mt19937_64 random(seed);
  std::ostringstream csv;
  csv << "a,b,c," << (group.empty() ? "" : "group,") << "label\n";
  for (int i = 0; i < rows; ++i) {
    for (int feature = 0; feature < 3; ++feature) {
      // Whole numbers from the generator, for the library's distributions differ between libraries.
      const double noise = (static_cast<double>(random() % 4001) - 2000) / 1000;
      char text[32];
      std::snprintf(text, sizeof(text), "%.3f,", noise + (feature == i % 3 ? 2 : 0));
      csv << text;
    }
    if (!group.empty()) csv << group << i / 2 << ',';
    csv << "class-" << i % 3 << '\n';
  }
  return csv.str();
}

std::vector<CsvRow> read_csv(const std::string& path) {
  std::istringstream text(file_text(path));
  std::string line;
  std::getline(text, line);
  const std::vector<std::string> names = split(line);
  std::vector<CsvRow> rows;
  while (std::getline(text, line)) {
    const std::vector<std::string> fields = split(line);
    if (fields.size() != names.size()) throw std::runtime_error(path + ": a row of another length: " + line);
    CsvRow& row = rows.emplace_back();
    for (std::size_t i = 0; i < names.size(); ++i) row[names[i]] = fields[i];
  }
  return rows;
}

std::set<std::string> values_of(const std::vector<CsvRow>& rows, const std::string& column) {
  std::set<std::string> values;
  for (const CsvRow& row : rows) values.insert(row.at(column));
  return values;
}

std::vector<CsvRow> rows_with(const std::vector<CsvRow>& rows, const std::string& column,
                              const std::string& value) {
  std::vector<CsvRow> found;
  std::copy_if(rows.begin(), rows.end(), std::back_inserter(found),
               [&](const CsvRow& row) { return row.at(column) == value; });
  return found;
}

std::vector<CsvRow> without_seconds(std::vector<CsvRow> rows) {
  for (CsvRow& row : rows)
    std::erase_if(row, [](const auto& field) { return field.first.starts_with("seconds"); });
  return rows;
}

}  // namespace thaw::test
