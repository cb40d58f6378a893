// Selectors: every form, every error, tied weights.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/error.h"
#include "finetune/common/nearest.h"
#include "finetune/plan/selector.h"
#include "tests/support/messages.h"

namespace thaw::test {
namespace {

// embeddings (with a norm), layer.0, layer.1 (an adapter on it), head.
ModelInfo small_bert() {
  ModelInfo model;
  model.groups = {"embeddings", "layer.0", "layer.1", "head"};
  model.parameters = {
      {"embeddings.word.weight", {}, 0, ParameterKind::embedding, false, 100},
      {"embeddings.norm.weight", {}, 0, ParameterKind::norm, false, 4},
      {"embeddings.norm.bias", {}, 0, ParameterKind::norm, true, 4},
      {"encoder.layer.0.query.weight", {}, 1, ParameterKind::weight, false, 16},
      {"encoder.layer.0.query.bias", {}, 1, ParameterKind::bias, true, 4},
      {"encoder.layer.1.query.weight", {}, 2, ParameterKind::weight, false, 16},
      {"encoder.layer.1.query.bias", {}, 2, ParameterKind::bias, true, 4},
      {"encoder.layer.1.query.lora_A", {}, 2, ParameterKind::lora, false, 8},
      {"classifier.weight", {}, 3, ParameterKind::weight, false, 8},
      {"classifier.bias", {}, 3, ParameterKind::bias, true, 2},
  };
  return model;
}

ModelInfo tied_model() {
  ModelInfo model;
  model.groups = {"embeddings", "layer.0", "head"};
  model.parameters = {
      {"wte.weight", {"lm_head.weight"}, 0, ParameterKind::embedding, false, 100},
      {"h.0.weight", {}, 1, ParameterKind::weight, false, 16},
      {"norm.weight", {}, 2, ParameterKind::norm, false, 4},
  };
  return model;
}

// The selected indices as text: "0 1 2".
std::string selected(const std::string& selector, const ModelInfo& model = small_bert()) {
  std::string text;
  const std::vector<bool> mask = select_parameters(selector, model, "here");
  for (size_t i = 0; i < mask.size(); ++i) {
    if (mask[i]) text += (text.empty() ? "" : " ") + std::to_string(i);
  }
  return text;
}

std::string error_of(const std::string& selector, const ModelInfo& model = small_bert()) {
  return message_of<InputError>([&] { selected(selector, model); });
}

TEST(Selector, All) { EXPECT_EQ(selected("all"), "0 1 2 3 4 5 6 7 8 9"); }

TEST(Selector, TopCountsGroupsBelowTheHead) {
  EXPECT_EQ(selected("top:0"), "8 9");
  EXPECT_EQ(selected("top:1"), "5 6 7 8 9");
  EXPECT_EQ(selected("top:2"), "3 4 5 6 7 8 9");
  EXPECT_EQ(selected("top:3"), selected("all"));
  EXPECT_EQ(selected("top:999999999"), selected("all"));
}

TEST(Selector, BottomCountsGroups) {
  EXPECT_EQ(selected("bottom:1"), "0 1 2");
  EXPECT_EQ(selected("bottom:2"), "0 1 2 3 4");
  EXPECT_EQ(selected("bottom:999999999"), selected("all"));
}

TEST(Selector, Kinds) {
  EXPECT_EQ(selected("kind:bias"), "2 4 6 9") << "biases of norms are biases";
  EXPECT_EQ(selected("kind:norm"), "1 2");
  EXPECT_EQ(selected("kind:embedding"), "0");
  EXPECT_EQ(selected("kind:lora"), "7");
}

TEST(Selector, GroupNamesAndGlobs) {
  EXPECT_EQ(selected("head"), "8 9");
  EXPECT_EQ(selected("layer.0"), "3 4");
  EXPECT_EQ(selected("layer.[0-1]"), "3 4 5 6 7");
  EXPECT_EQ(selected("layer.[!0]"), "5 6 7");
  EXPECT_EQ(selected("layer.?"), "3 4 5 6 7");
  EXPECT_EQ(selected("*"), selected("all"));
}

TEST(Selector, ParameterNamesAndGlobs) {
  EXPECT_EQ(selected("classifier.weight"), "8");
  EXPECT_EQ(selected("encoder.*"), "3 4 5 6 7") << "* crosses dots";
  EXPECT_EQ(selected("*.query.bias"), "4 6");
  EXPECT_EQ(selected("encoder.layer.[0-3].*.weight"), "3 5");
  EXPECT_EQ(selected("classifier.????"), "9");
}

TEST(Selector, GroupsComeBeforeParameterNames) {
  ModelInfo model = small_bert();  // and a parameter with the name of a group
  model.parameters.push_back({"layer.1", {}, 0, ParameterKind::weight, false, 1});
  EXPECT_EQ(selected("layer.1", model), "5 6 7");
}

TEST(Selector, UnionLessExclusionsInAnyOrder) {
  EXPECT_EQ(selected("head,layer.0"), "3 4 8 9");
  EXPECT_EQ(selected(" head , layer.0 "), "3 4 8 9");
  EXPECT_EQ(selected("all,!kind:bias"), "0 1 3 5 7 8");
  EXPECT_EQ(selected("!kind:bias,all"), "0 1 3 5 7 8");
  EXPECT_EQ(selected("top:1,!kind:lora,!*.bias"), "5 8");
  EXPECT_EQ(selected("!head,head,layer.0"), "3 4")
      << "an exclusion wins over a plain item, wherever it stands";
  EXPECT_EQ(selected("! head,all"), "0 1 2 3 4 5 6 7");
}

TEST(Selector, AKindThatTheModelLacksIsNoMistakeInAUnion) {
  EXPECT_EQ(selected("kind:lora,head", tied_model()), "2");
  EXPECT_EQ(selected("all,!kind:lora", tied_model()), "0 1 2");
  EXPECT_NE(error_of("kind:lora", tied_model()), kNothingThrown);
}

TEST(SelectorErrors, MatchesNothingListsWhatThereIs) {
  EXPECT_EQ(error_of("layer.7"),
            "selector \"layer.7\" matches nothing (here); there are the groups \"embeddings\", \"layer.0\", "
            "\"layer.1\", \"head\" and the parameters \"embeddings.word.weight\", "
            "\"embeddings.norm.weight\", \"embeddings.norm.bias\", ..., \"classifier.bias\" (10 in all); did "
            "you mean \"layer.0\"?");
}

TEST(SelectorErrors, AModuleIsPointedToItsGlob) {
  EXPECT_NE(error_of("encoder.layer.0").find("did you mean \"encoder.layer.0.*\"?"), std::string::npos);
}

TEST(SelectorErrors, AnItemThatMatchesNothingIsNamed) {
  EXPECT_NE(error_of("head,clasifier.weight").find("matches nothing with \"clasifier.weight\""),
            std::string::npos);
  EXPECT_NE(error_of("head,clasifier.weight").find("did you mean \"classifier.weight\"?"), std::string::npos);
  EXPECT_NE(error_of("all,!hed").find("did you mean \"head\"?"), std::string::npos);
}

TEST(SelectorErrors, NothingLeft) {
  EXPECT_NE(error_of("head,!all").find("matches nothing (here)"), std::string::npos);
  EXPECT_NE(error_of("bottom:0").find("matches nothing (here)"), std::string::npos);
}

TEST(SelectorErrors, Malformed) {
  EXPECT_EQ(error_of(""), "selector \"\" has an empty item (here); remove the comma or name something");
  EXPECT_NE(error_of("head,").find("empty item"), std::string::npos);
  EXPECT_NE(error_of("!").find("empty item"), std::string::npos);
  EXPECT_EQ(error_of("!head"), "selector \"!head\" has nothing but exclusions (here); write \"all,!head\"");
  EXPECT_NE(error_of("layer.[0-1").find("unclosed bracket"), std::string::npos);
  EXPECT_EQ(error_of("kind:biases"),
            "selector \"kind:biases\" has an unknown kind \"biases\" (here); write kind:bias, kind:norm, "
            "kind:embedding, kind:lora or kind:adapter");
  EXPECT_NE(error_of("kind:bias|norm").find("unknown kind"), std::string::npos) << "kind: takes one kind";
  for (const char* bad : {"top:", "top:x", "top:-1", "top:1.5", "top:99999999999", "bottom:", "bottom: 2"}) {
    EXPECT_NE(error_of(bad).find("no whole number of groups"), std::string::npos) << bad;
  }
}

TEST(SelectorTied, GroupsKindsAndAllTakeEveryName) {
  EXPECT_EQ(selected("embeddings", tied_model()), "0");
  EXPECT_EQ(selected("kind:embedding", tied_model()), "0");
  EXPECT_EQ(selected("all,!bottom:1", tied_model()), "1 2");
}

TEST(SelectorTied, NamingBothIsFine) {
  EXPECT_EQ(selected("wte.weight,lm_head.weight", tied_model()), "0");
  EXPECT_EQ(selected("all,!wte.*,!lm_head.*", tied_model()), "1 2");
}

TEST(SelectorTied, TrainingOneNameAndFreezingTheOtherIsAnError) {
  EXPECT_EQ(
      error_of("all,!lm_head.weight", tied_model()),
      "selector \"all,!lm_head.weight\" selects \"wte.weight\" but not \"lm_head.weight\", two names of one "
      "tied weight (here); name both or neither");
  EXPECT_NE(error_of("lm_head.*", tied_model()).find("selects \"lm_head.weight\" but not \"wte.weight\""),
            std::string::npos);
  EXPECT_NE(error_of("wte.weight,norm.weight", tied_model()).find("tied weight"), std::string::npos);
}

TEST(NearestName, FindsTypingErrorsOnly) {
  const std::vector<std::string> known = {"lr_decay", "every", "state"};
  EXPECT_EQ(nearest_name("lr_decai", known), "lr_decay");
  EXPECT_EQ(nearest_name("evry", known), "every");
  EXPECT_EQ(nearest_name("dropout", known), "");
  EXPECT_EQ(nearest_name("", known), "");
}

}  // namespace
}  // namespace thaw::test
