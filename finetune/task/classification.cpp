#include "finetune/task/classification.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/ops.h"
#include "finetune/common/text.h"
#include "finetune/data/pictures.h"
#include "finetune/data/sounds.h"
#include "finetune/task/classification_metrics.h"

namespace thaw {
namespace {

// Classes that are numbers, and so many that hardly one has samples enough: most likely no classes.
bool looks_like_numbers(const Dataset& data) {
  const auto is_number = [](const std::string& name) { return parse_number(name).has_value(); };
  const auto classes = static_cast<std::int64_t>(data.classes.size());
  return classes > 20 && classes * 5 > data.size() &&
         std::all_of(data.classes.begin(), data.classes.end(), is_number);
}

std::vector<double> softmax_of(const std::vector<double>& logits) {
  const double most = *std::max_element(logits.begin(), logits.end());
  std::vector<double> probabilities;
  double sum = 0;
  for (const double logit : logits) sum += probabilities.emplace_back(std::exp(logit - most));
  for (double& p : probabilities) p /= sum;
  return probabilities;
}

class Classification final : public Task {
 public:
  const char* name() const override { return "classification"; }
  Targets targets() const override { return Targets::classes; }
  std::int64_t outputs(const Dataset& train) const override {
    return static_cast<std::int64_t>(train.classes.size());
  }

  Notes look_at(const Dataset& train, const std::string& path, bool named_classes) const override {
    if (train.classes.size() < 2) {
      const bool are_numbers = !train.classes.empty() && parse_number(train.classes[0]).has_value();
      const bool are_files = find_pictures(train) != nullptr || find_sounds(train) != nullptr;
      fail_input("the labels have ", train.classes.size(), " class, ", name_list(train.classes), " (", path,
                 "); classification needs two: add samples",
                 named_classes               ? ", or name more in data.classes"
                 : !are_files && are_numbers ? ", or set data.task = \"regression\""
                 : are_numbers               ? " (labels that are equal numbers, as 1 and 01, are one)"
                                             : "");
    }
    if (!looks_like_numbers(train)) return {};
    return {{},
            {concat("warning: the labels are ", train.classes.size(), " different numbers in ", train.size(),
                    " samples; to predict a number set data.task = \"regression\"")}};
  }

  Tensor loss(const Tensor& output, const Batch& batch, const LossOptions& options) const override {
    CrossEntropyOptions how;
    how.label_smoothing = options.label_smoothing;
    if (!options.class_weight.defined()) return cross_entropy(output, batch.target, how);
    how.weight = options.class_weight;
    how.reduction = Reduction::sum;
    const double weight = options.mean_weight * static_cast<double>(batch.size());
    return cross_entropy(output, batch.target, how) * (weight > 0 ? 1 / weight : 0);
  }

  const std::vector<MetricSpec>& metrics() const override {
    constexpr bool kHigher = true, kRelative = true;
    // name, words, higher is better, relative margin, least, most, range of scores, needs, function
    static const std::vector<MetricSpec> list = {
        {"loss", "loss", !kHigher, kRelative, 0, INFINITY, 0, Requires::nothing, log_loss},
        {"accuracy", "accuracy", kHigher, !kRelative, 0, 1, 1, Requires::nothing, accuracy},
        {"macro_f1", "macro F1", kHigher, !kRelative, 0, 1, 0, Requires::nothing, macro_f1},
        {"balanced_accuracy", "balanced accuracy", kHigher, !kRelative, 0, 1, 0, Requires::nothing,
         balanced_accuracy},
        {"auc", "AUC", kHigher, !kRelative, 0, 1, 0, Requires::two_classes, roc_auc},
        {"calibration_error", "calibration error", !kHigher, !kRelative, 0, 1, 0, Requires::nothing,
         calibration_error},
    };
    return list;
  }
  const char* main_metric() const override { return "accuracy"; }
  std::vector<std::string> shown_metrics() const override { return {"loss", "accuracy", "macro_f1"}; }

  // "log_loss" is the loss.
  const MetricSpec& metric(const std::string& name) const override {
    return Task::metric(name == "log_loss" ? "loss" : name);
  }

  // Every class as likely as it is among the training samples, an unseen one half as likely as one seen once.
  std::vector<float> constant_output(const Dataset& train) const override {
    std::vector<float> row;
    for (const std::int64_t count : train.class_counts())
      row.push_back(std::log(std::max(static_cast<float>(count), 0.5F)));
    return row;
  }
  const char* about_constant() const override { return "the most frequent class of the training samples"; }

  Tensor probe_targets(const Dataset& data) const override {
    return from_data(data.labels().data(), {data.size()});
  }
  Tensor probe_loss(const Tensor& y, const Tensor& targets, const Tensor& class_weight) const override {
    if (!class_weight.defined()) return cross_entropy(y, targets);
    return cross_entropy(y, targets, {.weight = class_weight, .reduction = Reduction::sum}) *
           (1 / static_cast<double>(y.size(0)));
  }
  std::string about_probe(bool weighted) const override {
    return weighted ? "logistic regression with the class weights" : "logistic regression";
  }

  Fields prediction(const Outputs& all, std::int64_t sample, const std::vector<std::string>& classes,
                    bool flat) const override {
    const std::vector<double> outputs(all.row(sample), all.row(sample + 1));
    const std::vector<double> probabilities = softmax_of(outputs);
    const auto best =
        static_cast<std::size_t>(std::max_element(outputs.begin(), outputs.end()) - outputs.begin());
    if (!flat)
      return {{"label", classes[best]},
              {"logits", outputs},
              {"probabilities", probabilities},
              {"classes", classes}};
    Fields fields = {{"label", classes[best]}, {"probability", probabilities[best]}};
    for (std::size_t i = 0; i < classes.size(); ++i) fields.emplace_back("p_" + classes[i], probabilities[i]);
    return fields;
  }
};

}  // namespace

const Task& classification() {
  static const Classification task;
  return task;
}

}  // namespace thaw
