#include "finetune/compare/study.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "finetune/common/clock.h"
#include "finetune/common/text.h"
#include "finetune/config/chosen_metrics.h"
#include "finetune/config/config_text.h"
#include "finetune/model/model_folder.h"
#include "finetune/report/prediction.h"
#include "finetune/report/study_files.h"
#include "finetune/run/run_folder.h"
#include "finetune/run/test_evaluations.h"
#include "finetune/task/evaluate.h"
#include "finetune/task/metric_bounds.h"
#include "finetune/train/trainer.h"
#include "nn/io/files.h"
#include "nn/io/sha256.h"

namespace thaw {
namespace {

constexpr std::string_view kBegun = "# begun ";

std::string folder_of(const StudyCell& cell, const std::vector<StudyAxis>& axes) {
  std::string name;
  for (std::size_t axis = 0; axis < axes.size(); ++axis)
    name += (axis > 0 ? "." : "") + axes[axis].values[cell.values[axis]];
  return name;
}

std::string hash_of_predictions(const Study& study) {
  std::string all;
  for (const StudyCell& cell : study.cells) try {
      if (const auto prediction = make_prediction(cell.config.compare))
        all += folder_of(cell, study.axes) + ' ' + prediction->sha256 + '\n';
    } catch (const InputError& error) {
      throw InputError(concat("in the cell ", folder_of(cell, study.axes), ": ", error.what()));
    }
  return all.empty() ? all : sha256_hex(all);
}

// With every run ended well: what is left of others would be a choice.
const StrategySummary* find_whole(const CompareOutcome& outcome, const std::string& strategy) {
  for (const StrategySummary& summary : outcome.summaries)
    if (summary.strategy == strategy && summary.runs > 0 && summary.failed == 0) return &summary;
  return nullptr;
}

// The metric of these strategies in a cell, averaged; nothing where one of them has none.
std::optional<double> mean_metric(const CompareOutcome& outcome, const std::vector<std::string>& strategies) {
  std::vector<double> values;
  for (const std::string& strategy : strategies) {
    const StrategySummary* summary = find_whole(outcome, strategy);
    if (summary == nullptr) return std::nullopt;
    values.push_back(summary->value.mean);
  }
  return values.empty() ? std::nullopt : std::optional(mean(values));
}

std::vector<std::string> without(std::vector<std::string> names, const std::vector<std::string>& others) {
  std::erase_if(names, [&](const std::string& name) {
    return std::find(others.begin(), others.end(), name) != others.end();
  });
  return names;
}

// Cells that agree in the values of the random axes stand and fall together: a unit. Where no axis is random,
// each cell is one.
class Units {
 public:
  Units(const std::vector<StudyAxis>& axes, const std::string& metric)
      : axes_(axes), bounds_(difference_bounds(metric)) {}

  void add(const CellResult& cell, double value) {
    std::vector<std::size_t> key;
    for (std::size_t axis = 0; axis < axes_.size(); ++axis)
      if (axes_[axis].random) key.push_back(cell.values[axis]);
    if (key.empty()) key = cell.values;
    values_[key].push_back(value);
  }

  std::optional<StudyMean> result() const {
    if (values_.empty()) return std::nullopt;
    std::vector<double> means;
    for (const auto& [key, values] : values_) means.push_back(mean(values));
    // Conditions that were chosen are no sample: without a random axis there is a mean and no interval.
    if (!has_random_axis()) return StudyMean{{mean(means), mean(means), mean(means)}, 0};
    return StudyMean{t_interval(means, bounds_), static_cast<std::int64_t>(means.size())};
  }

 private:
  bool has_random_axis() const {
    return std::any_of(axes_.begin(), axes_.end(), [](const StudyAxis& axis) { return axis.random; });
  }

  const std::vector<StudyAxis>& axes_;
  Bounds bounds_;
  std::map<std::vector<std::size_t>, std::vector<double>> values_;
};

class StudyRun {
 public:
  explicit StudyRun(const StudyRequest& request) : request_(request), study_(request.study) {}

  StudyOutcome run() {
    outcome_.name = study_.cells[0].config.name;
    outcome_.axes = study_.axes;
    outcome_.prediction_sha256 = hash_of_predictions(study_);
    check_cells();
    const RunFolder folder(request_.compare.out, request_.compare.resume, RunFolder::Content::study);
    if (request_.compare.resume && folder.was_empty()) say(nothing_to_resume(request_.compare.out));
    check_same_study();
    if (!outcome_.prediction_sha256.empty()) tell_predictions();
    for (const StudyCell& cell : study_.cells)
      if (!stop_requested(request_.compare.stop)) run_cell(cell);
    outcome_.interrupted = stop_requested(request_.compare.stop);
    if (!outcome_.interrupted) conclude();
    write_study(request_.compare.out, outcome_);
    return std::move(outcome_);
  }

