// Reading a config: TOML text to Config, by the tables of config_keys.h.
#include "finetune/config/config.h"

#include <algorithm>
#include <filesystem>

#include "core/error.h"
#include "finetune/common/nearest.h"
#include "finetune/common/text.h"
#include "finetune/config/config_axes.h"
#include "finetune/config/config_checks.h"
#include "finetune/config/config_keys.h"
#include "finetune/config/config_overrides.h"
#include "finetune/config/config_strategy.h"
#include "finetune/config/config_synonyms.h"
#include "finetune/config/config_value.h"
#include "finetune/config/toml.h"
#include "finetune/plan/plan_text.h"
#include "finetune/plan/strategies/registry.h"
#include "nn/io/files.h"
#include "nn/models/registry.h"

namespace thaw {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kMostCells = 4096;

class ConfigReader {
 public:
  ConfigReader(const std::string& path, const toml::table& root) : root_(root) { config_.path = path; }

  Config read() {
    check_sections();
    check_alternatives();
    read_section("model", model_keys(), config_.model);
    read_section("data", data_keys(), config_.data);
    read_section("train", train_keys(), config_.train);
    read_section("compare", compare_keys(), config_.compare);
    if (const toml::table* strategy = section("strategy")) read_strategy(*strategy);
    resolve_model();
    check_strategy_names();
    if (config_.train.optimizer == OptimizerKind::sgd && !has("train", "weight_decay"))
      config_.train.weight_decay = 0;
    check_together(config_);
    config_.name = fs::path(config_.path).stem().string();
    return std::move(config_);
  }

 private:
  [[noreturn]] void refuse_key(const std::string& what, const toml::key& key, const std::string& mend) const {
    fail_input(what, " (", place_of(key.source(), config_.path), ")", mend);
  }

  [[noreturn]] void refuse_unknown(const std::string& dotted, const toml::key& key,
                                   const std::vector<std::string>& known) const {
    const std::size_t dot = dotted.rfind('.');
    const std::string meant =
        meant_key(dot == std::string::npos ? "" : dotted.substr(0, dot), std::string(key.str()));
    const std::string nearest =
        meant.empty() ? did_you_mean(key.str(), known) : concat("; did you mean ", in_quotes(meant), "?");
    refuse_key("unknown key " + in_quotes(dotted), key,
               nearest.empty()
                   ? concat("; the keys are ", name_list(known), "; `thaw help config` explains them")
                   : nearest);
  }

  ValueReader reader(const toml::node& node, const std::string& key, const Rule& rule = {}) const {
    return {node, key, rule, config_.path};
  }

  // The value of `parse`, whose message knows no place.
  template <class Parse>
  auto placed(const toml::node& node, Parse parse) const {
    try {
      return parse();
    } catch (const InputError& error) {
      throw InputError(with_place(error.what(), place_of(node.source(), config_.path)));
    }
  }

  template <class Parse>
  auto parsed(const toml::node& node, const std::string& key, Parse parse) const {
    std::string text;
    reader(node, key).read(text);
    return placed(node, [&] { return parse(text); });
  }

  const toml::table* section(const std::string& name) const { return root_[name].as_table(); }
  bool has(const std::string& name, const std::string& key) const {
    return root_[name][key].node() != nullptr;
  }

  void check_sections() const {
    static const std::vector<std::string> names = {"model", "data", "train", "strategy", "compare"};
    for (const auto& [key, node] : root_) {
      const std::string name(key.str());
      if (std::find(names.begin(), names.end(), name) == names.end()) refuse_unknown(name, key, names);
      if (!node.is_table())
        reader(node, name)
            .refuse("stands in no section", concat("write [data] or another section's name above it, or [",
                                                   name, "] to begin that section"));
    }
  }

  void check_alternatives() const {
    for (const Alternatives& pair : alternatives()) {
      const toml::node* second = root_[pair.section][pair.second].node();
      if (!has(pair.section, pair.first) || second == nullptr || second->value<double>() == 0.0) continue;
      const std::string key = concat(pair.section, ".", pair.second);
      reader(*second, key).refuse(concat("stands beside ", pair.first), "give one of the two");
    }
  }

  template <class Section>
  void read_section(const std::string& name, const std::vector<Key<Section>>& keys, Section& to) const {
    const toml::table* table = section(name);
    if (table == nullptr) return;
    std::vector<std::string> known;
    known.reserve(keys.size());
    for (const Key<Section>& key : keys) known.emplace_back(key.name);
    for (const auto& [key, node] : *table) {
      const auto found = std::find(known.begin(), known.end(), key.str());
      const std::string dotted = concat(name, ".", key.str());
      if (found == known.end()) refuse_unknown(dotted, key, known);
      read_key(node, dotted, keys[static_cast<std::size_t>(found - known.begin())], to);
    }
    for (const Key<Section>& key : keys) check_owner(name, key, to);
  }

