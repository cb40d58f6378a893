#include "finetune/report/html/html.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.h"
#include "finetune/common/units.h"

namespace thaw::report {
namespace {

constexpr const char* kMinus = "\xe2\x88\x92";

std::string with_minus(std::string text) {
  for (std::size_t at = text.find('-'); at != std::string::npos; at = text.find('-', at))
    text.replace(at, 1, kMinus);
  return text;
}

constexpr std::size_t kLongCell = 32;  // characters: more are broken into lines

std::string cell_html(const char* tag, const Cell& cell) {
  std::string html = concat('<', tag);
  if (cell.text.size() > kLongCell) html += " class=\"long\"";
  if (cell.order && std::isfinite(*cell.order))
    html += concat(" data-order=\"", short_number(*cell.order, 9), "\"");
  html += '>' + escape(cell.text);
  if (!cell.note.empty()) html += "<small>" + escape(cell.note) + "</small>";
  return html + "</" + std::string(tag).substr(0, 2) + ">";
}

}  // namespace

std::string escape(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '&')
      out += "&amp;";
    else if (c == '"')
      out += "&quot;";
    else if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t')
      out += ' ';
    else
      out += c;
  }
  return out;
}

std::string paragraph(const std::string& text) { return "<p>" + escape(text) + "</p>\n"; }

std::string soft(const std::string& text) { return "<p class=\"soft\">" + escape(text) + "</p>\n"; }

std::string anchor(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    out += plain ? c : '-';
  }
  return out;
}

std::string metric_number(double value) {
  if (!std::isfinite(value)) return "-";
  return with_minus(std::abs(value) < 100 ? fixed_number(value, 4) : short_number(value, 6));
}

std::string signed_number(double value) { return (value > 0 ? "+" : "") + metric_number(value); }

std::string range_text(const Interval& interval) {
  return metric_number(interval.low) + " to " + metric_number(interval.high);
}

std::string short_text(double value, int digits) {
  std::string text = short_number(std::abs(value) < 1e-12 ? 0 : value, digits);
  for (const char* zero : {"e-0", "e+0"})
    if (const std::size_t at = text.find(zero); at != std::string::npos) text.erase(at + 2, 1);
  return with_minus(std::move(text));
}

void Table::add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }

bool Table::is_used(std::size_t column) const {
  return std::any_of(rows_.begin(), rows_.end(), [&](const auto& row) { return !row[column].text.empty(); });
}

std::string Table::html(bool sortable) const {
  if (rows_.empty()) return "";
  std::string html = concat("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"",
                            escape(caption_), "\"><table", sortable ? " class=\"sortable\"" : "",
                            "><caption>", escape(caption_), "</caption><thead><tr>");
  for (std::size_t c = 0; c < columns_.size(); ++c)
    if (is_used(c)) html += "<th scope=\"col\">" + escape(columns_[c]) + "</th>";
  html += "</tr></thead><tbody>\n";
  for (const std::vector<Cell>& row : rows_) {
    html += "<tr>";
    for (std::size_t c = 0; c < row.size(); ++c)
      if (is_used(c)) html += cell_html(c == 0 ? "th scope=\"row\"" : "td", row[c]);
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

}  // namespace thaw::report
