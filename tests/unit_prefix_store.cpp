// The store of the prefix cache: what it keeps where, and that nothing which happens to its files reaches a result.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/random.h"
#include "finetune/cache/cache_folder.h"
#include "finetune/cache/prefix_store.h"
#include "tests/support/files.h"

namespace thaw::test {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMega = 1'000'000;
const std::vector<std::int64_t> kRow{2, 3};  // of an entry: 24 bytes

PrefixName name(std::uint32_t number) { return {{number, 7}, "bert from a folder", "layer.3"}; }
SampleKey sample(std::uint64_t number) { return {mix64(number), number}; }
std::int64_t rows_of(std::uint64_t number) { return 1 + static_cast<std::int64_t>(number % 4); }

// Of the sample's entry.
std::vector<float> values(std::uint64_t number) {
  std::vector<float> all(static_cast<std::size_t>(6 * rows_of(number)));
  std::iota(all.begin(), all.end(), static_cast<float>(number));
  return all;
}

struct PrefixStoreTest : ::testing::Test {
  PrefixStore store(std::int64_t memory = kMega, std::int64_t disk = kMega) {
    return {{memory, disk}, path, [this](const std::string& text) { messages.push_back(text); }};
  }
  static void add(PrefixEntries& entries, std::uint64_t first, std::uint64_t end) {
    for (std::uint64_t i = first; i < end; ++i) entries.add(sample(i), values(i).data(), rows_of(i), kRow);
  }
  static bool has(PrefixEntries& entries, std::uint64_t number) {
    std::vector<float> found(values(number).size());
    if (entries.rows(sample(number)) != rows_of(number) || !entries.read(sample(number), found.data()))
      return false;
    EXPECT_EQ(found, values(number));
    return true;
  }
  static std::int64_t count(PrefixEntries& entries, std::uint64_t end) {
    std::int64_t found = 0;
    for (std::uint64_t i = 0; i < end; ++i) found += has(entries, i) ? 1 : 0;
    return found;
  }
  static void put(const std::string& file, const std::string& content) {
    std::ofstream(file, std::ios::binary) << content;
  }
  // Written by an earlier process.
  std::string file_of(std::uint32_t number, std::uint64_t samples) {
    PrefixStore earlier = store();
    PrefixEntries& entries = earlier.open(name(number));
    add(entries, 0, samples);
    entries.add_cost(0.5, 10);
    earlier.flush();
    return prefix_files(folder_of_prefix(path, name(number).key)).at(0);
  }

  TemporaryFolder folder;
  std::string path = folder.path("cache");
  std::vector<std::string> messages;
};

TEST_F(PrefixStoreTest, KeepsWhatItIsGiven) {
  PrefixStore kept = store();
  PrefixEntries& entries = kept.open(name(1));
  add(entries, 0, 10);
  EXPECT_EQ(count(entries, 20), 10);
  EXPECT_EQ(entries.row_shape(), kRow);
  EXPECT_EQ(count(kept.open(name(2)), 20), 0) << "of another prefix";
  EXPECT_EQ(&kept.open(name(1)), &entries);
}

TEST_F(PrefixStoreTest, ALaterProcessFindsIt) {
  file_of(1, 10);
  PrefixStore later = store();
  PrefixEntries& entries = later.open(name(1));
  EXPECT_EQ(count(entries, 20), 10);
  EXPECT_EQ(count(entries, 20), 10) << "from memory now";
  EXPECT_DOUBLE_EQ(entries.seconds_per_row(), 0.05);
  EXPECT_EQ(count(later.open(name(2)), 20), 0);
  EXPECT_TRUE(messages.empty());
}

TEST_F(PrefixStoreTest, TwoProcessesMayWriteAtOnce) {
  PrefixStore one = store(), other = store();
  add(one.open(name(1)), 0, 10);
  add(other.open(name(1)), 5, 15);
  one.flush();
  other.flush();
  PrefixStore later = store();
  EXPECT_EQ(count(later.open(name(1)), 20), 15);
}

TEST_F(PrefixStoreTest, ANewRunSeesWhatAnotherProcessLeftMeanwhile) {
  PrefixStore one = store();
  EXPECT_EQ(count(one.open(name(1)), 10), 0);
  file_of(1, 10);
  one.begin_run();
  EXPECT_EQ(count(one.open(name(1)), 10), 10);
}

TEST_F(PrefixStoreTest, WhatMemoryDoesNotHoldIsOnDisk) {
  PrefixStore small = store(500);
  PrefixEntries& entries = small.open(name(1));
  add(entries, 0, 100);
  small.flush();
  EXPECT_EQ(count(entries, 100), 100);
  PrefixStore none = store(0);
  EXPECT_EQ(count(none.open(name(1)), 100), 100);
}

TEST_F(PrefixStoreTest, WithoutADiskTheRestIsNotKept) {
  PrefixStore small({500, 0}, "", [](const std::string&) {});
  PrefixEntries& entries = small.open(name(1));
  add(entries, 0, 100);
  small.flush();
  const std::int64_t kept = count(entries, 100);
  EXPECT_GT(kept, 3);
  EXPECT_LT(kept, 20);
}

TEST_F(PrefixStoreTest, WhatWasUsedLeastLatelyGivesWayButNothingOfThisRun) {
  PrefixStore small({1300, 0}, "", [](const std::string&) {});
  PrefixEntries &first = small.open(name(1)), &second = small.open(name(2));
  add(first, 0, 10);
  add(second, 0, 10);
  small.open(name(1));
  small.begin_run();
  PrefixEntries& third = small.open(name(3));
  add(third, 0, 10);
  EXPECT_EQ(count(second, 10), 0);
  EXPECT_EQ(count(first, 10), 10);
  EXPECT_EQ(count(third, 10), 10);
  small.open(name(1));
  PrefixEntries& fourth = small.open(name(4));
  add(fourth, 0, 10);
  EXPECT_EQ(count(first, 10), 10) << "used in this run";
  EXPECT_EQ(count(third, 10), 10);
  EXPECT_LT(count(fourth, 10), 10);
}

// Each byte of the file in turn: an entry is what it was, or is not there.
TEST_F(PrefixStoreTest, ADamagedFileGivesNothingWrong) {
  const std::string file = file_of(1, 6), whole = file_text(file);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x41);
    put(file, damaged);
    messages.clear();
    PrefixStore later = store();
    EXPECT_LT(count(later.open(name(1)), 6), 6) << "byte " << at;
    EXPECT_EQ(messages.size(), 1U) << "byte " << at;
    EXPECT_FALSE(fs::exists(file)) << "byte " << at;
    put(file, whole);
  }
}

