#include "finetune/task/task.h"

#include "core/error.h"
#include "finetune/common/nearest.h"
#include "finetune/common/text.h"
#include "finetune/task/classification.h"
#include "finetune/task/regression.h"
#include "finetune/task/transcription.h"

namespace thaw {

const std::vector<const Task*>& tasks() {
  static const std::vector<const Task*> list = {&classification(), &regression(), &transcription()};
  return list;
}

std::vector<std::string> task_names() {
  std::vector<std::string> names;
  for (const Task* task : tasks()) names.emplace_back(task->name());
  return names;
}

const Task* task_named(const std::string& name) {
  for (const Task* task : tasks())
    if (name == task->name()) return task;
  return nullptr;
}

const Task& find_task(const std::string& name) {
  if (const Task* task = task_named(name)) return *task;
  fail_input("no task is called ", in_quotes(name), did_you_mean(name, task_names()), "; write one of ",
             joined(task_names()));
}

const MetricSpec& Task::metric(const std::string& name) const {
  for (const MetricSpec& spec : metrics())
    if (name == spec.name) return spec;
  fail_input("no metric of ", this->name(), " is called ", in_quotes(name),
             did_you_mean(name, metric_names()), "; write one of ", joined(metric_names()));
}

Tensor Task::probe_targets(const Dataset&) const { fail(name(), " has no linear probe"); }
Tensor Task::probe_loss(const Tensor&, const Tensor&, const Tensor&) const {
  fail(name(), " has no linear probe");
}
std::string Task::about_probe(bool) const { return ""; }

std::vector<std::string> Task::metric_names(const std::string& prefix) const {
  std::vector<std::string> names;
  for (const MetricSpec& spec : metrics()) names.push_back(prefix + spec.name);
  return names;
}

}  // namespace thaw
