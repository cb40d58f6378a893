#include "finetune/model/model_source.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "core/error.h"
#include "finetune/common/text.h"

namespace thaw {
namespace {

namespace fs = std::filesystem;

std::shared_ptr<const ModelFolder> open_folder(const std::string& path) {
  return std::make_shared<const ModelFolder>(read_model_folder(path));
}

// The folder that `path` is, or that its file of weights is in; empty for weights by themselves.
std::string folder_of_weights(const std::string& path) {
  std::error_code ignored;  // the reader of the weights says what is wrong with a path
  const fs::path file = fs::canonical(path, ignored);
  const fs::path folder = is_model_folder(path) ? fs::path(path) : file.parent_path();
  return fs::exists(folder / "config.json", ignored) ? folder.string() : "";
}

void open_weights(const std::string& path, ModelSource& source) {
  const std::string folder = folder_of_weights(path);
  if (!folder.empty()) source.weights_folder = open_folder(folder);
  source.weights = std::make_shared<const WeightFiles>(path);
}

// Whose classes an adapter that names none has: the base's that it names, where that is here, or those of the folder that
// it stands in.
enum class Base { named, given };

// The adapter of `source`, which goes onto `source.folder`.
void open_adapter(const std::string& path, ModelSource& source, Base base_is = Base::named) {
  source.adapter = std::make_shared<const AdapterFolder>(read_adapter_folder(path));
  const std::string& base = source.adapter->base;
  const bool is_here = base_is == Base::named && source.adapter->labels.empty() && is_model_folder(base);
  const bool is_open = source.folder != nullptr && source.folder->root == base;
  source.adapter_base = is_here && !is_open ? open_folder(base) : source.folder;
  const std::string preprocess = path + "/preprocess.json";
  if (!fs::exists(preprocess)) return;
  ModelFolder described;
  use_preprocess(preprocess, described);
  source.adapter_preprocess = described.preprocess;
}

std::optional<Origin> origin_of(const ModelFolder* folder) {
  if (folder == nullptr) return std::nullopt;
  return Origin{folder->root, folder->preprocess, folder->images};
}

// An adapter is added to weights whose inputs stand in the order of their own columns.
void check_same_columns(const Origin& adapter, const Origin& base) {
  const auto& theirs = adapter.preprocess.columns;
  const auto& own = base.preprocess.columns;
  const bool are_encoded_alike =
      adapter.preprocess.encoding.features() == base.preprocess.encoding.features();
  if (!theirs.empty() && !own.empty() && (theirs != own || !are_encoded_alike))
    fail_input("the adapter was trained on the columns ", name_list(theirs), ", the model on ",
               name_list(own), " (", adapter.path, ", ", base.path,
               "); set model.from to the base of the adapter");
}

// Where nothing can be read of a file, that is its state.
std::string state_of_files(const ModelSource& source) {
  std::string state;
  std::error_code error;
  const auto add = [&](const fs::path& path) {
    const auto size = fs::file_size(path, error);
    const auto time = fs::last_write_time(path, error);
    state += concat(path.string(), ' ', size, ' ', time.time_since_epoch().count(), '\n');
  };
  for (const std::string& path :
       {source.folder == nullptr ? std::string() : source.folder->path, source.section.init}) {
    if (path.empty()) continue;
    if (!fs::is_directory(path, error)) {
      add(path);
      continue;
    }
    std::vector<fs::path> files;
    for (auto entry = fs::directory_iterator(path, error); !error && entry != fs::directory_iterator();
         entry.increment(error))
      if (entry->is_regular_file(error)) files.push_back(entry->path());
    std::sort(files.begin(), files.end());
    for (const fs::path& file : files) add(file);
  }
  return state;
}

}  // namespace

ModelSource open_source(const ModelSection& section) {
  ModelSource source;
  source.section = section;
  if (is_model_folder(section.from)) source.folder = open_folder(section.from);
  if (is_adapter_folder(section.init))
    open_adapter(section.init, source);
  else if (!section.init.empty())
    open_weights(section.init, source);
  source.files = state_of_files(source);
  return source;
}

ModelSource open_trained(const std::string& path) {
  ModelSource source;
  source.section.from = path;
  if (is_adapter_folder(path)) {
    open_adapter(path, source);
    source.section.from = source.adapter->base;
    source.folder = source.adapter_base;
    if (source.folder == nullptr && is_model_folder(source.section.from))
      source.folder = open_folder(source.section.from);
    return source;
  }
  source.folder = open_folder(path);
  const std::string beside = path + "/adapter";
  // Where modules.json names another folder, the weights in that one have no adapter here.
  if (is_adapter_folder(beside) && has_weights(path) && !has_folded_adapter(*source.folder))
    open_adapter(beside, source, Base::given);
  return source;
}

ModelSource ModelSource::without_weights() const {
  ModelSource source;
  source.section = section;
  source.section.pretrained = false;
  source.section.init.clear();
  source.folder = folder;
  return source;
}

std::optional<Origin> ModelSource::origin_of_init() const {
  if (adapter_preprocess) return Origin{adapter->path, *adapter_preprocess, {}};
  return origin_of(weights_folder.get());
}

std::optional<Origin> ModelSource::origin() const {
  std::optional<Origin> from = origin_of(folder.get()), init = origin_of_init();
  if (!from || !init) return from ? from : init;
  if (adapter != nullptr) check_same_columns(*init, *from);
  const Preprocess& said = init->preprocess;
  const bool says = !said.columns.empty() || !said.mean.empty() || init->images;
  return says && !(adapter != nullptr && from->images) ? init : from;
}

void ModelSource::check_files() const {
  if (state_of_files(*this) != files)
    fail("files of the model were changed since they were opened (", section.from,
         "); bring them back, and go on with --resume");
}

}  // namespace thaw
