#include "finetune/data/readers.h"

#include <filesystem>
#include <system_error>

#include "core/error.h"
#include "finetune/data/formats.h"
#include "finetune/data/text.h"

namespace thaw {
namespace {

constexpr std::string_view kBuiltin = "builtin:";

// Images have neither columns to choose nor groups nor texts.
void refuse_table_options(const DataSource& source) {
  if (!source.text.empty())
    fail_input("the data are images, but the model reads text (", source.path,
               "); give a .csv, .tsv or .jsonl table with a column of texts, or another model");
  if (!source.keep.empty())
    fail_input("images have no columns to keep (", source.path, ", ", joined(source.keep),
               "); give a table, or leave the option out");
  if (source.group.empty() && source.columns.empty()) return;
  const bool group = !source.group.empty();
  fail_input("images have no columns (", source.path, ", ", group ? "data.group = " : "feature column ",
             in_quotes(group ? source.group : source.columns.front()),
             "); give a table, or remove the option");
}

Dataset read_builtin(const DataSource& source) {
  refuse_table_options(source);
  if (source.path == "builtin:digits") return read_digits(source);
  fail_input("there is no built-in data set ", in_quotes(source.path.substr(kBuiltin.size())), " (",
             source.path, "); the one there is: builtin:digits");
}

Dataset read_file(const DataSource& source) {
  const std::filesystem::path path = source.path;
  std::error_code ignored;  // open_input reports what is wrong with a path
  if (std::filesystem::is_directory(path, ignored)) {
    fail_input("a folder of images or sounds is not in this version (", source.path,
               "); give a .csv, .tsv, .jsonl or IDX images file");
  }
  const std::string extension = path.extension().string();
  if (extension == ".csv") return read_csv(source, ',');
  if (extension == ".tsv") return read_csv(source, '\t');
  if (extension == ".jsonl") return read_jsonl(source);
  if (extension == ".txt" && !source.text.empty()) return read_lines(source);
  if (path.filename().string().find("idx") != std::string::npos) {
    refuse_table_options(source);
    return read_idx(source);
  }
  fail_input(
      "unknown kind of data file (", source.path,
      "); give a .csv, .tsv or .jsonl table, an IDX images file such as train-images-idx3-ubyte.gz, or "
      "builtin:digits");
}

}  // namespace

Dataset read_dataset(const DataSource& source) {
  if (source.path == "-") return source.text.empty() ? read_csv(source, ',') : read_lines(source);
  if (source.path.rfind(kBuiltin, 0) == 0) return read_builtin(source);
  return read_file(source);
}

}  // namespace thaw
