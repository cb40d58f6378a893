// PrefixStore: what frozen stages of models gave samples, for all runs of a process and, on disk, for later ones. An entry
// is found by what made it: the stages (weights, architecture, program) and the sample as the model takes it. So nothing in
// it goes stale: what is changed has another name.
//
// Entries go to memory; what does not fit there goes to disk. A disk that is full, read-only or damaged takes nothing from
// a result: the entry is computed again, and the user is told once.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/storage.h"
#include "finetune/cache/prefix_file.h"

namespace thaw {

class PrefixStore;

// The entries of one prefix.
class PrefixEntries {
 public:
  // How many rows the sample has; nothing where it has no entry.
  std::optional<std::int64_t> rows(const SampleKey& sample) const;
  // Its values, which stand one after another. False where there are none (any more).
  bool read(const SampleKey& sample, float* to);
  // Values of [rows, ...row_shape]. What does not fit anywhere is not kept.
  void add(const SampleKey& sample, const float* values, std::int64_t rows,
           const std::vector<std::int64_t>& row_shape);

  const std::vector<std::int64_t>& row_shape() const { return row_shape_; }  // empty: not known yet
  std::int64_t row_size() const { return row_size_; }

  // What computing cost, for whoever tells what an entry saved.
  void add_cost(double seconds, std::int64_t rows);
  double seconds_per_row() const {
    return counted_rows_ > 0 ? seconds_ / static_cast<double>(counted_rows_) : 0;
  }

 private:
  friend class PrefixStore;
  struct Hash {
    std::size_t operator()(const SampleKey& key) const { return key.first; }
  };
  struct Entry {
    std::int64_t rows = 0;
    std::unique_ptr<Storage> memory;         // null: on disk alone
    std::shared_ptr<const PrefixFile> file;  // null: in memory alone
    std::size_t place = 0;                   // in the file's index
  };

  PrefixEntries(PrefixStore& store, PrefixName name) : store_(store), name_(std::move(name)) {}
  void set_row_shape(const std::vector<std::int64_t>& shape);
  std::int64_t bytes_of(const Entry& entry) const;
  void take_file(const std::shared_ptr<const PrefixFile>& file);
  void forget_file(const PrefixFile& file);
  void hold(std::int64_t bytes);
  void leave_memory();
  void drop_overflow();

  PrefixStore& store_;
  PrefixName name_;
  std::vector<std::int64_t> row_shape_;
  std::int64_t row_size_ = 0;
  std::unordered_map<SampleKey, Entry, Hash> entries_;
  std::set<std::string> files_;       // that are known
  std::vector<SampleKey> unwritten_;  // in memory alone
  std::vector<SampleKey> overflow_;   // of these: in memory until they are written
  std::int64_t overflow_bytes_ = 0;
  std::int64_t in_memory_ = 0;  // bytes
  std::uint64_t last_used_ = 0;
  double seconds_ = 0;
  std::int64_t counted_rows_ = 0;
};

class PrefixStore {
 public:
  struct Limits {
    std::int64_t memory = 0, disk = 0;  // bytes; disk: of all that the folder holds
  };
  using Message = std::function<void(const std::string&)>;
  // `folder`: empty for memory alone.
  PrefixStore(Limits limits, std::string folder, Message message);
  ~PrefixStore();
  PrefixStore(const PrefixStore&) = delete;
  PrefixStore& operator=(const PrefixStore&) = delete;

  // The entries of a prefix, with those on disk. They live as long as the store.
  PrefixEntries& open(const PrefixName& name);
  std::int64_t memory_limit() const { return limits_.memory; }
  // Writes to disk what is in memory alone.
  void flush();
  // A run begins: what it uses stays in memory until the next one.
  void begin_run() { run_began_ = ++uses_; }

 private:
  friend class PrefixEntries;
  bool has_disk() const { return !folder_.empty() && !disk_failed_; }
  bool make_room_in_memory(std::int64_t bytes, const PrefixEntries& user);
  void read_folder(PrefixEntries& entries);
  void write(PrefixEntries& entries);
  void write_file(PrefixEntries& entries);
  void say_once(const std::string& text);

  Limits limits_;
  std::string folder_;
  Message message_;
  std::map<Digest, std::unique_ptr<PrefixEntries>> entries_;
  std::int64_t in_memory_ = 0;
  std::uint64_t uses_ = 0, run_began_ = 0;
  bool disk_failed_ = false;
  std::set<std::string> said_;
};

}  // namespace thaw
