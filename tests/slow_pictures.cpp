// A folder with ten thousand pictures: memory is taken for what is kept of them and for batches, not for the folder.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "finetune/data/pictures.h"
#include "finetune/data/readers/readers.h"
#include "finetune/preprocess/picture_input.h"
#include "tests/support/picture_folder.h"

namespace thaw::test {
namespace {

constexpr std::int64_t kPictures = 10'000, kMegabyte = 1 << 20;

std::int64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::int64_t all = 0, resident = 0;
  statm >> all >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

using SlowPictures = PictureTest;

TEST_F(SlowPictures, TenThousandOfThemTakeNoMoreThanIsSaid) {
  const TemporaryFolder folder = TemporaryFolder::in_memory();
  std::mt19937 random(1);
  for (const char* kind : {"data/a", "data/b"}) {
    std::filesystem::create_directories(folder.path(kind));
    for (std::int64_t i = 0; i < kPictures / 2; ++i) {
      std::vector<std::uint8_t> pixels(6 * 6 * 3);
      for (std::uint8_t& pixel : pixels) pixel = static_cast<std::uint8_t>(random());
      folder.write(kind + ("/" + std::to_string(i)) + ".png", png_bytes(6, 6, 3, pixels));
    }
  }
  const std::int64_t before = resident_bytes();
  DataSource source;
  source.path = folder.path("data");
  Dataset data = read_dataset(source);
  ASSERT_EQ(data.size(), kPictures);
  EXPECT_LT(resident_bytes() - before, 16 * kMegabyte) << "names, sizes and hashes";

  const PictureView view = stretched_to(3, 128, 128);
  const std::int64_t all = kPictures * 3 * 128 * 128;
  ASSERT_GT(all, Pictures::kKeptPictures + 128 * kMegabyte) << "not all of them can be kept";
  std::shared_ptr<KeptPictures> kept;
  show(view, kept, data);
  std::vector<double> first, again;
  for (std::vector<double>* values : {&first, &again})
    for (std::int64_t begin = 0; begin < kPictures; begin += 50) {
      std::vector<std::int64_t> rows(50);
      std::iota(rows.begin(), rows.end(), begin);
      const std::vector<double> batch = data.inputs->batch(rows).values.to_vector();
      // Of each picture its first pixels.
      for (std::size_t at = 0; at < batch.size(); at += batch.size() / 50)
        values->insert(values->end(), &batch[at], &batch[at] + 100);
    }
  EXPECT_EQ(first, again);
  EXPECT_LT(resident_bytes() - before, Pictures::kKeptPictures + 96 * kMegabyte);
}

}  // namespace
}  // namespace thaw::test