  template <class Section>
  void read_key(const toml::node& node, const std::string& dotted, const Key<Section>& key,
                Section& to) const {
    const ValueReader value = reader(node, dotted, key.rule);
    if (const auto* pair = std::get_if<NumberPair<Section>>(&key.member)) {
      std::vector<double> numbers;
      value.read(numbers);
      if (numbers.size() != 2) value.refuse("has not two numbers", "write [0.9, 0.999]");
      to.*pair->first = numbers[0];
      to.*pair->second = numbers[1];
      return;
    }
    std::visit(
        [&](auto member) {
          if constexpr (std::is_member_object_pointer_v<decltype(member)>) value.read(to.*member);
        },
        key.member);
  }

  // An option that the optimizer or architecture in use does not have would be ignored.
  template <class Section>
  void check_owner(const std::string& name, const Key<Section>& key, const Section& values) const {
    const toml::node* node = root_[name][key.name].node();
    if (node == nullptr || key.rule.is_of(owner_of_options(values))) return;
    reader(*node, concat(name, ".", key.name))
        .refuse(concat("is an option of ", joined(quoted(key.rule.owners), " and "), ", not of ",
                       in_quotes(owner_of_options(values))),
                "leave it out");
  }

  void resolve_model() {
    const std::vector<std::string> known = architectures();
    std::string& from = config_.model.from;
    if (std::find(known.begin(), known.end(), from) != known.end()) return;
    const Rule rule;
    const auto value = reader(*root_["model"]["from"].node(), "model.from", rule);
    const std::string folder = value.absolute_path(from);
    std::error_code ignored;
    if (!fs::is_directory(folder, ignored)) refuse_model(value, from, folder);
    from = folder;
  }

  // An unknown word, or a path of which a part is right; with the nearest name that there is instead.
  void refuse_model(const ValueReader& value, std::string from, std::string path) const {
    for (std::string* text : {&from, &path})
      while (text->size() > 1 && text->ends_with('/')) text->pop_back();
    const std::string mend =
        concat("write one of ", joined(architectures()),
               ", or the path of a model's folder (with config.json and weights; nothing is downloaded)");
    std::error_code ignored;
    if (fs::exists(path, ignored))
      value.refuse("is a file, no model's folder",
                   path.ends_with(".safetensors")
                       ? "give the folder that it is in; weights alone go to model.init"
                       : mend);
    const fs::path parent = fs::path(path).parent_path(), written = fs::path(from).parent_path();
    const bool is_word = written.empty();
    if (!fs::is_directory(parent, ignored))
      value.refuse(concat("is no folder: there is no ", parent.string(), " either"), mend);
    std::vector<std::string> known = is_word ? architectures() : std::vector<std::string>{};
    for (const auto& entry : fs::directory_iterator(parent, ignored))
      if (entry.is_directory(ignored)) known.push_back((written / entry.path().filename()).string());
    std::sort(known.begin(), known.end());
    const std::string nearest = nearest_name(from, known);
    value.refuse(is_word ? "is an unknown architecture, and there is no such folder"
                         : "is no folder: there is no " + path,
                 (nearest.empty() ? "" : "did you mean " + in_quotes(nearest) + "? ") + mend);
  }

  void check_strategy_names() const {
    const toml::array* names = root_["compare"]["strategies"].as_array();
    for (std::size_t i = 0; names != nullptr && i < names->size(); ++i)
      placed(*names->get(i), [&] { return find_strategy(config_.compare.strategies[i]).name; });
  }

  void read_strategy(const toml::table& table) {
    StrategyRequest& request = config_.strategy;
    if (const toml::node* name = table.get("name")) {
      request.name =
          parsed(*name, "strategy.name", [](const std::string& text) { return find_strategy(text), text; });
    }
    const StrategySpec& spec = find_strategy(request.name);
    std::vector<OptionSpec> specs = spec.options;
    specs.insert(specs.end(), common_options().begin(), common_options().end());
    std::vector<std::string> known = {"name", "phase"};
    for (const OptionSpec& option : specs) known.push_back(option.name);
    for (const auto& [key, node] : table) {
      const std::string name(key.str());
      if (name == "name") continue;
      const auto found = std::find(known.begin(), known.end(), name);
      if (found == known.end()) refuse_unknown("strategy." + name, key, known);
      if (name == "phase")
        read_phases(node);
      else
        request.options[name] =
            read_option(node, "strategy." + name,
                        specs[static_cast<std::size_t>(found - known.begin()) - 2].default_value);
    }
  }

  OptionValue read_option(const toml::node& node, const std::string& key, OptionValue value) const {
    std::visit([&](auto& to) { reader(node, key).read(to); }, value);
    return value;
  }

  void read_phases(const toml::node& node) {
    const toml::array* tables = node.as_array();
    if (tables == nullptr)
      reader(node, "strategy.phase").refuse("is no list of tables", "write [[strategy.phase]]");
    if (config_.strategy.name != "plan" && root_["strategy"]["name"].value<std::string>() != "plan")
      reader(node, "strategy.phase")
          .refuse("belongs to the strategy \"plan\"", "set strategy.name = \"plan\"");
    for (const toml::node& item : *tables) {
      const std::string key = concat("strategy.phase[", config_.strategy.phases.size(), "]");
      if (!item.is_table()) reader(item, key).refuse("is not a table", "write [[strategy.phase]]");
      config_.strategy.phases.push_back(read_phase(*item.as_table(), key));
    }
  }

