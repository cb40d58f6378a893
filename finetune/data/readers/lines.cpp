#include "finetune/data/readers/lines.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/data/readers/input_file.h"
#include "finetune/data/readers/table.h"
#include "finetune/data/texts.h"

namespace thaw {

namespace {

// A table on standard input, which is read as texts: an object of JSON, or a header that names the column.
void refuse_table(const DataSource& source, std::string_view first) {
  if (source.path != "-") return;
  const nlohmann::json json = nlohmann::json::parse(first, nullptr, false);
  bool is_header = first == source.text;
  for (const char separator : {',', ';', '\t'})
    is_header |= (separator + std::string(first) + separator).find(separator + source.text + separator) !=
                     std::string::npos &&
                 first.find(separator) != std::string_view::npos;
  if (json.is_object() || is_header)
    fail_input("standard input has a text per line, and its first is ",
               json.is_object() ? "an object of JSON" : "the header of a table", ", ", in_quotes(first),
               "; give the texts alone, or the table as a file (.csv, .tsv, .jsonl)");
}

}  // namespace

Dataset read_lines(const DataSource& source) {
  if (source.targets != Targets::none)
    fail_input("a .txt file has texts without labels (", source.path,
               "); give a .csv, .tsv or .jsonl table with a column of labels");
  const std::string text = read_text(source.path);
  std::string_view rest = text;
  Dataset data;
  if (!columns_to_keep(source.keep, {source.text}, source.path).empty())
    data.kept_columns.push_back(source.text);
  std::vector<Text> texts;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    data.samples.push_back({.id = data.size()});
    if (line.size() > static_cast<size_t>(kMaxFieldBytes))
      fail_input("a line longer than 1 MiB (", place(source.path, data.size()), "); shorten it");
    if (texts.empty()) refuse_table(source, line);
    texts.push_back({std::string(line), ""});
    if (!data.kept_columns.empty()) data.samples.back().kept.push_back({texts.back().first});
  }
  if (texts.empty()) fail_input("the file is empty (", source.path, "); give it a text per line");
  data.inputs = std::make_shared<const Texts>(std::move(texts));
  return data;
}

}  // namespace thaw
