#include "core/storage.h"

#include "core/error.h"

namespace thaw {
namespace {
thread_local memory::Category current_category = memory::Category::activation;
}

Storage::Storage(Device device, std::int64_t bytes, memory::Category category)
    : device_(device), category_(category), bytes_(bytes), data_(memory::allocate(device, bytes, category)) {
  if (data_ == nullptr && bytes > 0 && device.kind != DeviceKind::meta)
    fail("out of memory: ", bytes, " bytes for ", memory::category_name(category),
         " were refused; use a smaller batch or model");
}

Storage::~Storage() { memory::release(device_, data_, bytes_, category_); }

void Storage::set_category(memory::Category category) {
  if (category == category_) return;
  const bool counted = holders_ > 0 && counts_as_saved();
  memory::recategorise(device_, bytes_, category_, category);
  category_ = category;
  const bool counts = holders_ > 0 && counts_as_saved();
  if (counted != counts) memory::count_saved(device_, counts ? bytes_ : -bytes_);
}

void Storage::hold() {
  if (holders_++ == 0 && counts_as_saved()) memory::count_saved(device_, bytes_);
}

void Storage::let_go() {
  if (--holders_ == 0 && counts_as_saved()) memory::count_saved(device_, -bytes_);
}

CategoryScope::CategoryScope(memory::Category category) : previous_(current_category) {
  current_category = category;
}
CategoryScope::~CategoryScope() { current_category = previous_; }
memory::Category CategoryScope::current() { return current_category; }

}  // namespace thaw
