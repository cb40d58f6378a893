#include "finetune/export/refusals.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <system_error>
#include <utility>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/data/numbers.h"
#include "finetune/data/pictures.h"
#include "finetune/data/readers/class_folders.h"
#include "finetune/data/readers/input_file.h"
#include "finetune/export/recipe_model.h"

namespace thaw {
namespace {

constexpr const char* kNetworks[] = {
    "mlp", "cnn", "efficientnet-lite", "squeezenet", "resnet", "convnext", "vit", "bert", "whisper"};

[[noreturn]] void refuse(const std::string& what, const std::string& where, const std::string& mend) {
  fail_input("the script that `thaw export` writes has no ", what, " (", where, "); ", mend,
             ", or train with `thaw train`");
}

void check_train(const TrainSection& train) {
  if (train.class_weight != ClassWeights{}) refuse("class weights", "train.class_weight", "leave it out");
  if (train.nan != NanAction::stop)
    refuse("way to go on after a loss that is not finite",
           concat("train.nan = ", in_quotes(name_of(train.nan))), "set train.nan = \"stop\"");
  if (train.restore_best) refuse("way back to the best weights", "train.restore_best", "set it to false");
  if (train.early_stopping_patience > 0)
    refuse("early stopping", "train.early_stopping_patience", "set it to 0");
}

void check_strategy(const Config& config, const RunSetup& setup) {
  const Strategy& strategy = setup.strategy;
  const std::string where = concat("strategy ", in_quotes(config.strategy.name));
  const std::string mend = "choose another with --strategy";
  if (strategy.l2_sp) refuse("L2-SP penalty", where, mend);
  if (setup.model_config.adapters || (strategy.adapters && !strategy.adapters->is_low_rank()))
    refuse("bottleneck adapters", where, mend);
  if (strategy.adapters && std::get<LoraOptions>(strategy.adapters->layer).dora) refuse("DoRA", where, mend);
  if (strategy.adapters && !strategy.adapters->layers.empty())
    refuse("adapters of several ranks", where, "leave model.init out");
  const auto& phases = setup.plan.phases();
  const auto is_plateau = [](const ResolvedPhase& phase) { return phase.start == kNever; };
  if (std::any_of(phases.begin(), phases.end(), is_plateau))
    refuse("phases that begin at a plateau", where, "say at which step or epoch they begin");
  if (setup.plan.run().total_updates == 0) refuse("run without updates", "train.epochs = 0", "set it higher");
}

void check_model(const RunSetup& setup) {
  const std::string& architecture = setup.model_config.architecture;
  if (std::find(std::begin(kNetworks), std::end(kNetworks), architecture) == std::end(kNetworks))
    refuse(concat("network ", in_quotes(architecture)), "model.from",
           concat("use one of these: ", joined({std::begin(kNetworks), std::end(kNetworks)})));
  if ((architecture == "resnet" || architecture == "convnext") && has_dropout(setup.model_config))
    refuse("dropout of a " + architecture, "model.dropout", "set it to 0");
  if (setup.model_config.decoder.writes)
    refuse("decoder of a Whisper", "model.decoder = \"seq2seq\"", "set model.decoder = \"ctc\"");
  if (setup.model_config.pools_places)
    refuse("classifier of sounds", "data.task", "give a model that transcribes");
}

void check_bits(const Pictures& pictures) {
  for (std::int64_t row = 0; row < pictures.size(); ++row)
    if (const PictureInfo info = pictures.source().info(row); info.has_16_bits && info.is_grey)
      refuse("reader for grey pictures of 16 bits, which Pillow cuts off at 255",
             pictures.source().place(row), "convert them to 8 bits");
}

void check_images(const std::string& kind, const std::string& path, const PreparedData& data) {
  if (const Pictures* pictures = find_pictures(data.train)) {
    if (kind != "folder" && kind != "idx")
      refuse("reader for pictures from " + in_quotes(path), "data.train",
             "give a folder with a folder for each class, or IDX images");
    check_bits(*pictures);
    if (const Pictures* others = find_pictures(data.validation)) check_bits(*others);
    if (static_cast<std::int64_t>(data.preprocess.mean.size()) > pictures->view().channels)
      refuse("pictures whose pixels have a mean each", "data.standardize", "leave it out");
    return;
  }
  const bool are_images = find_numbers(data.train) != nullptr && data.train.columns.empty();
  if (are_images && data.scaling != Scaling::none)
    refuse("images that are standardised", "data.standardize", "set data.standardize = false");
}

// Common Voice's tables call them otherwise.
void check_names(const std::string& path, const Preprocess& preprocess) {
  const std::string text = read_text(path);
  const std::string header = text.substr(0, text.find('\n'));
  for (const auto& [key, name] :
       {std::pair{"data.audio", preprocess.audio_column}, std::pair{"data.label", preprocess.label_column}})
    if (header.find(name) == std::string::npos)
      refuse(concat("way to find the column that stands for ", in_quotes(name)), path,
             concat("name it in ", key));
}

void check_data(const Config& config, const PreparedData& data, const RunSetup& setup) {
  const DataSection& section = config.data;
  if (section.corrupt != Corruption::none) refuse("corrupted images", "data.corrupt", "leave it out");
  if (!section.augment.empty()) refuse("augmentation", "data.augment", "leave it out");
  if (!data.preprocess.encoding.empty())
    refuse("categories and no missing values", "data.categories, data.missing", "leave them out");
  if (data.target_scaling != Scaling::none)
    refuse("scaled targets", "data.standardize_target", "set it to false");
  if (!data.preprocess.pair_column.empty())
    refuse("pairs of texts", "data.text_pair", "set data.text_pair = \"\"");
  const std::string kind = kind_of_file(section.train);
  check_images(kind, section.train, data);
  const bool is_table = kind == ".csv" || kind == ".tsv";
  const bool is_known =
      is_table || kind == ".jsonl" || kind == "builtin" || kind == "idx" || kind == "folder";
  if (!is_known || section.train == "-")
    refuse("reader for " + in_quotes(section.train), "data.train", "give a .csv table");
  const std::string& validation = section.validation;
  if (!validation.empty() && kind_of_file(validation) != kind)
    refuse("second reader for " + in_quotes(validation), "data.validation",
           "give data of the training data's kind");
  for (const std::string& file : {section.train, validation})
    if (takes_sound(setup.model_config) && !file.empty()) check_names(file, data.preprocess);
  if (!is_table) return;
  separator_of_table(config, section.train);
  if (!validation.empty()) separator_of_table(config, validation);
}

}  // namespace

void check_can_export(const Config& config, const PreparedData& data, const RunSetup& setup) {
  check_model(setup);
  check_strategy(config, setup);
  check_train(config.train);
  check_data(config, data, setup);
}

std::string kind_of_file(const std::string& name) {
  if (name.starts_with("builtin:")) return "builtin";
  std::filesystem::path path = name;
  std::error_code ignored;  // the data have been read
  if (std::filesystem::is_directory(path, ignored))
    return metadata_of_folder(name).empty() ? "folder" : "folder with a table";
  if (lower_ascii(path.extension().string()) == ".gz") path.replace_extension();
  const std::string ending = lower_ascii(path.extension().string());
  const bool is_table = ending == ".csv" || ending == ".tsv" || ending == ".jsonl";
  return !is_table && path.filename().string().find("idx") != std::string::npos ? "idx" : ending;
}

char separator_of_table(const Config& config, const std::string& path) {
  const DataSection& data = config.data;
  const bool tabs = kind_of_file(path) == ".tsv";
  const std::string usual = tabs ? "\t" : ",";
  const std::string separator = data.separator.empty() ? usual : data.separator;
  const std::string text = read_text(path);
  const std::string header = text.substr(0, text.find('\n'));
  if (data.separator.empty() && header.find(separator) == std::string::npos &&
      header.find_first_of(";\t,|") != std::string::npos)
    refuse("guess at what separates fields", path, "set data.separator");
  if (separator == "\t" && data.quote.empty() && text.find('"') != std::string::npos)
    refuse("guess at what quotes mean between tabs", path, "set data.quote to \"csv\" or \"none\"");
  return separator[0];
}

}  // namespace thaw
