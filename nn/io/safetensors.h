// Tensors in files: the safetensors format. It is read with every rule checked before memory is allocated,
// and written with the same bytes as the reference writer's, for up to one metadata item. That writer has no
// order for several; here they are ordered by key.
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/tensor.h"
#include "nn/io/files.h"
#include "nn/io/safetensors_header.h"

namespace thaw {

// An open file. Opening it reads and checks only the header; a tensor's bytes are read when it is loaded.
// Replacing the file (save_safetensors over its path) does not affect an open one.
class SafetensorsFile {
 public:
  // Throws InputError with the path and the rule that is broken.
  explicit SafetensorsFile(const std::string& path);

  const std::string& path() const { return file_.path(); }
  // In the order of their bytes.
  const std::vector<SafetensorsEntry>& entries() const { return header_.entries; }
  const std::map<std::string, std::string>& metadata() const { return header_.metadata; }
  const SafetensorsEntry* find(const std::string& name) const;  // null if there is none
  bool contains(const std::string& name) const { return find(name) != nullptr; }

  // A new contiguous CPU tensor with the dtype stored (F32 F64 BF16 I64 I32 U8 BOOL), except that F16 is
  // widened to f32. Throws InputError for a missing name, another dtype of the format, more than kMaxRank
  // dimensions, or a BOOL byte other than 0 and 1.
  Tensor load(const std::string& name) const;
  // The same converted to `dtype`.
  Tensor load_as(const std::string& name, DType dtype) const;

 private:
  RandomAccessFile file_;
  SafetensorsHeader header_;
  std::int64_t data_begin_ = 0;                         // in the file
  std::unordered_map<std::string, std::size_t> index_;  // of entries, by name
};

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

// Makes or replaces the file atomically (nn/io/files.h). Tensors that share memory are written under each
// name. Throws Error for repeated names, names that are not UTF-8, tensors without data, and failing disks.
void save_safetensors(const std::string& path, const NamedTensors& tensors,
                      const std::map<std::string, std::string>& metadata = {});

}  // namespace thaw
