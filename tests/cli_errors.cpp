// Wrong inputs: the right exit code and one line that says what, where and how to mend it.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/program.h"

namespace thaw {
namespace {

using testing::file_text;
using testing::ProgramResult;
using testing::run_program;
using testing::TemporaryFolder;

struct WrongInput {
  std::vector<std::string> arguments;  // "@name" is a file of the folder below
  std::vector<std::string> parts;      // of the message
};

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

std::vector<WrongInput> wrong_inputs() {
  const auto set = [](const std::string& text) {
    return std::vector<std::string>{"plan", "@good.toml", "--set", text};
  };
  return {
      // usage
      {{}, {"no command", "thaw help"}},
      {{"trian"}, {"\"trian\"", "did you mean \"train\"?"}},
      {{"--json", "train"}, {"before the command"}},
      {{"train"}, {"CONFIG is required"}},
      {{"train", "@good.toml", "--outt", "x"}, {"\"--outt\"", "did you mean \"--out\"?"}},
      {{"train", "@good.toml", "more"}, {"too many", "\"more\""}},
      {{"train", "@good.toml", "--resume"}, {"--out"}},
      {{"train", "@good.toml", "--out", ""}, {"--out", "is empty"}},
      {{"train", "@good.toml", "--strategy", ""}, {"--strategy", "is empty"}},
      {{"train", "@good.toml", "--out", "@o", "--trace", ""}, {"--trace", "is empty"}},
      {{"train", "@good.toml", "--out", "@o", "--trace", "@none/t.json"}, {"no folder", "--trace"}},
      {{"train", "@good.toml", "--out", "@o", "--trace", "@hollow"}, {"is a folder", "--trace"}},
      {{"train", "@good.toml", "--out", "@o", "--trace", "/dev/null"}, {"a device", "--trace"}},
      {{"graph", "@good.toml", "--out", "@none/graph.dot"}, {"no folder", "--out"}},
      {{"graph", "@good.toml", "--out", "@hollow"}, {"is a folder", "--out"}},
      {{"train", "@\xff\n.toml"}, {"? .toml"}},
      {set("model.from=" + std::string(5000, 'a')), {"aaaa [..] aaaa"}},
      {{"plan", "@good.toml", "--threads", "x"}, {"--threads"}},
      {{"plan", "@good.toml", "--threads", "0"}, {"--threads"}},
      {{"plan", "@good.toml", "--device", "cuda:0"}, {"not in this version"}},
      {{"plan", "@good.toml", "--device", "gpu"}, {"\"gpu\"", "cpu or auto"}},
      {{"predict", "--model", "@model"}, {"--input is required"}},
      {{"help", "tarin"}, {"\"tarin\"", "train"}},
      {{"embed", "--model", "x"}, {"--input is required"}},
      {{"merge", "--out", "@o"}, {"--model is required"}},
      {{"bench"}, {"--model is required"}},
      {{"bench", "--model", "@none"}, {"no model folder"}},
      {{"bench", "--model", "@model", "--precision", "bf16"}, {"not in this version"}},
      {{"embed", "--model", "@model", "--input", "@good.csv"}, {"embed is for text models"}},
      {{"compare", "@good.toml", "--budget", "60 apples"}, {"\"60 apples\"", "flops=1e12"}},
      {{"compare", "@good.toml", "--budget", "flops=-1"}, {"\"flops=-1\"", "60s"}},
      {{"compare", "@good.toml", "--strategies", "full,haed"}, {"\"haed\"", "\"head\""}},
      {{"compare", "@good.toml", "--tune", "3", "--no-tune"}, {"--no-tune"}},
      // config
      {{"plan", "@none.toml"}, {"none.toml"}},
      {{"plan", "@syntax.toml"}, {"no valid TOML", "syntax.toml:1:"}},
      {set("train.lrr=1"), {"\"train.lrr\"", "(--set train.lrr=1)", "did you mean \"lr\"?"}},
      {set("train.qqqqqqqq=1"), {"\"epochs\", ", "; `thaw help config` explains them"}},
      {set("train.learning_rate=1"), {"\"train.learning_rate\"", "did you mean \"train.lr\"?"}},
      {set("lr=1"), {"\"lr\"", "did you mean \"train.lr\"?"}},
      {{"compare", "@good.csv"}, {"is no config", "write a TOML file with [data] and train = \"good.csv\""}},
      {set("train.lr=0"), {"out of range", "above 0"}},
      {set("train.lr=fast"), {"\"fast\" is not a number"}},
      {set("train.batch_size=-1"), {"out of range"}},
      {set("train.batch_size=99999999999999999999"), {"train.batch_size"}},
      {set("train.optimizer=adam"), {"did you mean \"adamw\"?"}},
      {set("train.precision=bf16"), {"not in this version"}},
      {set("train.schedule=linaer"), {"did you mean \"linear\"?"}},
      {set("model.from=resnet"),
       {"\"resnet\" is an unknown architecture", "write one of mlp, cnn", "model's folder"}},
      {set("model.from=./modle/"), {"is no folder: there is no /", "modle", "did you mean \"./model\"?"}},
      {set("model.from=modle"), {"is an unknown architecture", "did you mean \"model\"?"}},
      {set("model.from=none/model"), {"there is no", "none", "nothing is downloaded"}},
      {set("model.from=good.csv"), {"is a file, no model's folder"}},
      {set("model.from=model/model.safetensors"), {"is a file", "model.init"}},
      {set("model.hidden=[0]"), {"model.hidden[0]", "out of range"}},
      {{"train", "@good.toml", "--out", "@o", "--set", "model.hidden=[16000000, 16000000]"}, {"GB"}},
      {set("model.max_length=5"), {"model.max_length is for models that take text", "good.toml"}},
      {set("data.validation_fraction=1.5"), {"out of range"}},
      {set("data.label=lable"), {"\"lable\"", "data.label"}},
      {set("data.group=none"), {"group column \"none\""}},
      {set("data.rows=[0, 7]"), {"data.rows ends at 7", "good.csv"}},
      {set("data.merge={ a = ['x'], b = ['q'] }"), {"label \"q\" of the class \"b\"", "good.csv"}},
      {set("data.corrupt=blur"), {"is for images", "good.csv"}},
      {set("strategy.name=gradul"), {"did you mean \"gradual\"?"}},
      {set("strategy.r=4"), {"unknown key \"strategy.r\""}},
      {{"plan", "@good.toml", "--strategy", "top-x"}, {"\"top-x\" is unknown"}},
      {{"plan", "@good.toml", "--set", "strategy.name=plan", "--set", "strategy.phase=[{train='layer.9'}]"},
       {"layer.9"}},
      // data
      {{"train", "@missing.toml", "--out", "@o"}, {"missing.csv"}},
      {{"train", "@word.toml", "--out", "@o"}, {"\"oops\"", "word.csv:3:"}},
      {{"train", "@nan.toml", "--out", "@o"}, {"not finite", "nan.csv:2"}},
      {{"train", "@hashes.toml", "--out", "@o"},
       {"hashes.csv:1", "the header is one column, \"a#b#label\": set data.separator"}},
      {{"train", "@headless.toml", "--out", "@o"}, {"headless.toml:1:", "[data]"}},
      {{"train", "@hole.toml", "--out", "@o"}, {"is missing", "row 1"}},
      {{"train", "@ragged.toml", "--out", "@o"}, {"ragged.csv:3"}},
      {{"train", "@empty.toml", "--out", "@o"}, {"no rows"}},
      {{"train", "@one.toml", "--out", "@o"}, {"class"}},
      {{"train", "@idx.toml", "--out", "@o"}, {"labels file"}},
      {{"train", "@folder.toml", "--out", "@o"}, {"not in this version"}},
      {{"train", "@good.toml", "--out", "@model"}, {"not empty", "--resume"}},
      {{"train", "@good.toml", "--out", "@good.csv"}, {"is a file"}},
      {{"train", "@good.toml", "--out", "/proc/nothing/here"}, {"/proc/nothing/here"}},
      {set("data.train=builtin:digit"), {"builtin:digits"}},
      // weights
      {{"inspect", "@bad.safetensors"}, {"bad.safetensors"}},
      {{"inspect", "@none"}, {"none"}},
      {{"inspect", "@hollow"}, {"config.json"}},
      {{"inspect", "@broken"}, {"config.json"}},
      {{"inspect", "@short"}, {"'outputs' is missing", "config.json"}},
      {{"inspect", "@fraction"}, {"'outputs'", "wrong type"}},
      {{"predict", "--model", "@unscaled", "--input", "@good.csv", "--output", "@p"}, {"no preprocess.json"}},
      {{"predict", "--model", "@model", "--input", "@good.csv", "--output", "@none/p"}, {"no folder"}},
      {{"inspect", "@bert"}, {"'vocab_size' is missing", "config.json"}},
      {{"eval", "@good.toml", "--model", "@none"}, {"no model folder"}},
      {{"eval", "@good.toml", "--model", "@model"}, {"neither test nor validation"}},
      {{"eval", "@good.toml", "--model", "@model", "--set", "data.task=regression"}, {"task"}},
      {{"predict", "--model", "@model", "--input", "@other.csv", "--output", "@p"}, {"\"a\"", "columns"}},
      {{"predict", "--model", "@model", "--input", "@word.csv", "--output", "@p"}, {"\"oops\""}},
      {{"predict", "--model", "@model", "--input", "builtin:digits"}, {"columns"}},
  };
}

TEST_F(CliErrors, EachIsOneLineWithWhatWhereAndHow) {
  const std::vector<WrongInput> inputs = wrong_inputs();
  ASSERT_GE(inputs.size(), 40u);
  for (const WrongInput& input : inputs) {
    std::string typed = "thaw";
    for (const std::string& argument : input.arguments) typed += " " + argument;
    SCOPED_TRACE(typed);
    const ProgramResult result = run_program(resolved(input.arguments));
    EXPECT_EQ(result.code, 2);
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(result.err.rfind("thaw: error: ", 0), 0u) << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    EXPECT_NE(result.err.find('('), std::string::npos) << "says no place: " << result.err;
    EXPECT_NE(result.err.find("; "), std::string::npos) << "does not say how to mend it: " << result.err;
    for (const std::string& part : input.parts)
      EXPECT_NE(result.err.find(part), std::string::npos) << result.err;
  }
  EXPECT_FALSE(std::filesystem::exists(folder_->path("p"))) << "a half-written output";
  EXPECT_FALSE(std::filesystem::exists(folder_->path("o"))) << "a run folder of a run that did not begin";
}

}  // namespace
}  // namespace thaw
