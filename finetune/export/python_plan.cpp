#include "finetune/export/python_plan.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "core/error.h"
#include "finetune/export/python.h"

namespace thaw {
namespace {

struct Entry {
  std::string name;  // "layer.1", "layer.1:bias", or a parameter's
  double multiplier = 1;
};

// What stands behind a group's name, and the parameters of the group that are meant: as names_in() of freezing.py has it.
struct Kind {
  const char* ending;
  bool (*has)(const Parameter& parameter);
};
constexpr Kind kKinds[] = {
    {"", [](const Parameter&) { return true; }},
    {":bias", [](const Parameter& parameter) { return parameter.is_bias; }},
    {":norm", [](const Parameter& parameter) { return parameter.kind == ParameterKind::norm; }},
    {":lora", [](const Parameter& parameter) { return parameter.kind == ParameterKind::lora; }},
};

using Indices = std::vector<std::size_t>;

// The selected parameters of a group: as one kind of them where they have one multiplier, else one by one.
void add_entries(const Model& model, int group, const std::vector<bool>& selected,
                 const std::vector<double>& multipliers, std::vector<Entry>& entries) {
  const std::vector<ParameterPtr> parameters = model.parameters();
  Indices wanted;
  for (std::size_t i = 0; i < parameters.size(); ++i)
    if (parameters[i]->group == group && selected[i]) wanted.push_back(i);
  if (wanted.empty()) return;
  const bool are_alike = std::all_of(wanted.begin(), wanted.end(), [&](std::size_t i) {
    return multipliers[i] == multipliers[wanted.front()];
  });
  for (const Kind& kind : kKinds) {
    Indices of_kind;
    for (std::size_t i = 0; i < parameters.size(); ++i)
      if (parameters[i]->group == group && kind.has(*parameters[i])) of_kind.push_back(i);
    if (!are_alike || of_kind != wanted) continue;
    entries.push_back(
        {model.groups()[static_cast<std::size_t>(group)].name + kind.ending, multipliers[wanted.front()]});
    return;
  }
  for (const std::size_t i : wanted)
    entries.push_back({name_in_script(model, parameters[i]->name), multipliers[i]});
}

std::vector<Entry> entries_of(const Model& model, const std::vector<bool>& selected,
                              const std::vector<double>& multipliers) {
  std::vector<Entry> entries;
  for (int group = 0; group <= model.head(); ++group)
    add_entries(model, group, selected, multipliers, entries);
  return entries;
}

std::string python_phase(const Model& model, const ResolvedPhase& phase, std::int64_t first) {
  std::vector<std::pair<std::string, std::string>> train;
  for (const Entry& entry : entries_of(model, phase.trainable, phase.lr_mult))
    train.emplace_back(entry.name, py_number(entry.multiplier));
  std::string more;
  if (phase.state == StatePolicy::drop) more += R"(, state="drop")";
  if (phase.frozen_norm == FrozenNorm::batch) more += R"(, frozen_norm="batch")";
  if (phase.frozen_dropout == FrozenDropout::off) more += R"(, frozen_dropout="off")";
  if (phase.rewarmup > 0) more += concat(", rewarmup=", phase.rewarmup);
  const std::string start = concat("    Phase(first=", first, ", train=");
  return start + py_dict(train, start.size() + more.size() + 2, 4) + more + "),\n";
}

// A group's module as the script's network calls it; modules without parameters have one name everywhere.
std::string module_in_script(const Model& model, const std::string& path) {
  for (const ParameterPtr& parameter : model.parameters()) {
    if (!parameter->name.starts_with(path + ".")) continue;
    const std::string name = model.name_in_peft(parameter->name),
                      within = parameter->name.substr(path.size());
    if (name.ends_with(within)) return name.substr(0, name.size() - within.size());
  }
  return path;
}

}  // namespace

std::string name_in_script(const Model& model, const std::string& name) {
  std::string in_script = model.name_in_peft(name);
  const std::size_t adapter = in_script.find(".lora_");
  if (adapter != std::string::npos) in_script.insert(in_script.rfind('.'), ".default");
  return in_script;
}

std::string python_groups(const Model& model) {
  std::string text = "GROUPS = {\n";
  for (const Group& group : model.groups()) {
    std::vector<std::string> modules;
    for (const std::string& prefix : group.prefixes) modules.push_back(module_in_script(model, prefix));
    text += concat("    ", py_text(group.name), ": ", py_texts(modules), ",\n");
  }
  return text + "}\n";
}

std::string python_phases(const Model& model, const ResolvedPlan& plan) {
  std::string text = "PLAN = [\n";
  for (const Segment& segment : plan.segments())
    text += python_phase(model, plan.phases()[static_cast<std::size_t>(segment.phase)], segment.begin + 1);
  return text + "]\n";
}

std::string python_selection(const Model& model, const std::vector<bool>& selected) {
  const std::string start = "NO_DECAY = ";
  std::vector<std::string> names;
  for (const Entry& entry : entries_of(model, selected, std::vector<double>(selected.size(), 1)))
    names.push_back(entry.name);
  return start + py_texts(names, start.size());
}

}  // namespace thaw