  Phase read_phase(const toml::table& table, const std::string& where) const {
    static const std::vector<std::string> known = {"at",       "train",       "lr_mult",       "state",
                                                   "rewarmup", "frozen_norm", "frozen_dropout"};
    Phase phase;
    for (const auto& [key, node] : table) {
      const std::string name(key.str());
      const std::string dotted = concat(where, ".", name);
      if (name == "at")
        phase.at = parsed(node, dotted, parse_phase_start);
      else if (name == "train")
        reader(node, dotted).read(phase.train);
      else if (name == "lr_mult")
        phase.lr_mult = read_multipliers(node, dotted);
      else if (name == "state")
        phase.state = parsed(node, dotted, parse_state_policy);
      else if (name == "rewarmup")
        read_rewarmup(node, dotted, phase.rewarmup);
      else if (name == "frozen_norm")
        phase.frozen_norm = parsed(node, dotted, parse_frozen_norm);
      else if (name == "frozen_dropout")
        phase.frozen_dropout = parsed(node, dotted, parse_frozen_dropout);
      else
        refuse_unknown(dotted, key, known);
    }
    return phase;
  }

  void read_rewarmup(const toml::node& node, const std::string& key, std::optional<std::int64_t>& to) const {
    Rule rule;
    rule.least = 0;
    reader(node, key, rule).read(to);
  }

  std::map<std::string, double> read_multipliers(const toml::node& node, const std::string& key) const {
    if (!node.is_table())
      reader(node, key).refuse("is not a table", "write { \"head\" = 1.0, \"layers.0\" = 0.1 }");
    Rule rule;
    rule.least = 0;
    std::map<std::string, double> multipliers;
    for (const auto& [selector, value] : *node.as_table())
      reader(value, concat(key, ".", in_quotes(selector.str())), rule)
          .read(multipliers[std::string(selector.str())]);
    return multipliers;
  }

  const toml::table& root_;
  Config config_;
};

// Their path where a config is wanted.
void refuse_data(const std::string& path) {
  for (const char* ending : {".csv", ".tsv", ".jsonl", ".gz"})
    if (lower_ascii(path).ends_with(ending))
      fail_input("a file of data is no config (", path, "); write a TOML file with [data] and train = ",
                 in_quotes(fs::path(path).filename().string()), ", and give that");
}

// Gives `cell` one value of each axis, which it takes.
void give_values(toml::table& cell, std::vector<std::vector<AxisValue>>& axes,
                 const std::vector<std::size_t>& place) {
  std::vector<AxisValue*> chosen;
  for (std::size_t axis = 0; axis < axes.size(); ++axis) chosen.push_back(&axes[axis][place[axis]]);
  for (AxisValue* value : chosen) give(cell, std::move(value->changes));
  for (AxisValue* value : chosen)
    for (const AxisValue* other : chosen)
      if (toml::table* changes = value->when[other->name].as_table()) give(cell, std::move(*changes));
}

}  // namespace

Study load_study(const std::string& path, const std::vector<std::string>& overrides) {
  refuse_data(path);
  const std::string text = read_file(path, kMaxConfigBytes);
  Study study;
  std::vector<std::size_t> place;
  for (;;) {
    // Each cell is parsed anew: copies of toml++'s values forget their lines, which messages name.
    toml::table cell = parse_toml(text, path);
    study.axes.clear();
    std::vector<std::vector<AxisValue>> axes = take_axes(cell, path, study.axes);
    place.resize(axes.size());
    std::size_t cells = 1;
    for (const StudyAxis& axis : study.axes) cells = std::min(cells * axis.values.size(), kMostCells + 1);
    if (cells > kMostCells)
      fail_input("the study has more than ", kMostCells, " cells (", path, "); give its axes fewer values");
    give_values(cell, axes, place);
    toml::table given = parse_overrides(overrides);
    drop_options_of_another(cell, given);
    std::vector<std::string> notes = notes_of_levelled(study.axes, axes, given);
    for (std::string& note : give(cell, std::move(given))) notes.push_back(std::move(note));
    study.cells.push_back({place, ConfigReader(path, cell).read()});
    study.cells.back().config.notes = notes;
    // The last axis runs fastest.
    std::size_t axis = place.size();
    while (axis > 0 && ++place[axis - 1] == axes[axis - 1].size()) place[--axis] = 0;
    if (axis == 0) return study;
  }
}

Config load_config(const std::string& path, const std::vector<std::string>& overrides) {
  Study study = load_study(path, overrides);
  Config config = std::move(study.cells[0].config);
  if (study.cells.size() > 1)
    config.notes.push_back(concat("the config is a study of ", study.cells.size(),
                                  " cells; this is the first: each axis has its first value"));
  return config;
}

}  // namespace thaw
