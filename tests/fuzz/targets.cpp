#include "tests/fuzz/targets.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <span>
#include <stdexcept>

#include "core/error.h"
#include "core/ops.h"
#include "finetune/config/config.h"
#include "finetune/config/config_text.h"
#include "finetune/data/picture/exif.h"
#include "finetune/data/readers/readers.h"
#include "finetune/data/sound/log_mel.h"
#include "finetune/data/sound/resample.h"
#include "finetune/data/sound/sound_file.h"
#include "finetune/model/adapter_config.h"
#include "finetune/model/model_folder.h"
#include "finetune/model/snapshot.h"
#include "finetune/model/starting_model.h"
#include "finetune/model/text_source.h"
#include "finetune/preprocess/character_vocabulary.h"
#include "finetune/preprocess/column_encoding.h"
#include "finetune/preprocess/image_input.h"
#include "finetune/preprocess/sound_input.h"
#include "finetune/preprocess/text_input.h"
#include "finetune/preprocess/tokenizer/tokenizer.h"
#include "finetune/train/checkpoint.h"
#include "finetune/train/step.h"
#include "nn/io/weight_files.h"
#include "nn/models/registry.h"
#include "tests/support/files.h"
#include "tests/support/text_model.h"

namespace thaw::test {
namespace {

// One file of its own per process, rewritten for each input.
class Input {
 public:
  explicit Input(const std::string& name) : name_(name) {}
  std::string write(const std::string& bytes) const { return folder_.write(name_, bytes); }
  std::string folder() const { return folder_.path(); }

