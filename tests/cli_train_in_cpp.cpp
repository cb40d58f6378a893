// The page "Train in C++" of finetune/README.md: its code is tests/consumer/train.cpp, letter by letter,
// which trains what it says that it trains.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "core/ops.h"
#include "finetune/model/model_folder.h"
#include "nn/models/registry.h"
#include "tests/support/files.h"

namespace thaw::test {
namespace {

// The first ```cpp block below the heading.
std::string code_of_page() {
  const std::string page = file_text(THAW_SOURCE_DIR "/finetune/README.md");
  const std::size_t heading = page.find("\n## Train in C++\n");
  const std::string fence = "```cpp\n";
  const std::size_t begin = page.find(fence, heading) + fence.size();
  return page.substr(begin, page.find("```", begin) - begin);
}

TEST(CliTrainInCpp, ThePageIsTheProgram) {
  EXPECT_EQ(code_of_page(), file_text(THAW_SOURCE_DIR "/tests/consumer/train.cpp"));
}

TEST(CliTrainInCpp, TheProgramTrainsAllButTheLowestLayer) {
  const TemporaryFolder folder;
  const std::string program =
      (std::filesystem::path(THAW_PROGRAM).parent_path() / "tools" / "train_in_cpp").string();
  ASSERT_EQ(std::system(("cd '" + folder.path("") + "' && '" + program + "' > out.txt").c_str()), 0);
  const std::string out = file_text(folder.path("out.txt"));
  const auto loss_after = [&](const std::string& step) {
    const std::string name = "step " + step + "  loss ";
    const std::size_t at = out.find(name);
    return at == std::string::npos ? -1.0 : std::stod(out.substr(at + name.size()));
  };
  EXPECT_GT(loss_after("10"), 0);
  EXPECT_GT(loss_after("50"), 0);
  EXPECT_LT(loss_after("50"), 0.6 * loss_after("10")) << out;

  ModelConfig config;
  config.architecture = "mlp";
  config.sample_shape = {8};
  config.hidden = {32, 16};
  config.outputs = 3;
  const auto before = make_model(config), after = make_model(config);
  EXPECT_TRUE(load_weights(*after, WeightFiles(folder.path("trained.safetensors"))).fits());
  for (std::size_t i = 0; i < before->parameters().size(); ++i) {
    const Parameter &was = *before->parameters()[i], &is = *after->parameters()[i];
    const double moved = sum(square(is.tensor - was.tensor)).item();
    EXPECT_EQ(moved == 0, was.name.starts_with("layers.0.")) << was.name << " moved by " << moved;
  }
}

}  // namespace
}  // namespace thaw::test
