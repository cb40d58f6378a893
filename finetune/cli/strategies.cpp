// `thaw strategies`: the registry, for people and programs.

#include "core/error.h"
#include "finetune/cli/commands.h"
#include "finetune/cli/output.h"
#include "finetune/common/json.h"
#include "finetune/common/text_table.h"
#include "finetune/common/units.h"
#include "finetune/plan/plan_text.h"
#include "finetune/plan/strategies/registry.h"

namespace thaw::cli {
namespace {

Json options_json(const std::vector<OptionSpec>& options) {
  Json json = Json::array();
  for (const OptionSpec& option : options) {
    Json item{{"name", option.name}};
    std::visit([&](const auto& value) { item["default"] = value; }, option.default_value);
    item["doc"] = option.doc;
    json.push_back(item);
  }
  return json;
}

std::string strategies_json() {
  Json list = Json::array();
  for (const StrategySpec& spec : strategies())
    list.push_back({{"name", spec.name},
                    {"summary", spec.summary},
                    {"default_lr_scale", spec.default_lr_scale},
                    {"options", options_json(spec.options)}});
  return json_document(Json{{"strategies", list}, {"common_options", options_json(common_options())}});
}

void add_options(std::vector<TextRow>& rows, const std::vector<OptionSpec>& options) {
  for (const OptionSpec& option : options)
    rows.push_back({"", option.name + " = " + to_text(option.default_value), option.doc});
}

}  // namespace

std::string strategies_text() {
  std::string text;
  for (const StrategySpec& spec : strategies()) {
    text += spec.name + "\n    " + spec.summary + "\n";
    if (spec.default_lr_scale != 1)
      text +=
          concat("    compare tunes it around ", short_number(spec.default_lr_scale), " times train.lr\n");
    std::vector<TextRow> rows;
    add_options(rows, spec.options);
    text += text_table(rows);
  }
  std::vector<TextRow> common;
  add_options(common, common_options());
  return text + "\nEvery strategy takes:\n" + text_table(common);
}

int list_strategies(const Arguments& arguments) {
  print(arguments.json ? strategies_json() : strategies_text());
  return 0;
}

}  // namespace thaw::cli