TEST_F(PrefixStoreTest, AFileThatIsCutShortGivesNothing) {
  const std::string file = file_of(1, 6), whole = file_text(file);
  for (std::size_t size = 0; size < whole.size(); size += 7) {
    put(file, whole.substr(0, size));
    PrefixStore later = store();
    EXPECT_EQ(count(later.open(name(1)), 6), 0) << size;
    EXPECT_FALSE(fs::exists(file)) << size;
  }
}

TEST_F(PrefixStoreTest, FilesMayGoOrShrinkWhileTheyAreUsed) {
  const std::string file = file_of(1, 6);
  PrefixStore later = store();
  PrefixEntries& entries = later.open(name(1));
  EXPECT_TRUE(has(entries, 0));
  fs::resize_file(file, 100);
  EXPECT_TRUE(has(entries, 0)) << "in memory by now";
  EXPECT_FALSE(has(entries, 1));
  EXPECT_EQ(messages.size(), 1U);
  add(entries, 1, 2);
  EXPECT_TRUE(has(entries, 1));
}

TEST_F(PrefixStoreTest, AFileUnderAnotherNameIsNoOnes) {
  const std::string file = file_of(1, 6);
  const std::string other = folder_of_prefix(path, name(2).key);
  fs::create_directories(other);
  fs::copy_file(file, other + "/a.prefix");
  PrefixStore later = store();
  EXPECT_EQ(count(later.open(name(2)), 6), 0);
}

TEST_F(PrefixStoreTest, AFolderThatCannotBeWrittenIsSaidOnce) {
  folder.write("cache", "a file where the folder should be");
  PrefixStore kept = store();
  for (std::uint32_t i = 0; i < 3; ++i) add(kept.open(name(i)), 0, 10);
  kept.flush();
  kept.flush();
  for (std::uint32_t i = 0; i < 3; ++i) EXPECT_EQ(count(kept.open(name(i)), 10), 10);
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_NE(messages[0].find("in memory alone"), std::string::npos) << messages[0];
}

TEST_F(PrefixStoreTest, TheDisksShareIsKept) {
  file_of(1, 10);
  PrefixStore small = store(kMega, 2000);
  add(small.open(name(2)), 0, 20);
  small.flush();
  EXPECT_TRUE(prefix_files(folder_of_prefix(path, name(1).key)).empty()) << "it was used less lately";
  EXPECT_FALSE(prefix_files(folder_of_prefix(path, name(2).key)).empty());
  add(small.open(name(3)), 0, 200);
  small.flush();
  EXPECT_TRUE(prefix_files(folder_of_prefix(path, name(3).key)).empty()) << "more than all may have";
  EXPECT_FALSE(prefix_files(folder_of_prefix(path, name(2).key)).empty()) << "nothing gives way for nothing";
  EXPECT_EQ(count(small.open(name(3)), 200), 200);
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_NE(messages[0].find("train.cache_disk"), std::string::npos) << messages[0];
}

// A share of a full disk.
TEST_F(PrefixStoreTest, ThatTheDiskHasNoRoomIsSaid) {
  PrefixStore none = store(kMega, 0);
  add(none.open(name(1)), 0, 20);
  none.flush();
  EXPECT_EQ(count(none.open(name(1)), 20), 20);
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_NE(messages[0].find("on disk (train.cache_disk"), std::string::npos) << messages[0];
}

TEST_F(PrefixStoreTest, ListAndClearKnowTheCacheAlone) {
  file_of(1, 10);
  file_of(2, 5);
  folder.write("cache/notes.txt", "mine");
  fs::create_directory(path + "/" + std::string(32, 'a'));
  folder.write("cache/" + std::string(32, 'a') + "/notes.txt", "mine too");
  const std::vector<CachedPrefix> list = list_cache(path);
  ASSERT_EQ(list.size(), 2U);
  std::set<std::int64_t> samples;
  for (const CachedPrefix& prefix : list) {
    samples.insert(prefix.samples);
    EXPECT_EQ(prefix.name.stage, "layer.3");
    EXPECT_GT(prefix.bytes, 24 * prefix.samples);
  }
  EXPECT_EQ(samples, (std::set<std::int64_t>{5, 10}));
  const std::int64_t removed = clear_cache(path);
  EXPECT_EQ(removed, list[0].bytes + list[1].bytes);
  EXPECT_TRUE(list_cache(path).empty());
  EXPECT_TRUE(fs::exists(path + "/notes.txt"));
  EXPECT_TRUE(fs::exists(path + "/" + std::string(32, 'a') + "/notes.txt"));
  EXPECT_TRUE(list_cache(folder.path("nowhere")).empty());
  EXPECT_EQ(clear_cache(folder.path("nowhere")), 0);
}

}  // namespace
}  // namespace thaw::test
