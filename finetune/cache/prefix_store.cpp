#include "finetune/cache/prefix_store.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <utility>

#include "core/error.h"
#include "core/shape.h"
#include "finetune/cache/cache_folder.h"
#include "finetune/common/units.h"
#include "nn/io/sha256.h"

namespace thaw {
namespace {

namespace fs = std::filesystem;

// What does not fit in memory is written in files of so many bytes.
constexpr std::int64_t kOverflow = std::int64_t{32} << 20;

// Null where the machine has no memory left.
std::unique_ptr<Storage> copy_of(const float* values, std::int64_t bytes) {
  try {
    auto copy = std::make_unique<Storage>(kCpu, bytes, memory::Category::cache);
    std::memcpy(copy->data(), values, static_cast<std::size_t>(bytes));
    return copy;
  } catch (const Error&) {
    return nullptr;
  }
}

}  // namespace

// ---- the entries of a prefix

void PrefixEntries::set_row_shape(const std::vector<std::int64_t>& shape) {
  row_shape_ = shape;
  row_size_ = Shape(shape).numel();
}

std::int64_t PrefixEntries::bytes_of(const Entry& entry) const {
  return entry.rows * row_size_ * static_cast<std::int64_t>(sizeof(float));
}

std::optional<std::int64_t> PrefixEntries::rows(const SampleKey& sample) const {
  const auto found = entries_.find(sample);
  return found == entries_.end() ? std::nullopt : std::optional(found->second.rows);
}

bool PrefixEntries::read(const SampleKey& sample, float* to) {
  const auto found = entries_.find(sample);
  if (found == entries_.end()) return false;
  Entry& entry = found->second;
  const std::int64_t bytes = bytes_of(entry);
  if (entry.memory != nullptr) {
    std::memcpy(to, entry.memory->data(), static_cast<std::size_t>(bytes));
    return true;
  }
  if (const std::shared_ptr<const PrefixFile> file = entry.file; !file->read(entry.place, to)) {
    forget_file(*file);  // its entries lose it
    return false;
  }
  if (store_.make_room_in_memory(bytes, *this)) entry.memory = copy_of(to, bytes);
  if (entry.memory != nullptr) hold(bytes);
  return true;
}

void PrefixEntries::add(const SampleKey& sample, const float* values, std::int64_t rows,
                        const std::vector<std::int64_t>& row_shape) {
  if (row_shape_ != row_shape) {  // a file says otherwise than the network does
    leave_memory();
    entries_.clear();
    set_row_shape(row_shape);
  }
  if (entries_.contains(sample)) return;
  Entry entry;
  entry.rows = rows;
  const std::int64_t bytes = bytes_of(entry);
  const bool stays = store_.make_room_in_memory(bytes, *this);
  if (!stays && !store_.has_disk()) return;
  entry.memory = copy_of(values, bytes);
  if (entry.memory == nullptr) return;
  entries_.emplace(sample, std::move(entry));
  unwritten_.push_back(sample);
  if (stays) {
    hold(bytes);
    return;
  }
  overflow_.push_back(sample);
  overflow_bytes_ += bytes;
  if (overflow_bytes_ >= kOverflow) store_.write(*this);
}

void PrefixEntries::add_cost(double seconds, std::int64_t rows) {
  seconds_ += seconds;
  counted_rows_ += rows;
}

void PrefixEntries::take_file(const std::shared_ptr<const PrefixFile>& file) {
  const std::vector<IndexRow>& index = file->index();
  if (row_shape_.empty()) set_row_shape(file->header().row_shape);
  if (file->header().row_shape != row_shape_) return;
  for (std::size_t i = 0; i < index.size(); ++i) {
    Entry& entry = entries_[index[i].sample];
    if (entry.rows != 0 && entry.rows != index[i].rows) continue;
    entry.rows = index[i].rows;
    entry.file = file;
    entry.place = i;
  }
}

void PrefixEntries::forget_file(const PrefixFile& file) {
  store_.say_once(
      concat("a file of the cache is damaged or gone (", file.path(), "); what it held is computed again"));
  std::error_code ignored;
  fs::remove(file.path(), ignored);
  for (auto entry = entries_.begin(); entry != entries_.end();)
    if (entry->second.file.get() == &file && entry->second.memory == nullptr) {
      entry = entries_.erase(entry);
    } else {
      if (entry->second.file.get() == &file) entry->second.file = nullptr;
      ++entry;
    }
}

void PrefixEntries::hold(std::int64_t bytes) {
  in_memory_ += bytes;
  store_.in_memory_ += bytes;
}

// What is on disk stays known.
void PrefixEntries::leave_memory() {
  unwritten_.clear();
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    entry->second.memory = nullptr;
    entry = entry->second.file == nullptr ? entries_.erase(entry) : std::next(entry);
  }
  hold(-in_memory_);
}

