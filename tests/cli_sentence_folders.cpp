// What a folder of sentence-transformers says of sentences, and the embeddings that come of it.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "nn/io/safetensors.h"
#include "tests/support/files.h"
#include "tests/support/text_folders.h"

namespace thaw::test {
namespace {

using CliSentenceFolders = TextFolders;

// As sentence-transformers does, and said wherever it comes from.
TEST_F(CliSentenceFolders, WithoutAPoolingEmbeddingsAreTheMean) {
  const ProgramResult unsaid = embed(model);
  ASSERT_EQ(unsaid.code, 0) << unsaid.err;
  expect_has(unsaid.err, "\"mean\"");
  expect_has(unsaid.err, "no 1_Pooling");
  save_safetensors(model + "/model.safetensors", weights_without("pooler"));
  EXPECT_EQ(embed(model).out, unsaid.out);
  std::filesystem::create_directories(model + "/1_Pooling");
  folder.write("model/1_Pooling/config.json", R"({"pooling_mode_mean_tokens": true})");
  const ProgramResult said = embed(model);
  EXPECT_EQ(said.out, unsaid.out);
  expect_has(said.err, "1_Pooling/config.json");
  ASSERT_EQ(train().code, 0);
  expect_has(embed(run).err, "run/preprocess.json");
}

// What sentence-transformers wrote before version 2: the transformer's files stand in a folder of their own.
TEST_F(CliSentenceFolders, TheOlderLayoutIsReadAndRunsComeOutFlat) {
  std::filesystem::create_directories(model + "/1_Pooling");
  folder.write("model/1_Pooling/config.json", R"({"pooling_mode_cls_token": true})");
  const std::string flat = embed(model).out, old = folder.path("old");
  std::filesystem::create_directories(old);
  std::filesystem::copy(model, old + "/0_Transformer", std::filesystem::copy_options::recursive);
  std::filesystem::rename(old + "/0_Transformer/1_Pooling", old + "/1_Pooling");
  folder.write("old/modules.json",
               R"([{"type": "sentence_transformers.models.Transformer", "path": "0_Transformer"},
                   {"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"}])");
  EXPECT_EQ(embed(old).out, flat);
  const ProgramResult trained = train({"--set", "model.from=" + old});
  ASSERT_EQ(trained.code, 0) << trained.err;
  for (const char* name : {"config.json", "model.safetensors", "vocab.txt", "preprocess.json"})
    EXPECT_TRUE(std::filesystem::exists(run + "/" + name)) << name;
  EXPECT_EQ(run_program({"predict", "--model", run, "--input", texts}).code, 0);
  EXPECT_EQ(run_program({"inspect", old}).code, 0);
  folder.write("old/config.json", file_text(old + "/0_Transformer/config.json"));
  expect_refused(embed(old), {"two models", "0_Transformer"});
  std::filesystem::remove(old + "/config.json");
  std::filesystem::remove(old + "/modules.json");
  expect_refused(embed(old), {"no config.json"});
}

TEST_F(CliSentenceFolders, PoolingIsReadAsOldAndNewVersionsNameIt) {
  std::filesystem::create_directories(model + "/1_Pooling");
  const auto embedding = [&](const std::string& pooling) {
    folder.write("model/1_Pooling/config.json", pooling);
    const ProgramResult result = embed(model);
    EXPECT_EQ(result.code, 0) << result.err;
    return result.out;
  };
  const std::string mean =
      embedding(R"({"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": false})");
  const std::string cls = embedding(R"({"pooling_mode_cls_token": true})");
  EXPECT_NE(mean, cls);
  EXPECT_EQ(embedding(R"({"pooling_mode": "mean"})"), mean);
  EXPECT_EQ(embedding(R"({"pooling_mode": ["cls"]})"), cls);
  folder.write("model/1_Pooling/config.json", R"({"pooling_mode_mean_tokens": false})");
  expect_refused(embed(model), {"1_Pooling/config.json", "\"mean\""});
  for (const char* other : {"max", "lasttoken"}) {
    folder.write("model/1_Pooling/config.json", R"({"pooling_mode": ")" + std::string(other) + "\"}");
    expect_refused(embed(model), {other, "1_Pooling/config.json", "mean and cls"});
  }
}

