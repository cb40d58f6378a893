// Storage: the bytes that tensors share. It counts its writes and the graph nodes that hold it.
#pragma once

#include <cstdint>

#include "kernels/memory.h"
#include "kernels/view.h"

namespace thaw {

class Storage {
 public:
  // Uninitialised memory. Throws Error with the size when memory is exhausted.
  Storage(Device device, std::int64_t bytes, memory::Category category);
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  void* data() const { return data_; }
  std::int64_t bytes() const { return bytes_; }
  Device device() const { return device_; }

  // Increases with every write. Saved tensors compare it, and packed or cached copies are keyed by it.
  std::uint64_t version() const { return version_; }
  void bump_version() { ++version_; }

  memory::Category category() const { return category_; }
  void set_category(memory::Category category);

  // A graph node holds or releases this storage. The first holder adds its bytes to the saved bytes, the last
  // one removes them. Parameters and inputs exist anyway and do not count.
  void hold();
  void let_go();

 private:
  bool counts_as_saved() const {
    return category_ != memory::Category::parameter && category_ != memory::Category::input;
  }

  Device device_;
  memory::Category category_;
  std::int64_t bytes_;
  void* data_;
  std::uint64_t version_ = 0;
  int holders_ = 0;
};

// The category of tensors that are made in its scope (on this thread); the default is activation.
class CategoryScope {
 public:
  explicit CategoryScope(memory::Category category);
  ~CategoryScope();
  CategoryScope(const CategoryScope&) = delete;
  CategoryScope& operator=(const CategoryScope&) = delete;
  static memory::Category current();

 private:
  memory::Category previous_;
};

}  // namespace thaw