// What is in memory for the time being alone: no longer, whether it reached the disk or not.
void PrefixEntries::drop_overflow() {
  for (const SampleKey& sample : overflow_) {
    const auto found = entries_.find(sample);
    found->second.memory = nullptr;
    if (found->second.file == nullptr) entries_.erase(found);
  }
  overflow_.clear();
  overflow_bytes_ = 0;
}

// ---- the store

PrefixStore::PrefixStore(Limits limits, std::string folder, Message message)
    : limits_(limits), folder_(std::move(folder)), message_(std::move(message)) {}

PrefixStore::~PrefixStore() = default;

PrefixEntries& PrefixStore::open(const PrefixName& name) {
  std::unique_ptr<PrefixEntries>& entries = entries_[name.key];
  if (entries == nullptr) entries.reset(new PrefixEntries(*this, name));
  // Once in a run: other processes may have left more.
  if (has_disk() && entries->last_used_ < std::max<std::uint64_t>(run_began_, 1)) read_folder(*entries);
  entries->last_used_ = ++uses_;
  return *entries;
}

void PrefixStore::read_folder(PrefixEntries& entries) {
  double seconds = 0;
  std::int64_t rows = 0;
  for (const std::string& path : prefix_files(folder_of_prefix(folder_, entries.name_.key))) {
    if (!entries.files_.insert(path).second) continue;
    try {
      const auto file = std::make_shared<const PrefixFile>(path);
      if (file->header().name.key != entries.name_.key) continue;
      entries.take_file(file);
      for (const IndexRow& row : file->index()) {
        rows += row.rows;
        seconds += file->header().seconds_per_row * static_cast<double>(row.rows);
      }
    } catch (const InputError&) {  // it cannot be opened, or another process has just removed it
    } catch (const std::exception& error) {
      say_once(concat(error.what(), "; what it held is computed again"));
      std::error_code ignored;
      fs::remove(path, ignored);
    }
  }
  if (rows > 0) entries.add_cost(seconds, rows);
  mark_as_used(folder_of_prefix(folder_, entries.name_.key));
}

// The prefix that was used least lately gives way, but none that this run has used.
bool PrefixStore::make_room_in_memory(std::int64_t bytes, const PrefixEntries& user) {
  while (in_memory_ + bytes > limits_.memory) {
    PrefixEntries* oldest = nullptr;
    for (const auto& [key, entries] : entries_)
      if (entries.get() != &user && entries->last_used_ < run_began_ && entries->in_memory_ > 0 &&
          (oldest == nullptr || entries->last_used_ < oldest->last_used_))
        oldest = entries.get();
    if (oldest == nullptr) return false;
    write(*oldest);
    oldest->leave_memory();
  }
  return true;
}

void PrefixStore::flush() {
  for (const auto& [key, entries] : entries_) write(*entries);
}

void PrefixStore::write(PrefixEntries& entries) {
  if (has_disk() && !entries.unwritten_.empty()) {
    try {
      write_file(entries);
    } catch (const std::exception& error) {
      disk_failed_ = true;
      say_once(concat("what is computed once is kept in memory alone: ", error.what()));
    }
  }
  entries.drop_overflow();
}

void PrefixStore::write_file(PrefixEntries& entries) {
  std::vector<IndexRow> index;
  std::int64_t bytes = 0;
  for (const SampleKey& sample : entries.unwritten_) {
    const PrefixEntries::Entry& entry = entries.entries_.at(sample);
    const auto* values = static_cast<const float*>(entry.memory->data());
    index.push_back({sample, entry.rows, checksum_of(values, entry.rows * entries.row_size_)});
    bytes += entries.bytes_of(entry) + static_cast<std::int64_t>(sizeof(IndexRow));
  }
  const std::string folder = folder_of_prefix(folder_, entries.name_.key);
  if (!make_room_on_disk(folder_, limits_.disk, bytes, folder)) {
    disk_failed_ = true;
    say_once(concat("the cache may hold ", bytes_text(static_cast<double>(limits_.disk)),
                    " on disk (train.cache_disk, ", folder_,
                    "), which is too little for what this run computes: more stays in memory alone"));
    return;
  }
  fs::create_directories(folder);
  Sha256 hash;
  hash.update(index.data(), index.size() * sizeof(IndexRow));
  const std::string path = concat(folder, '/', hash.hex().substr(0, 16), kPrefixFileEnding);
  const auto values = [&](std::size_t i) {
    return static_cast<const float*>(entries.entries_.at(index[i].sample).memory->data());
  };
  write_prefix_file(path, {entries.name_, entries.row_shape_, entries.seconds_per_row()}, index, values);
  entries.take_file(std::make_shared<const PrefixFile>(path));
  entries.files_.insert(path);
  entries.unwritten_.clear();
}

void PrefixStore::say_once(const std::string& text) {
  if (message_ && said_.insert(text).second) message_(text);
}

}  // namespace thaw