 private:
  void say(const std::string& text) {
    outcome_.notes.push_back(text);
    if (request_.compare.message) request_.compare.message(text);
  }

  // Once for the cells of a row that predict the same.
  void tell_predictions() {
    std::set<std::string> told;
    for (const StudyCell& cell : study_.cells) {
      const auto prediction = make_prediction(cell.config.compare);
      if (!prediction) continue;
      const std::string text =
          concat(study_.axes[0].values[cell.values[0]], ": predicted ", describe(*prediction));
      if (told.insert(text).second) say(text);
    }
    say(concat("predictions of ", study_.cells.size(), " cells: sha256 ", outcome_.prediction_sha256));
  }

  // Cells are compared strategy by strategy: they must have the same ones.
  void check_cells() const {
    const auto& first = study_.cells[0].config.compare.strategies;
    for (const StudyCell& cell : study_.cells)
      if (cell.config.compare.strategies != first)
        fail_input("the cells of a study compare the same strategies, but ", folder_of(cell, study_.axes),
                   " has others (compare.strategies of ", cell.config.path, "); set them outside the axes");
    for (const StudyCell& cell : study_.cells)
      if (&compared_metric(cell.config) != &compared_metric(study_.cells[0].config))
        fail_input("the cells of a study have one metric, but ", folder_of(cell, study_.axes),
                   " has another task or metric than ", folder_of(study_.cells[0], study_.axes),
                   " (data.task or compare.metric of ", cell.config.path, "); set it outside the axes");
    std::map<std::size_t, const StudyCell*> first_of_row;
    for (const StudyCell& cell : study_.cells) {
      const StudyCell& other = *first_of_row.emplace(cell.values[0], &cell).first->second;
      if (other.config.compare.predict != cell.config.compare.predict)
        fail_input("the cells of a row predict the same, but ", folder_of(other, study_.axes), " and ",
                   folder_of(cell, study_.axes), " differ (compare.predict of ", cell.config.path,
                   "); set it in the first axis");
    }
    for (const StudyCell& cell : study_.cells) check_files(cell.config);
  }

  // What a cell reads is there: not found out only when hours have passed.
  static void check_files(const Config& config) {
    if (is_model_folder(config.model.from)) read_model_folder(config.model.from);
    for (const std::string& file : {config.data.train, config.data.validation, config.data.test})
      if (!file.empty() && !file.starts_with("builtin:") && !std::filesystem::exists(file))
        fail_input("there is no file ", file, " (", config.path, "); check the path");
  }

  // Every cell as it was begun but for strategies, those too that have no folder yet: what is predicted of
  // them was hashed then. The first line says when the study was begun: the evaluations of its cells on the test
  // data since then are its own in every session.
  void check_same_study() {
    std::string now;
    for (const StudyCell& cell : study_.cells)
      now += "# cell " + folder_of(cell, study_.axes) + "\n" + to_toml(cell.config);
    const std::string file = request_.compare.out + "/cells.txt";
    if (std::filesystem::exists(file)) {
      std::string then = read_file(file, std::int64_t{1} << 30);
      if (then.starts_with(kBegun)) {
        began_ = then.substr(kBegun.size(), then.find('\n') - kBegun.size());
        then.erase(0, then.find('\n') + 1);
      }
      check_same_comparison(then, now, file);
      if (then == now) return;
      // Once a cell has taken it: one that refuses leaves what was there.
      write_cells_ = [this, file, now] { atomic_write(file, concat(kBegun, began_, '\n', now)); };
    } else {
      atomic_write(file, concat(kBegun, began_, '\n', now));
    }
  }

  void run_cell(const StudyCell& cell) {
    CellResult result{cell.values, folder_of(cell, study_.axes), {}};
    CompareRequest request = request_.compare;
    request.config = cell.config;
    request.out = request_.compare.out + "/" + result.folder;
    request.registered_as = request_.compare.out;
    request.began = began_;
    request.is_cell = true;
    request.opened = std::exchange(write_cells_, nullptr);
    request.resume =
        true;  // whether the study goes on is its own folder's matter; other workers may have begun the cell
    request.message = [&](const std::string& text) {
      // Of every cell anew: once is enough.
      if (said_.insert(text).second && request_.compare.message)
        request_.compare.message(result.folder + ": " + text);
    };
    request.progress = [&](const CompareProgress& now) {
      const auto cells = static_cast<std::int64_t>(study_.cells.size());
      if (request_.compare.progress)
        request_.compare.progress({cells_done_ * now.total + now.done, cells * now.total,
                                   result.folder + " " + now.what, time_left(now.seconds_left)});
    };
    const auto start = Clock::now();
    try {
      result.outcome = compare(request);
    } catch (const InputError& error) {
      throw InputError(concat("in the cell ", result.folder, ": ", error.what()));
    }
    ++cells_done_;
    seconds_of_cells_ += seconds_since(start);
    outcome_.metric = result.outcome.metric;
    outcome_.cells.push_back(std::move(result));
  }

