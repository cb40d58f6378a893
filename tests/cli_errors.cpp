// Wrong inputs: the right exit code and one line that says what, where and how to mend it.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/files.h"
#include "tests/support/messages.h"
#include "tests/support/program.h"

namespace thaw::test {
namespace {

// A folder with a good config, a trained model and files that are wrong in one way each.
class CliErrors : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    folder_->write("good.csv", "a,b,label\n1,2,x\n2,1,y\n3,5,x\n4,1,y\n5,2,x\n6,2,y\n");
    folder_->write("word.csv", "a,b,label\n1,2,x\n2,oops,y\n");
    folder_->write("nan.csv", "a,b,label\n1,nan,x\n2,1,y\n");
    folder_->write("hole.csv", "a,b,label\n1,,x\n2,1,y\n");
    folder_->write("ragged.csv", "a,b,label\n1,2,x\n2,1\n");
    folder_->write("empty.csv", "a,b,label\n");
    folder_->write("one.csv", "a,b,label\n1,2,x\n2,1,x\n");
    folder_->write("other.csv", "c,d\n1,2\n");
    folder_->write("images-idx3-ubyte", "junk");
    folder_->write("bad.safetensors", "this is no header");
    folder_->write("good.toml", config("train = \"good.csv\""));
    for (const char* name : {"word", "nan", "hole", "ragged", "empty", "one", "missing"})
      folder_->write(std::string(name) + ".toml", config(std::string("train = \"") + name + ".csv\""));
    folder_->write("idx.toml", config("train = \"images-idx3-ubyte\""));
    folder_->write("label.toml", config("train = \"good.csv\"\nlabel = \"lable\""));
    folder_->write("syntax.toml", "[train\nlr = 1\n");
    folder_->write("folder.toml", config("train = \".\""));
    std::filesystem::create_directory(folder_->path("hollow"));
    std::filesystem::create_directory(folder_->path("broken"));
    folder_->write("broken/config.json", "{");
    std::filesystem::create_directory(folder_->path("bert"));
    folder_->write("bert/config.json", "{\"model_type\": \"bert\"}");
    folder_->write("hashes.csv", "a#b#label\n1#2#x\n2#1#y\n");
    folder_->write("hashes.toml", config("train = \"hashes.csv\""));
    folder_->write("headless.toml", "train = \"good.csv\"\n");
    const ProgramResult trained =
        run_program({"train", folder_->path("good.toml"), "--out", folder_->path("model")});
    ASSERT_EQ(trained.code, 0) << trained.err;
    copy_model("unscaled");
    std::filesystem::remove(folder_->path("unscaled/preprocess.json"));
    copy_model("short");
    replace("short/config.json", "\"outputs\"", "\"output\"");
    copy_model("fraction");
    replace("fraction/config.json", "\"outputs\": 2", "\"outputs\": 2.5");
  }
  static void TearDownTestSuite() { delete folder_; }

  static std::string config(const std::string& data) {
    return "[data]\n" + data + "\nvalidation_fraction = 0\n[train]\nepochs = 1\n";
  }

  static void copy_model(const std::string& to) {
    std::filesystem::create_directory(folder_->path(to));
    for (const std::string name : {"/config.json", "/preprocess.json", "/model.safetensors"})
      std::filesystem::copy(folder_->path("model" + name), folder_->path(to + name));
  }

  static void replace(const std::string& file, const std::string& from, const std::string& to) {
    std::string text = file_text(folder_->path(file));
    ASSERT_NE(text.find(from), std::string::npos) << text;
    folder_->write(file, text.replace(text.find(from), from.size(), to));
  }

  static std::vector<std::string> resolved(std::vector<std::string> arguments) {
    for (std::string& argument : arguments)
      if (argument.starts_with("@")) argument = folder_->path(argument.substr(1));
    return arguments;
  }

  static TemporaryFolder* folder_;
};
TemporaryFolder* CliErrors::folder_ = nullptr;

