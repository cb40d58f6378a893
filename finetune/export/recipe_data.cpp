#include "finetune/export/recipe_data.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "finetune/data/pictures.h"
#include "finetune/export/pieces.h"
#include "finetune/export/python.h"
#include "finetune/export/refusals.h"

namespace thaw {
namespace {

bool is_table(const RecipeSource& recipe) { return !recipe.data.train.columns.empty(); }
bool is_text(const RecipeSource& recipe) { return takes_text(recipe.setup.model_config); }
bool is_sound(const RecipeSource& recipe) { return takes_sound(recipe.setup.model_config); }
bool is_picture(const RecipeSource& recipe) { return find_pictures(recipe.data.train) != nullptr; }

// Each label and the index of its class; several labels may be one class.
std::string classes_constant(const RecipeSource& recipe) {
  const std::vector<std::string>& classes = recipe.data.train.classes;
  const auto& merge = recipe.config.data.merge;
  std::vector<std::pair<std::string, std::string>> index_of;
  for (std::size_t i = 0; i < classes.size(); ++i)
    for (const std::string& label :
         merge.empty() ? std::vector<std::string>{classes[i]} : merge.at(classes[i]))
      index_of.emplace_back(label, std::to_string(i));
  const std::string start = "CLASSES = ";
  return start + py_dict(index_of, start.size()) + "\n";
}

std::string standardizing_constants(const Preprocess& preprocess) {
  std::vector<double> deviation = preprocess.deviation;
  bool has_constant = false;
  for (double& value : deviation) {
    if (value != 0) continue;
    value = INFINITY;
    has_constant = true;
  }
  return concat("MEAN = ", py_numbers(preprocess.mean, 7), "\n",
                has_constant ? "# inf: a column that is the same in every training row becomes 0.\n" : "",
                "DEVIATION = ", py_numbers(deviation, 12), "\n");
}

std::string table_constants(const RecipeSource& recipe) {
  const Config& config = recipe.config;
  const Preprocess& preprocess = recipe.data.preprocess;
  std::string text;
  if (kind_of_file(config.data.train) != ".jsonl")
    text += concat("SEPARATOR = ", py_text(std::string(1, separator_of_table(config, config.data.train))),
                   "\nQUOTING = csv.", config.data.quote == "none" ? "QUOTE_NONE" : "QUOTE_MINIMAL", "\n");
  text += concat("LABEL = ", py_text(preprocess.label_column), "\n");
  if (is_text(recipe))
    return text + concat("TEXT = ", py_text(preprocess.text_column), "\nMAX_LENGTH = ", preprocess.max_length,
                         "  # tokens\nPAD_ID = ",
                         std::max<std::int64_t>(0, recipe.setup.model_config.transformer.pad_id), "\n");
  if (is_sound(recipe))
    return text + concat("AUDIO = ", py_text(preprocess.audio_column),
                         "\nWHOLE_CONTEXT = ", py_bool(preprocess.whole_context), "\n");
  return text + concat("FEATURES = ", py_texts(recipe.data.train.columns, 11), "\n",
                       standardizing_constants(preprocess));
}

std::string resizing_constants(const PictureView& view) {
  if (view.resize == PictureView::Resize::none) return "";
  const char* filter = view.filter == ResizeFilter::bilinear ? "BILINEAR" : "BICUBIC";
  const std::string size =
      view.resize == PictureView::Resize::stretch
          ? concat("RESIZED = (", view.resize_height, ", ", view.resize_width, ")  # height, width")
          : concat("EDGE = ", view.resize_height);
  return concat(size, "\nFILTER = Image.Resampling.", filter, "\n");
}

std::string picture_constants(const RecipeSource& recipe) {
  const PictureView& view = *recipe.data.preprocess.view;
  return concat(resizing_constants(view), "SIZE = (", view.height, ", ", view.width,
                ")  # height, width: the middle, which the network sees\nMODE = ",
                py_text(view.channels == 1 ? "L" : "RGB"), "\n# Of each channel, of pixels from 0 to 1.\n",
                standardizing_constants(recipe.data.preprocess));
}

const char* resizing_piece(const PictureView& view) {
  switch (view.resize) {
    case PictureView::Resize::stretch:
      return pieces::stretched_py();
    case PictureView::Resize::shortest_edge:
      return pieces::shortest_edge_py();
    case PictureView::Resize::none:
      break;
  }
  return pieces::as_they_are_py();
}

std::vector<const char*> picture_pieces(const RecipeSource& recipe, const std::string& kind) {
  std::vector<const char*> found = {pieces::picture_folder_py()};
  if (kind != "folder") found = {pieces::idx_file_py(), pieces::idx_pictures_py()};
  found.insert(found.end(), {resizing_piece(*recipe.data.preprocess.view), pieces::picture_data_py()});
  return found;
}

std::vector<const char*> data_pieces(const RecipeSource& recipe) {
  const std::string kind = kind_of_file(recipe.config.data.train);
  const char* rows = kind == ".jsonl" ? pieces::jsonl_rows_py() : pieces::csv_rows_py();
  if (is_text(recipe)) return {rows, pieces::text_data_py()};
  if (is_sound(recipe)) return {rows, pieces::sound_data_py()};
  if (is_table(recipe)) return {rows, pieces::table_data_py(), pieces::tensor_batch_py()};
  if (is_picture(recipe)) return picture_pieces(recipe, kind);
  if (kind == "builtin") return {pieces::digits_data_py(), pieces::tensor_batch_py()};
  return {pieces::idx_file_py(), pieces::idx_data_py(), pieces::tensor_batch_py()};
}

std::string data_constants(const RecipeSource& recipe) {
  if (is_table(recipe) || has_own_lengths(recipe.setup.model_config)) return table_constants(recipe);
  return is_picture(recipe) ? picture_constants(recipe) : "";
}

}  // namespace

ScriptSection data_section(const RecipeSource& recipe) {
  ScriptSection section{"the data", data_constants(recipe), data_pieces(recipe)};
  section.pieces.push_back(pieces::check_data_py());
  return section;
}

ScriptSection task_section(const RecipeSource& recipe) {
  const std::string heading = "the task";
  switch (recipe.data.task->targets()) {
    case Targets::transcripts:
      return {
          heading,
          concat(
              "# The blank of CTC, the space, and the characters that the transcripts have.\nCHARACTERS = ",
              py_texts(recipe.data.train.classes, 13), "\n"),
          {pieces::transcription_py()}};
    case Targets::numbers:
      return {heading, "", {pieces::regression_py()}};
    case Targets::classes:
    case Targets::none:
      break;
  }
  return {heading,
          concat(classes_constant(recipe),
                 "LABEL_SMOOTHING = ", py_number(recipe.config.train.label_smoothing), "\n"),
          {pieces::classification_py()}};
}

}  // namespace thaw
