// `thaw predict`: what a trained model says of new inputs, a line for each. How a line is written is decided
// once, before the inputs are read.
#include <algorithm>
#include <filesystem>

#include "core/error.h"
#include "finetune/cli/commands.h"
#include "finetune/cli/output.h"
#include "finetune/cli/saved_model.h"
#include "finetune/common/json.h"
#include "finetune/common/text.h"
#include "finetune/model/model_folder.h"
#include "finetune/task/evaluate.h"
#include "finetune/task/metrics_json.h"

namespace thaw::cli {
namespace {

enum class Format { jsonl, csv };

Format format_of(const Arguments& arguments) {
  std::string format = arguments.format;
  if (arguments.json && format == "csv")
    fail_input("two formats are asked for (--json, --format csv); leave one out");
  if (arguments.json && format.empty()) format = "jsonl";
  if (format.empty()) {
    format = lower_ascii(std::filesystem::path(arguments.output).extension().string());
    constexpr const char* kOthers[] = {".tsv", ".json", ".gz",   ".zip",     ".bz2",   ".xz",
                                       ".zst", ".xls",  ".xlsx", ".parquet", ".arrow", ".feather"};
    if (std::find(std::begin(kOthers), std::end(kOthers), format) != std::end(kOthers))
      fail_input("predictions are not written as ", format, " (--output ", arguments.output,
                 "); name a .csv or .jsonl file, or say --format csv or --format jsonl");
    format = format == ".csv" ? "csv" : "jsonl";
  }
  if (format == "jsonl") return Format::jsonl;
  if (format == "csv") return Format::csv;
  fail_input("there is no format ", in_quotes(format), " (--format); use jsonl or csv");
}

Json numbers(const std::vector<double>& values) {
  Json json = Json::array();
  for (const double value : values) json.push_back(json_number(value));
  return json;
}

// Puts what a model gives into words.
struct Speaker {
  Speaker(const ModelFolder& folder, Format to)
      : format(to),
        task(*folder.preprocess.task),
        classes(folder.preprocess.labels),
        scale(folder.preprocess.target_scale) {
    for (auto i = static_cast<std::int64_t>(classes.size()); i < folder.config.outputs; ++i)
      classes.push_back(std::to_string(i));
  }

  Fields line(const Outputs& outputs, std::int64_t sample) const {
    Fields fields = task.prediction(outputs, sample, classes, format == Format::csv);
    if (scale == TargetScale()) return fields;
    for (auto& [name, value] : fields) value = scale.value(std::get<double>(value));
    return fields;
  }
  Fields example() const {
    return line({static_cast<std::int64_t>(classes.size()), std::vector<float>(classes.size())}, 0);
  }

  Format format;
  const Task& task;
  std::vector<std::string> classes;
  TargetScale scale;
};

// A line of CSV takes it as it is, or as text.
Json to_json(const FieldValue& value) {
  if (const auto* number = std::get_if<double>(&value)) return json_number(*number);
  if (const auto* list = std::get_if<std::vector<double>>(&value)) return numbers(*list);
  if (const auto* names = std::get_if<std::vector<std::string>>(&value)) return *names;
  return std::get<std::string>(value);
}

std::string json_text(const KeptCell& cell) {
  if (cell.is_text) return json_line(Json(cell.text));
  return cell.text.empty() ? "null" : cell.text;  // a number as it was written
}

std::string csv_text(const Json& value) {
  return csv_field(value.is_string() ? value.get<std::string>() : json_line(value));
}

// A line of either format from its fields, which are written as the format has them.
class Lines {
 public:
  explicit Lines(Format format) : format_(format) {}

  void add(const std::string& name, const std::string& written) {
    if (format_ == Format::jsonl) text_ += (is_first_ ? "{" : ",") + json_line(Json(name)) + ":";
    if (format_ == Format::csv && !is_first_) text_ += ',';
    text_ += written;
    is_first_ = false;
  }
  void end() {
    text_ += format_ == Format::jsonl ? "}\n" : "\n";
    is_first_ = true;
  }
  const std::string& text() const { return text_; }

 private:
  Format format_;
  std::string text_;
  bool is_first_ = true;
};

// Two fields of a line must not have one name: a reader would see one of them.
void check_names(const std::vector<std::string>& kept, const Fields& line, const std::string& input) {
  std::vector<std::string> names;
  for (const auto& [name, value] : line) names.push_back(name);
  for (const std::string& column : kept) {
    if (std::find(names.begin(), names.end(), column) != names.end())
      fail_input("the column ", in_quotes(column), " is to be kept, but a field of that name is ",
                 "in each line already (", input, ", --keep); rename it there, or leave it out with ",
                 "--keep 'all,!", column, "'");
    names.push_back(column);
  }
}

std::string prediction_lines(const Outputs& outputs, const Dataset& data, const Speaker& speaker) {
  Lines lines(speaker.format);
  const bool csv = speaker.format == Format::csv;
  if (csv) {
    for (const std::string& column : data.kept_columns) lines.add("", csv_field(column));
    for (const auto& [name, value] : speaker.example()) lines.add("", csv_field(name));
    lines.end();
  }
  for (std::int64_t i = 0; i < data.size(); ++i) {
    for (std::size_t column = 0; column < data.kept_columns.size(); ++column) {
      const KeptCell& cell = data[i].kept[column];
      lines.add(data.kept_columns[column], csv ? csv_field(cell.text) : json_text(cell));
    }
    for (const auto& [name, value] : speaker.line(outputs, i))
      lines.add(name, csv ? csv_text(to_json(value)) : json_line(to_json(value)));
    lines.end();
  }
  return lines.text();
}

}  // namespace

int predict(const Arguments& arguments) {
  const Format format = format_of(arguments);
  check_result_file(arguments.output, arguments.input, arguments.model);
  SavedModel saved = load_saved_model(arguments.model, arguments.allow_missing);
  const Dataset data = read_inputs(saved.folder, arguments.input, input_columns(arguments, true));
  const Speaker speaker(saved.folder, format);
  check_names(data.kept_columns, speaker.example(), arguments.input);
  const Outputs outputs = predict_all(*saved.model, data);
  check_outputs(outputs, arguments.input);
  write_result(arguments.output, prediction_lines(outputs, data, speaker));
  return 0;
}

}  // namespace thaw::cli
