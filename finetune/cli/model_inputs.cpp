// The data of --input as a trained model takes them: declared in saved_model.h.
#include <filesystem>
#include <memory>

#include "core/error.h"
#include "finetune/cli/output.h"
#include "finetune/cli/saved_model.h"
#include "finetune/common/text.h"
#include "finetune/data/numbers.h"
#include "finetune/data/readers/readers.h"
#include "finetune/data/standardize.h"
#include "finetune/model/picture_source.h"
#include "finetune/model/sound_source.h"
#include "finetune/model/text_source.h"
#include "finetune/preprocess/picture_input.h"
#include "finetune/preprocess/text_input.h"
#include "finetune/run/prepare_data.h"

namespace thaw::cli {

void say_what_was_read(const Dataset& data, const std::string& path) {
  Progress().message(describe_read(data, path));
  for (const std::string& note : data.notes) Progress().message(note);
}

InputColumns input_columns(const Arguments& arguments, bool keep_id) {
  return {arguments.text, arguments.text_pair, arguments.separator, arguments.quote, arguments.keep, keep_id};
}

namespace {

// Of --text, where there is a column to choose.
const std::string& named_text_column(const std::string& name, const DataSource& source) {
  if (source.text.empty()) fail_input("the model takes no text (--text ", name, "); leave the option out");
  if (source.text_pair.empty() && (source.path == "-" || source.path.ends_with(".txt")))
    fail_input("a text per line has no columns (", source.path, ", --text ", name,
               "); leave the option out, or give a .csv, .tsv or .jsonl table");
  return name;
}

char separator_of(const std::string& text) {
  if (text.size() > 1 || text.find_first_of("\"\n\r") != std::string::npos)
    fail_input(in_quotes(text), " separates no fields (--separator); write one character, such as ';'");
  return text.empty() ? '\0' : text[0];
}

}  // namespace

Dataset read_inputs(const ModelFolder& folder, const std::string& path, const InputColumns& columns) {
  const Preprocess& preprocess = folder.preprocess;
  DataSource source;
  source.path = path;
  source.label = preprocess.label_column;
  source.group = preprocess.columns.empty() ? "" : preprocess.group_column;
  source.targets = Targets::none;
  if (const auto text = text_input(folder)) {
    source.text = text->column;
    source.text_pair = text->pair_column;
  }
  source.audio = audio_column(folder).value_or("");
  source.image = picture_column(folder).value_or("");
  if (columns.text_pair && source.text.empty())
    fail_input("the model takes no text (--text-pair ", *columns.text_pair, "); leave the option out");
  if (columns.text_pair) source.text_pair = *columns.text_pair;
  if (!columns.text.empty()) source.text = named_text_column(columns.text, source);
  source.separator = separator_of(columns.separator);
  if (!columns.quote.empty() && columns.quote != "csv" && columns.quote != "none")
    fail_input("quotes are read as csv or none, not as ", in_quotes(columns.quote),
               " (--quote); write one of these");
  source.quote = columns.quote.empty() ? preprocess.quote : columns.quote;
  source.keep = columns.keep;
  source.keep_id = columns.keep_id;
  source.columns = preprocess.columns;
  preprocess.encoding.choose_kinds(source);
  Dataset data = read_dataset(source);
  say_what_was_read(data, path);
  prepare_for(folder, path, data);
  return data;
}

namespace {

// Files, and IDX images of another size or without colour, as the model sees them.
void prepare_pictures(const ModelFolder& folder, Dataset& data) {
  std::shared_ptr<KeptPictures> kept;
  const Numbers* images = find_numbers(data);
  if (find_pictures(data) != nullptr)
    show(picture_view(folder), kept, data);
  else if (images != nullptr && images->shape.size() == 3 && picture_column(folder) &&
           images->shape != folder.config.sample_shape)
    show_images(picture_view(folder), kept, data);
  const Pictures* pictures = find_pictures(data);
  if (pictures != nullptr) Progress().message(describe_pictures(*pictures));
  if (!folder.has_preprocess && folder.images)
    for (const std::string& note : notes_of(*folder.images, true, pictures != nullptr))
      Progress().message(note);
}

void check_columns(const Preprocess& preprocess, const std::string& source, const Dataset& data) {
  if (!preprocess.columns.empty() && data.columns != preprocess.columns)
    fail_input("the columns ", name_list(data.columns), " are not the model's ",
               name_list(preprocess.columns), " (", source, "); give the same columns in the same order");
}

void encode(const Preprocess& preprocess, const std::string& source, Dataset& data) {
  check_columns(preprocess, source, data);
  std::vector<std::string> notes;
  preprocess.encoding.apply(data, source, notes);
  for (const std::string& note : notes) Progress().message(note);
}

}  // namespace

void prepare_for(const ModelFolder& folder, const std::string& source, Dataset& data) {
  const Preprocess& preprocess = folder.preprocess;
  if (preprocess.target_scale != TargetScale()) scale_targets(preprocess.target_scale, data);
  if (const auto text = text_input(folder)) {
    for (const std::string& note :
         {tokenize(*text, {&data}), note_of_cut(*text, count_full(*text, data), data.size())})
      if (!note.empty()) Progress().message(note);
    return;
  }
  if (const auto sound = sound_input(folder)) {
    hear(*sound, {&data});
    return;
  }
  prepare_pictures(folder, data);
  if (!preprocess.encoding.empty()) encode(preprocess, source, data);
  if (data.sample_shape() != folder.config.sample_shape)
    fail_input("the samples have the shape ", Shape(data.sample_shape()), ", the model takes ",
               Shape(folder.config.sample_shape), " (", source, "); give data like those it was trained on");
  if (preprocess.encoding.empty()) check_columns(preprocess, source, data);
  if (preprocess.mean.empty()) return;
  const Standardizer standardizer{preprocess.mean, preprocess.deviation};
  try {
    standardizer.of_shape(data.sample_shape());
  } catch (const InputError&) {
    fail_input("preprocess.json has ", preprocess.mean.size(), " means for samples ",
               Shape(data.sample_shape()), " (", folder.path, "); make the folder again");
  }
  standardizer.apply(data);
}

}  // namespace thaw::cli