std::vector<std::vector<std::string>> wrong_inputs() {
  const auto set = [](const std::string& text) {
    return std::vector<std::string>{"plan", "@good.toml", "--set", text};
  };
  return {
      // usage
      {},
      {"trian"},
      {"--json", "train"},
      {"train"},
      {"train", "@good.toml", "--outt", "x"},
      {"train", "@good.toml", "more"},
      {"train", "@good.toml", "--resume"},
      {"train", "@good.toml", "--out", ""},
      {"train", "@good.toml", "--strategy", ""},
      {"train", "@good.toml", "--out", "@o", "--trace", ""},
      {"train", "@good.toml", "--out", "@o", "--trace", "@none/t.json"},
      {"train", "@good.toml", "--out", "@o", "--trace", "@hollow"},
      {"train", "@good.toml", "--out", "@o", "--trace", "/dev/null"},
      {"graph", "@good.toml", "--out", "@none/graph.dot"},
      {"graph", "@good.toml", "--out", "@hollow"},
      {"train", "@\xff\n.toml"},
      set("model.from=" + std::string(5000, 'a')),
      {"plan", "@good.toml", "--threads", "x"},
      {"plan", "@good.toml", "--threads", "0"},
      {"plan", "@good.toml", "--device", "cuda:0"},
      {"plan", "@good.toml", "--device", "gpu"},
      {"predict", "--model", "@model"},
      {"help", "tarin"},
      {"embed", "--model", "x"},
      {"merge", "--out", "@o"},
      {"bench"},
      {"bench", "--model", "@none"},
      {"bench", "--model", "@model", "--precision", "bf16"},
      {"embed", "--model", "@model", "--input", "@good.csv"},
      {"compare", "@good.toml", "--budget", "60 apples"},
      {"compare", "@good.toml", "--budget", "flops=-1"},
      {"compare", "@good.toml", "--strategies", "full,haed"},
      {"compare", "@good.toml", "--tune", "3", "--no-tune"},
      // config
      {"plan", "@none.toml"},
      {"plan", "@syntax.toml"},
      set("train.lrr=1"),
      set("train.qqqqqqqq=1"),
      set("train.learning_rate=1"),
      set("lr=1"),
      {"compare", "@good.csv"},
      set("train.lr=0"),
      set("train.lr=fast"),
      set("train.batch_size=-1"),
      set("train.batch_size=99999999999999999999"),
      set("train.optimizer=adam"),
      set("train.precision=bf16"),
      set("train.schedule=linaer"),
      set("model.from=resnet"),
      set("model.from=./modle/"),
      set("model.from=modle"),
      set("model.from=none/model"),
      set("model.from=good.csv"),
      set("model.from=model/model.safetensors"),
      set("model.hidden=[0]"),
      {"train", "@good.toml", "--out", "@o", "--set", "model.hidden=[16000000, 16000000]"},
      set("model.max_length=5"),
      set("data.validation_fraction=1.5"),
      set("data.label=lable"),
      set("data.group=none"),
      set("data.rows=[0, 7]"),
      set("data.merge={ a = ['x'], b = ['q'] }"),
      set("data.corrupt=blur"),
      set("strategy.name=gradul"),
      set("strategy.r=4"),
      {"plan", "@good.toml", "--strategy", "top-x"},
      {"plan", "@good.toml", "--set", "strategy.name=plan", "--set", "strategy.phase=[{train='layer.9'}]"},
      // data
      {"train", "@missing.toml", "--out", "@o"},
      {"train", "@word.toml", "--out", "@o"},
      {"train", "@nan.toml", "--out", "@o"},
      {"train", "@hashes.toml", "--out", "@o"},
      {"train", "@headless.toml", "--out", "@o"},
      {"train", "@hole.toml", "--out", "@o"},
      {"train", "@ragged.toml", "--out", "@o"},
      {"train", "@empty.toml", "--out", "@o"},
      {"train", "@one.toml", "--out", "@o"},
      {"train", "@idx.toml", "--out", "@o"},
      {"train", "@folder.toml", "--out", "@o"},
      {"train", "@good.toml", "--out", "@model"},
      {"train", "@good.toml", "--out", "@good.csv"},
      {"train", "@good.toml", "--out", "/proc/nothing/here"},
      set("data.train=builtin:digit"),
      // weights
      {"inspect", "@bad.safetensors"},
      {"inspect", "@none"},
      {"inspect", "@hollow"},
      {"inspect", "@broken"},
      {"inspect", "@short"},
      {"inspect", "@fraction"},
      {"predict", "--model", "@unscaled", "--input", "@good.csv", "--output", "@p"},
      {"predict", "--model", "@model", "--input", "@good.csv", "--output", "@none/p"},
      {"inspect", "@bert"},
      {"eval", "@good.toml", "--model", "@none"},
      {"eval", "@good.toml", "--model", "@model"},
      {"eval", "@good.toml", "--model", "@model", "--set", "data.task=regression"},
      {"predict", "--model", "@model", "--input", "@other.csv", "--output", "@p"},
      {"predict", "--model", "@model", "--input", "@word.csv", "--output", "@p"},
      {"predict", "--model", "@model", "--input", "builtin:digits"},
  };
}

TEST_F(CliErrors, EachIsOneLineWithWhatWhereAndHow) {
  for (const std::vector<std::string>& arguments : wrong_inputs()) {
    std::string typed = "thaw";
    for (const std::string& argument : arguments) typed += " " + argument;
    SCOPED_TRACE(typed);
    const ProgramResult result = run_program(resolved(arguments));
    EXPECT_EQ(result.code, 2);
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(result.err.rfind("thaw: error: ", 0), 0u) << result.err;
    EXPECT_NE(result.err.find('('), std::string::npos) << "says no place: " << result.err;
    EXPECT_NE(result.err.find("; "), std::string::npos) << "does not say how to mend it: " << result.err;
    expect_worded(result.err);
  }
  EXPECT_FALSE(std::filesystem::exists(folder_->path("p"))) << "a half-written output";
  EXPECT_FALSE(std::filesystem::exists(folder_->path("o"))) << "a run folder of a run that did not begin";
}

}  // namespace
}  // namespace thaw::test