  // With a cell that has so much to do: the others as long as those before took. Not known in the first.
  std::optional<double> time_left(std::optional<double> of_cell) const {
    if (!of_cell || cells_done_ == 0) return std::nullopt;
    const auto done = static_cast<double>(cells_done_);
    const double others = static_cast<double>(study_.cells.size()) - done - 1;
    return *of_cell + others * seconds_of_cells_ / done;
  }

  void conclude() {
    name_strategies();
    for (std::size_t row = 0; row < study_.axes[0].values.size(); ++row)
      outcome_.rows.push_back(make_row(row));
    outcome_.contrast = mean_contrast(std::nullopt);
    outcome_.unjudged =
        std::count_if(outcome_.cells.begin(), outcome_.cells.end(),
                      [&](const CellResult& cell) { return cell.outcome.prediction && !contrast_of(cell); });
  }

  // Over the cells of a row, or all, that predict. Nothing where one of them cannot be judged: what is left
  // would be cells that nobody chose.
  std::optional<StudyMean> mean_contrast(std::optional<std::size_t> row) const {
    Units units(study_.axes, outcome_.metric);
    for (const CellResult& cell : outcome_.cells) {
      if ((row && cell.values[0] != *row) || !cell.outcome.prediction) continue;
      const auto contrast = contrast_of(cell);
      if (!contrast) return std::nullopt;
      units.add(cell, *contrast);
    }
    return units.result();
  }

  // In the order of the first cell; baselines last. Rivals are those that have their runs in every cell.
  void name_strategies() {
    for (const bool baselines : {false, true})
      for (const StrategySummary& summary : outcome_.cells[0].outcome.summaries)
        if (summary.is_baseline == baselines) outcome_.strategies.push_back(summary.strategy);
    for (const std::string& name : without(study_.cells[0].config.compare.strategies, {"full"})) {
      const bool whole =
          std::all_of(outcome_.cells.begin(), outcome_.cells.end(),
                      [&](const CellResult& cell) { return find_whole(cell.outcome, name) != nullptr; });
      if (whole)
        outcome_.rivals.push_back(name);
      else
        say(name + " has not all of its runs in every cell: the map of the strategies leaves it out");
    }
  }

  StudyRow make_row(std::size_t row) const {
    StudyRow result;
    result.value = study_.axes[0].values[row];
    for (const CellResult& cell : outcome_.cells)
      if (cell.values[0] == row) result.prediction = cell.outcome.prediction;
    if (result.prediction) result.prediction->contrast.reset();  // of one cell alone
    result.contrast = mean_contrast(row);
    for (const std::string& strategy : outcome_.strategies) add_strategy(strategy, row, result);
    return result;
  }

  void add_strategy(const std::string& strategy, std::size_t row, StudyRow& result) const {
    std::vector<double> values;
    Units beside(study_.axes, outcome_.metric);
    for (const CellResult& cell : outcome_.cells) {
      if (cell.values[0] != row) continue;
      const auto value = mean_metric(cell.outcome, {strategy});
      if (!value) {  // the mean of the cells that are left would be of cells that nobody chose
        result.metric.emplace_back();
        result.beside_the_others.emplace_back();
        return;
      }
      values.push_back(*value);
      const auto others = mean_metric(cell.outcome, without(outcome_.rivals, {strategy}));
      if (others) beside.add(cell, sign() * (*value - *others));
    }
    result.metric.emplace_back(mean(values));
    result.beside_the_others.push_back(beside.result());
  }

  // Of the strategies that were predicted to win in this cell, which predicts, less that of their rivals.
  std::optional<double> contrast_of(const CellResult& cell) const {
    const Prediction& prediction = *cell.outcome.prediction;
    const auto best = mean_metric(cell.outcome, prediction.best);
    const auto others = mean_metric(cell.outcome, rivals_of(prediction));
    if (!best || !others) return std::nullopt;
    return sign() * (*best - *others);
  }

  double sign() const { return higher_is_better(outcome_.metric) ? 1 : -1; }

  const StudyRequest& request_;
  const Study& study_;
  StudyOutcome outcome_;
  std::string began_ = now_utc();
  std::function<void()> write_cells_;
  std::set<std::string> said_;
  std::int64_t cells_done_ = 0;
  double seconds_of_cells_ = 0;
};

}  // namespace

StudyOutcome run_study(const StudyRequest& request) { return StudyRun(request).run(); }

}  // namespace thaw
