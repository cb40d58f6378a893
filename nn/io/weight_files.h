// The weights of a model on disk: one safetensors file, or several (shards) with an index:
//   {"metadata": {"total_size": 1234}, "weight_map": {"head.bias": "model-00002-of-00002.safetensors", ...}}
#pragma once

#include <string>
#include <vector>

#include "nn/io/safetensors.h"

namespace thaw {

inline constexpr const char* kWeightsName = "model.safetensors";
inline constexpr const char* kWeightsIndexName = "model.safetensors.index.json";

class WeightFiles {
 public:
  // A .safetensors file, an index (.json), or a folder with kWeightsName or kWeightsIndexName. InputError if
  // there is none. For an index also if it
  //   - names a file outside its folder,
  //   - lists a tensor twice, or one that its file does not have,
  //   - lacks a tensor that a file has,
  //   - gives a wrong total size.
  explicit WeightFiles(const std::string& path);

  const std::vector<SafetensorsFile>& files() const { return files_; }
  const std::string& path() const { return path_; }  // of the file, or of the index
  std::int64_t bytes() const;                        // of all tensors

 private:
  void open_shards();

  std::string path_;
  std::vector<SafetensorsFile> files_;
};

bool has_weights(const std::string& folder);

}  // namespace thaw
