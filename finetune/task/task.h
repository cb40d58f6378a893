// What is asked of a model: how targets are read, the loss, the metrics, what is said of an output. One
// object per task; everything that depends on the task asks it. To add one: a file with a class like
// classification's, and its line in tasks().
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/tensor.h"
#include "finetune/data/batch.h"
#include "finetune/data/dataset.h"
#include "finetune/data/readers/readers.h"
#include "finetune/task/metrics.h"

namespace thaw {

class Task;
const Task& classification();  // finetune/task/classification.h

// The loss as the training section has it, for the classes of the training samples.
struct LossOptions {
  const Task* task = &classification();
  double label_smoothing = 0;
  Tensor class_weight = {};                  // [classes], see class_weight.h; undefined: all count the same
  std::vector<double> weight_of_class = {};  // the same
  double mean_weight = 1;                    // of the update's samples by these weights
};

// What is said of one output, by name.
using FieldValue = std::variant<double, std::string, std::vector<double>, std::vector<std::string>>;
using Fields = std::vector<std::pair<std::string, FieldValue>>;

class Task {
 public:
  virtual ~Task() = default;

  virtual const char* name() const = 0;  // in data.task and preprocess.json

  // ---- targets

  virtual Targets targets() const = 0;  // what the label's column is read as
  bool has_classes() const { return targets() == Targets::classes; }

  // How many numbers a model gives for a sample.
  virtual std::int64_t outputs(const Dataset& train) const = 0;

  // What is odd in the training samples. Of the questions the user hears once more at the end of a run.
  struct Notes {
    std::vector<std::string> notes, questions;
  };
  // `named_classes`: data.classes has some. InputError where nothing can be learnt; `path` is for messages.
  virtual Notes look_at(const Dataset& train, const std::string& path, bool named_classes) const = 0;
  // Which samples, of any part, neither train nor count in the loss, in words; empty: none. `path` is for messages.
  virtual std::string unusable(const Dataset&, const std::string& /*path*/) const { return {}; }

  // ---- training

  // The mean over the batch of output [B, outputs()], of sequences [N, outputs()] with the samples' places one after
  // another; of a model that writes the mean over all tokens.
  virtual Tensor loss(const Tensor& output, const Batch& batch, const LossOptions& options) const = 0;
  // Such a loss as people read it: of targets in their own unit, which loss() has in that of the data's target_scale.
  virtual double loss_in_own_unit(double loss, const Dataset&) const { return loss; }

  // ---- metrics

  // In the order in which they are reported; the first is "loss", what loss() is without its options.
  virtual const std::vector<MetricSpec>& metrics() const = 0;
  virtual const char* main_metric() const = 0;                 // compare.metric where the config names none
  virtual std::vector<std::string> shown_metrics() const = 0;  // in the rows of `thaw train`

  // InputError that lists the names where the task has no such metric.
  virtual const MetricSpec& metric(const std::string& name) const;
  std::vector<std::string> metric_names(const std::string& prefix = "") const;

  // ---- baselines

  // The best outputs that look at no sample, and what they are in words.
  virtual std::vector<float> constant_output(const Dataset& train) const = 0;
  virtual const char* about_constant() const = 0;

  // A linear model's: targets as its loss takes them, and the mean loss of y [N, outputs] in f64, weighted
  // where `class_weight` is defined (then the sum is divided by N). Asked only where has_probe().
  virtual bool has_probe() const { return true; }
  virtual Tensor probe_targets(const Dataset& data) const;
  virtual Tensor probe_loss(const Tensor& y, const Tensor& targets, const Tensor& class_weight) const;
  virtual std::string about_probe(bool weighted) const;

  // ---- results

  // Of one sample's outputs, `classes` being their names where they are classes'. `flat`: without lists, for a row of a
  // table.
  virtual Fields prediction(const Outputs& outputs, std::int64_t sample,
                            const std::vector<std::string>& classes, bool flat) const = 0;
};

// All of them, in the order in which messages name them.
const std::vector<const Task*>& tasks();
std::vector<std::string> task_names();

// Null where none is called so.
const Task* task_named(const std::string& name);
// InputError for another name.
const Task& find_task(const std::string& name);

}  // namespace thaw
