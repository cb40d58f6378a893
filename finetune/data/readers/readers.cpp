#include "finetune/data/readers/readers.h"

#include <filesystem>
#include <system_error>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/data/readers/class_folders.h"
#include "finetune/data/readers/csv.h"
#include "finetune/data/readers/digits.h"
#include "finetune/data/readers/idx.h"
#include "finetune/data/readers/jsonl.h"
#include "finetune/data/readers/lines.h"
#include "finetune/data/readers/picture_files.h"
#include "finetune/data/readers/sound_clip.h"

namespace thaw {
namespace {

constexpr std::string_view kBuiltin = "builtin:";

// Images are for models that take them.
void refuse_other_models(const DataSource& source) {
  if (!source.text.empty())
    fail_input("the data are images, but the model reads text (", source.path,
               "); give a .csv, .tsv or .jsonl table with a column of texts, or another model");
  if (!source.audio.empty())
    fail_input("the data are images, but the model hears sounds (", source.path,
               "); give a .csv, .tsv or .jsonl table with a column of sound files, or another model");
}

// Nor have they columns of features.
void refuse_columns(const DataSource& source) {
  const char* what = source.audio.empty() ? "images" : "sounds";
  const auto refuse = [&](const std::string& option) {
    fail_input(what, " have no columns (", source.path, ", ", option,
               "); give a table, or remove the option");
  };
  if (!source.group.empty()) refuse("data.group = " + in_quotes(source.group));
  if (!source.columns.empty()) refuse("feature column " + in_quotes(source.columns.front()));
  if (!source.features.empty()) refuse("data.features");
  if (!source.ignore.empty()) refuse("data.ignore");
  if (!source.categories.empty()) refuse("data.categories");
  if (source.takes_missing) refuse("data.missing");
}

// Those of one file have no names to keep either.
void refuse_table_options(const DataSource& source) {
  refuse_other_models(source);
  if (!source.keep.empty())
    fail_input("images have no columns to keep (", source.path, ", ", joined(source.keep),
               "); give a table, or leave the option out");
  refuse_columns(source);
}

Dataset read_builtin(const DataSource& source) {
  refuse_table_options(source);
  if (source.path == "builtin:digits") return read_digits(source);
  fail_input("there is no built-in data set ", in_quotes(source.path.substr(kBuiltin.size())), " (",
             source.path, "); the one there is: builtin:digits");
}

// The ending, in lower case, without a .gz behind it.
std::string kind_of(std::filesystem::path path) {
  if (lower_ascii(path.extension().string()) == ".gz") path.replace_extension();
  return lower_ascii(path.extension().string());
}

Dataset read_source(const DataSource& source) {
  const std::filesystem::path path = source.path;
  std::error_code ignored;  // open_input reports what is wrong with a path
  if (std::filesystem::is_directory(path, ignored)) {
    DataSource table = source;
    table.path = metadata_of_folder(source.path);
    table.is_of_folder = true;
    if (!table.path.empty()) return read_source(table);
    if (!source.text.empty())
      fail_input("a folder is read as pictures or sounds, but the model reads text (", source.path,
                 "); put the texts into a .csv, .tsv or .jsonl table, with a column of labels");
    refuse_columns(source);
    return source.audio.empty() ? read_picture_folder(source) : read_sound_folder(source);
  }
  const std::string extension = kind_of(path);
  if (extension == ".csv") return read_csv(source, ',');
  if (extension == ".tsv") return read_csv(source, '\t');
  if (extension == ".jsonl") return read_jsonl(source);
  if (extension == ".txt" && !source.text_pair.empty())
    fail_input("a .txt file has no pairs of texts (", source.path,
               "); give a .csv, .tsv or .jsonl table with the columns ", in_quotes(source.text), " and ",
               in_quotes(source.text_pair), ", or say that there is no second text: ",
               source.targets != Targets::none ? "data.text_pair = \"\"" : "--text-pair \"\"");
  if (extension == ".txt" && !source.text.empty()) return read_lines(source);
  if (!source.audio.empty() && is_sound_name(source.path)) return read_sound_alone(source);
  if (is_picture_name(source.path)) {
    refuse_other_models(source);
    refuse_columns(source);
    return read_picture_alone(source);
  }
  if (path.filename().string().find("idx") != std::string::npos) {
    refuse_table_options(source);
    return read_idx(source);
  }
  fail_input(
      "unknown kind of data file (", source.path,
      "); give a .csv, .tsv or .jsonl table, a folder of pictures or sounds, one picture or sound, an IDX "
      "images file such as train-images-idx3-ubyte.gz, or builtin:digits");
}

}  // namespace

Dataset read_dataset(const DataSource& source) {
  const bool is_single_text = !source.text.empty() && source.text_pair.empty();
  if (source.path == "-") return is_single_text ? read_lines(source) : read_csv(source, ',');
  if (source.path.rfind(kBuiltin, 0) == 0) return read_builtin(source);
  return read_source(source);
}

}  // namespace thaw
