#include "nn/io/weight_files.h"

#include <filesystem>
#include <set>

#include "nn/io/json_file.h"

namespace thaw {
namespace {

namespace fs = std::filesystem;

std::string file_in(const std::string& folder) {
  for (const char* name : {kWeightsName, kWeightsIndexName})
    if (fs::exists(folder + "/" + name)) return folder + "/" + name;
  fail_input("the folder has no ", kWeightsName, " and no ", kWeightsIndexName, " (", folder,
             "); give the folder of a model, or finish the run that makes it");
}

// Tensor -> file.
std::map<std::string, std::string> read_weight_map(const nlohmann::json& index, const std::string& path) {
  const auto found = index.find("weight_map");
  if (found == index.end() || !found->is_object() || found->empty())
    fail_input("the index has no 'weight_map' (", path, "); make it again");
  std::map<std::string, std::string> map;
  for (const auto& [tensor, file] : found->items()) {
    const std::string name = file.is_string() ? file.get<std::string>() : "";
    // A plain name: neither a path out of the folder nor one into another.
    if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
        name.find('\0') != std::string::npos)
      fail_input("the index names the file ", file.dump(), " for ", quoted_name(tensor),
                 ", which is not in its folder (", path, "); keep all files in one folder");
    map.emplace(tensor, name);
  }
  return map;
}

}  // namespace

bool has_weights(const std::string& folder) {
  return fs::exists(folder + "/" + kWeightsName) || fs::exists(folder + "/" + kWeightsIndexName);
}

WeightFiles::WeightFiles(const std::string& path) : path_(fs::is_directory(path) ? file_in(path) : path) {
  if (path_.ends_with(".json"))
    open_shards();
  else
    files_.emplace_back(path_);
}

void WeightFiles::open_shards() {
  const nlohmann::json index = read_json(path_, std::int64_t{256} << 20);
  const std::map<std::string, std::string> map = read_weight_map(index, path_);
  std::set<std::string> names;
  for (const auto& [tensor, file] : map) names.insert(file);
  std::size_t found = 0;
  for (const std::string& name : names) {
    const SafetensorsFile& file = files_.emplace_back((fs::path(path_).parent_path() / name).string());
    for (const SafetensorsEntry& entry : file.entries()) {
      const auto listed = map.find(entry.name);
      if (listed == map.end() || listed->second != name)
        fail_input(quoted_name(entry.name), " stands in ", name, ", but the index ",
                   listed == map.end() ? "does not list it" : "has it in " + listed->second, " (", path_,
                   "); make the index again");
      ++found;
    }
  }
  for (const auto& [tensor, name] : map) {
    if (found == map.size()) break;
    const bool there =
        std::any_of(files_.begin(), files_.end(),
                    [&, &t = tensor](const SafetensorsFile& file) { return file.contains(t); });
    if (!there)
      fail_input("the index lists ", quoted_name(tensor), " in ", name, ", which has no such tensor (", path_,
                 "); make the index again");
  }
  const auto metadata = index.find("metadata");
  if (metadata == index.end() || !metadata->is_object()) return;
  std::int64_t total = bytes();
  read_optional_field(*metadata, "total_size", path_, total);
  if (total != bytes())
    fail_input("the index says that the tensors have ", total, " bytes, they have ", bytes(), " (", path_,
               "); fetch the files again");
}

std::int64_t WeightFiles::bytes() const {
  std::int64_t total = 0;
  for (const SafetensorsFile& file : files_)
    for (const SafetensorsEntry& entry : file.entries()) total += entry.end - entry.begin;
  return total;
}

}  // namespace thaw
