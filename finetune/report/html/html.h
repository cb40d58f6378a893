// Text for the report's page. All of it is written so that an XML parser could read it too: attributes in
// quotes, every element closed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "finetune/common/statistics.h"

namespace thaw::report {

// For text and for attributes in double quotes. Control characters, which no page may hold, become blanks.
std::string escape(const std::string& text);

std::string paragraph(const std::string& text);  // escapes
std::string soft(const std::string& text);       // a paragraph of an aside; escapes

// An anchor from any text: letters, digits and '-'.
std::string anchor(const std::string& text);

// Numbers as the page shows them, with a true minus sign.
std::string metric_number(double value);               // 0.9731, 23.41
std::string signed_number(double value);               // +0.0123
std::string range_text(const Interval& interval);      // "0.9612 to 0.9850"
std::string short_text(double value, int digits = 4);  // 0.001, 3.2e-5: few digits

// A cell's text; what it is sorted by, where that is a number; and an aside in small type below it, which may
// have lines of its own.
struct Cell {
  Cell() = default;
  Cell(std::string words, std::string aside = "") : text(std::move(words)), note(std::move(aside)) {}
  Cell(std::string words, double by, std::string aside = "")
      : text(std::move(words)), note(std::move(aside)), order(by) {}
  std::string text, note;
  std::optional<double> order;
};

// A table whose first column names its rows. Columns in which no row says anything are left out.
class Table {
 public:
  Table(std::string caption, std::vector<std::string> columns)
      : caption_(std::move(caption)), columns_(std::move(columns)) {}
  void add(std::vector<Cell> row);  // as many cells as there are columns
  bool empty() const { return rows_.empty(); }
  // "" without rows. `sortable`: a script may let the reader sort it.
  std::string html(bool sortable = true) const;

 private:
  bool is_used(std::size_t column) const;

  std::string caption_;
  std::vector<std::string> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace thaw::report