TEST_F(CliSentenceFolders, TextsInLowerCaseNeedATokenizerThatMakesThemSo) {
  folder.write("model/sentence_bert_config.json", R"({"max_seq_length": 12, "do_lower_case": true})");
  EXPECT_EQ(embed(model).code, 0);
  folder.write("model/tokenizer_config.json", R"({"do_lower_case": false})");
  expect_refused(embed(model), {"do_lower_case", "sentence_bert_config.json"});
  folder.write("model/sentence_bert_config.json", R"({"max_seq_length": 12, "do_lower_case": false})");
  EXPECT_EQ(embed(model).code, 0);
}

TEST_F(CliSentenceFolders, ADefaultPromptIsNotLeftOutInSilence) {
  const auto with = [&](const std::string& prompts, const std::string& name) {
    folder.write("model/config_sentence_transformers.json",
                 R"({"prompts": )" + prompts + R"(, "default_prompt_name": )" + name + "}");
    return embed(model);
  };
  expect_refused(with(R"({"query": "the film: "})", R"("query")"), {"the film: ", "default_prompt_name"});
  EXPECT_EQ(with(R"({"query": "the film: "})", "null").code, 0);
  EXPECT_EQ(with(R"({"query": "", "document": "a"})", R"("query")").code, 0);
}

TEST_F(CliSentenceFolders, AModuleThatThawHasNotIsRefused) {
  const std::string first = R"([{"type": "sentence_transformers.models.Transformer"},)";
  folder.write("model/modules.json", first + R"({"type": "sentence_transformers.models.Dense"}])");
  expect_refused(embed(model), {"Dense", "modules.json"});
  const std::string transformer = R"({"type": "sentence_transformers.models.Transformer", "path": )";
  for (const std::string& without : {std::string("[]"), "[" + transformer + "\"\"}]"}) {
    folder.write("model/modules.json", without);
    expect_refused(embed(model), {"no Pooling is named", "modules.json"});
  }
  folder.write("model/modules.json", "[" + transformer + "\"../other\"}]");
  expect_refused(embed(model), {"../other", "modules.json"});
}

TEST_F(CliSentenceFolders, TheLengthIsReadUnderItsOldNameToo) {
  std::filesystem::rename(model + "/sentence_bert_config.json", model + "/sentence_distilbert_config.json");
  folder.write("model/sentence_distilbert_config.json", R"({"max_seq_length": 4})");
  expect_has(embed(model).err, "1 of 1 texts fill 4 tokens");
}

// The folder of the Pooling is the one that modules.json names, and the modules have one order.
TEST_F(CliSentenceFolders, ThePoolingIsTheOneThatIsNamed) {
  const std::string pooling = R"({"type": "sentence_transformers.models.Pooling", "path": "2_Pooling"})";
  const std::string normalize = R"({"type": "sentence_transformers.models.Normalize", "path": ""})";
  folder.write("model/modules.json", "[" + pooling + "," + normalize + "]");
  expect_refused(embed(model), {"modules.json names", "2_Pooling/config.json", "missing"});
  std::filesystem::create_directories(model + "/1_Pooling");
  std::filesystem::create_directories(model + "/2_Pooling");
  folder.write("model/1_Pooling/config.json", R"({"pooling_mode_cls_token": true})");
  folder.write("model/2_Pooling/config.json", R"({"pooling_mode_mean_tokens": true})");
  const ProgramResult named = embed(model);
  ASSERT_EQ(named.code, 0) << named.err;
  folder.write("model/1_Pooling/config.json", "no JSON");
  EXPECT_EQ(embed(model).out, named.out);
  folder.write("model/2_Pooling/config.json", R"({"pooling_mode_cls_token": true})");
  EXPECT_NE(embed(model).out, named.out);
  folder.write("model/modules.json", "[" + normalize + "," + pooling + "]");
  expect_refused(embed(model), {"Pooling", "order", "modules.json"});
}

}  // namespace
}  // namespace thaw::test