 private:
  TemporaryFolder folder_;
  std::string name_;
};

template <class Use>
void answer(Use use) {
  try {
    use();
  } catch (const Error&) {
  }
}

void safetensors(const std::string& bytes) {
  static const Input input("model.safetensors");
  answer([&] {
    const SafetensorsFile file(input.write(bytes));
    for (const SafetensorsEntry& entry : file.entries()) file.load(entry.name);
  });
}

void shard_index(const std::string& bytes) {
  static const Input input(kWeightsIndexName);
  static const bool once = [] {
    save_safetensors(input.folder() + "/one.safetensors", {{"a", ones({2})}, {"b", ones({3})}});
    save_safetensors(input.folder() + "/two.safetensors", {{"c", ones({1})}});
    return true;
  }();
  (void)once;
  answer([&] { const WeightFiles files(input.write(bytes)); });
}

void model_config(const std::string& bytes) {
  static const Input input("config.json");
  answer([&] {
    const ModelConfig config = read_model_config(input.write(bytes));
    write_model_config(config);
    const std::vector<std::string> own = architectures();
    if (std::find(own.begin(), own.end(), config.architecture) != own.end()) return;
    // A model of many layers takes long to build even without weights.
    if (config.transformer.layers <= 4) count_elements(config);
  });
}

void tokenizer(const std::string& bytes) {
  static const Input input("tokenizer.json");
  answer([&] {
    input.write(bytes);
    const auto loaded = load_tokenizer(input.folder());
    for (const char* text :
         {"", "The film's caf\u00e9 was GOOD!", "\xff\xfe\x80", "[CLS] a [MASK]\t\u200b \U0001F600"}) {
      loaded->encode(text, 16);
      loaded->encode_pair(text, "a second one", 16);
    }
  });
}

// The small files of a text model's folder that have no target of their own. The first line of the input
// names the file, the rest is what stands in it.
constexpr std::array kFolderFiles = {"preprocess.json",
                                     "1_Pooling/config.json",
                                     "modules.json",
                                     "sentence_bert_config.json",
                                     "tokenizer_config.json",
                                     "special_tokens_map.json",
                                     "vocab.txt",
                                     "adapter/adapter_config.json",
                                     "preprocessor_config.json",
                                     "vocab.json",
                                     "merges.txt",
                                     "added_tokens.json"};

void folder_file(const std::string& bytes) {
  static const TemporaryFolder folder;
  // Those that the model needs, as they are without an input.
  static const std::map<std::string, std::string> needed = [] {
    write_text_model(folder.path());
    std::map<std::string, std::string> files;
    for (const char* file : {"vocab.txt", "sentence_bert_config.json"})
      files[file] = file_text(folder.path(file));
    return files;
  }();
  const std::string name = bytes.substr(0, bytes.find('\n'));
  if (std::find(kFolderFiles.begin(), kFolderFiles.end(), name) == kFolderFiles.end()) return;
  for (const char* file : kFolderFiles) std::filesystem::remove(folder.path(file));  // of the input before
  for (const auto& [file, text] : needed) folder.write(file, text);
  if (name == "vocab.json" || name == "merges.txt") {  // which are read where there is no other tokenizer
    std::filesystem::remove(folder.path("vocab.txt"));
    folder.write("vocab.json", R"({"a": 0, "b": 1, "ab": 2, "<|endoftext|>": 3})");
    folder.write("merges.txt", "#version: 0.2\na b\n");
  }
  for (const char* inner : {"1_Pooling", "adapter"}) std::filesystem::create_directories(folder.path(inner));
  folder.write(name, bytes.size() > name.size() ? bytes.substr(name.size() + 1) : "");
  answer([&] {
    const ModelFolder read = read_model_folder(folder.path());
    text_input(read);
    load_tokenizer(folder.path())->encode("the film was good", 8);
  });
  answer([&] { read_character_vocabulary(folder.path(), 4); });
  if (is_adapter_folder(folder.path("adapter"))) answer([&] { read_adapter_folder(folder.path("adapter")); });
  ModelConfig images;
  images.architecture = "vit";
  images.sample_shape = {3, 8, 8};
  answer([&] { read_image_input(folder.path(), images); });
  answer([&] { read_log_mel(folder.path(), {}); });
}

// As a table with labels, as one with categories and missing values, as one without labels, and as texts.
template <const char* kName>
void table(const std::string& bytes) {
  static const Input input(kName);
  DataSource source;
  source.path = input.write(bytes);
  answer([&] { read_dataset(source); });
  source.targets = Targets::numbers;
  answer([&] { read_dataset(source); });
  source.categories = {"auto"};
  source.takes_missing = true;
  answer([&] {
    Dataset data = read_dataset(source);
    std::vector<std::string> notes;
    check_encodable(data, 100, source.path);
    TableEncoding::fit(data, true).apply(data, "training", notes);
  });
  source.targets = Targets::none;
  source.text = "text";
  answer([&] { read_dataset(source); });
}

constexpr char kCsv[] = "t.csv", kJsonl[] = "t.jsonl";

void idx(const std::string& bytes) {
  static const Input input("images-idx3-ubyte");
  DataSource source;
  source.path = input.write(bytes);
  source.targets = Targets::none;
  answer([&] { read_dataset(source); });
}

void wav(const std::string& bytes) {
  static const Input input("sound.wav");
  answer([&] {
    const std::string path = input.write(bytes);
    const SoundInfo info = read_sound_info(path);
    const Sound sound = read_sound(path);
    if (static_cast<std::int64_t>(sound.samples.size()) != info.frames)
      throw std::logic_error("two numbers of frames");
    const LogMel features({.chunk = 3200});
    const std::vector<float> heard = resample(sound.samples, sound.rate, 16000);
    features(std::span(heard).first(std::min<std::size_t>(heard.size(), 3200)));
  });
}

void exif(const std::string& bytes) {
  const int orientation = exif_orientation_of_app1(bytes);
  if (orientation < 1 || orientation > 8) throw std::logic_error("no orientation");
}

void config(const std::string& bytes) {
  static const Input input("config.toml");
  answer([&] {
    const std::string path = input.write(bytes);
    const Study study = load_study(path);
    for (const auto& cell : study.cells) to_toml(cell.config);
  });
}

// Loaded whether its checksum is right or not: no fuzzer finds a right one, but whoever writes a file can.
void checkpoint(const std::string& bytes) {
  static const Input input("step-1.safetensors");
  answer([&] {
    const std::string path = input.write(bytes);
    find_checkpoint(input.folder());
    if (!SafetensorsFile(path).metadata().contains("state")) return;
    ModelConfig config;
    config.architecture = "mlp";
    config.hidden = {2};
    config.sample_shape = {2};
    config.outputs = 2;
    const auto model = make_model(config);
    const auto optimizer = make_optimizer({}, *model);
    Snapshot best, rollback;
    load_checkpoint(path, *model, *optimizer, best, rollback, {"fingerprint", ""});
  });
}

constexpr std::array kTargets = {FuzzTarget{"safetensors", safetensors},
                                 FuzzTarget{"shard_index", shard_index},
                                 FuzzTarget{"model_config", model_config},
                                 FuzzTarget{"tokenizer", tokenizer},
                                 FuzzTarget{"folder_file", folder_file},
                                 FuzzTarget{"csv", table<kCsv>},
                                 FuzzTarget{"jsonl", table<kJsonl>},
                                 FuzzTarget{"idx", idx},
                                 FuzzTarget{"wav", wav},
                                 FuzzTarget{"exif", exif},
                                 FuzzTarget{"config", config},
                                 FuzzTarget{"checkpoint", checkpoint}};

}  // namespace

std::span<const FuzzTarget> fuzz_targets() { return kTargets; }

}  // namespace thaw::test
