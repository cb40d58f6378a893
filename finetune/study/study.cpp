#include "finetune/study/study.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <numeric>
#include <set>

#include "core/error.h"
#include "finetune/compare/prediction.h"
#include "finetune/data/text.h"
#include "finetune/run_folder.h"
#include "finetune/study/output.h"
#include "finetune/trainer.h"
#include "nn/files.h"

namespace thaw {
namespace {

std::string folder_of(const StudyCell& cell, const std::vector<StudyAxis>& axes) {
  std::string name;
  for (std::size_t axis = 0; axis < axes.size(); ++axis)
    name += (axis > 0 ? "." : "") + axes[axis].values[cell.values[axis]];
  return name;
}

std::string hash_of_predictions(const Study& study) {
  std::string all;
  for (const StudyCell& cell : study.cells)
    if (const auto prediction = make_prediction(cell.config.compare))
      all += folder_of(cell, study.axes) + ' ' + prediction->sha256 + '\n';
  return all.empty() ? all : sha256_hex(all);
}

const StrategySummary* find_summary(const CompareOutcome& outcome, const std::string& strategy) {
  for (const StrategySummary& summary : outcome.summaries)
    if (summary.strategy == strategy && summary.runs > summary.failed) return &summary;
  return nullptr;
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// The metric of these strategies in a cell, averaged; nothing where one of them has none.
std::optional<double> mean_metric(const CompareOutcome& outcome, const std::vector<std::string>& strategies) {
  std::vector<double> values;
  for (const std::string& strategy : strategies) {
    const StrategySummary* summary = find_summary(outcome, strategy);
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
  explicit Units(const std::vector<StudyAxis>& axes) : axes_(axes) {}

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
    return StudyMean{t_interval(means), static_cast<std::int64_t>(means.size())};
  }

 private:
  const std::vector<StudyAxis>& axes_;
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
    const RunFolder folder(request_.compare.out, request_.compare.resume);
    check_same_study();
    if (!outcome_.prediction_sha256.empty())
      say(concat("predictions of ", study_.cells.size(), " cells: sha256 ", outcome_.prediction_sha256));
    for (const StudyCell& cell : study_.cells)
      if (stop_signal == 0) run_cell(cell);
    outcome_.interrupted = stop_signal != 0;
    if (!outcome_.interrupted) conclude();
    write_study(request_.compare.out, outcome_);
    return std::move(outcome_);
  }

 private:
  void say(const std::string& text) {
    outcome_.notes.push_back(text);
    if (request_.compare.message) request_.compare.message(text);
  }

  // Cells are compared strategy by strategy: they must have the same ones.
  void check_cells() const {
    const auto& first = study_.cells[0].config.compare.strategies;
    for (const StudyCell& cell : study_.cells)
      if (cell.config.compare.strategies != first)
        fail_input("the cells of a study compare the same strategies, but ", folder_of(cell, study_.axes),
                   " has others (compare.strategies of ", cell.config.path, "); set them outside the axes");
  }

  // Every cell as it was begun but for strategies, those too that have no folder yet: what is predicted of
  // them was hashed then.
  void check_same_study() const {
    std::string now;
    for (const StudyCell& cell : study_.cells)
      now += "# cell " + folder_of(cell, study_.axes) + "\n" + to_toml(cell.config);
    const std::string file = request_.compare.out + "/cells.txt";
    if (std::filesystem::exists(file))
      check_same_config(read_file(file, std::int64_t{1} << 30), now, file, "strategies = ");
    atomic_write(file, now);
  }

  void run_cell(const StudyCell& cell) {
    CellResult result{cell.values, folder_of(cell, study_.axes), {}};
    CompareRequest request = request_.compare;
    request.config = cell.config;
    request.out = request_.compare.out + "/" + result.folder;
    request.looks_as = request_.compare.out;
    request.resume = request_.compare.resume && std::filesystem::exists(request.out);
    request.message = [&](const std::string& text) {
      // Of every cell anew: once is enough.
      if (said_.insert(text).second && request_.compare.message)
        request_.compare.message(result.folder + ": " + text);
    };
    request.progress = [&](std::int64_t done, std::int64_t total, const std::string& what) {
      const auto cells = static_cast<std::int64_t>(study_.cells.size());
      if (request_.compare.progress)
        request_.compare.progress(cells_done_ * total + done, cells * total, result.folder + " " + what);
    };
    result.outcome = compare(request);
    ++cells_done_;
    outcome_.metric = result.outcome.metric;
    outcome_.cells.push_back(std::move(result));
  }

  void conclude() {
    name_strategies();
    Units over_rows(study_.axes);
    const std::size_t rows = study_.axes.empty() ? 0 : study_.axes[0].values.size();
    for (std::size_t row = 0; row < rows; ++row) {
      outcome_.rows.push_back(make_row(row));
      for (const CellResult& cell : outcome_.cells)
        if (cell.values[0] == row)
          if (const auto contrast = contrast_of(cell)) over_rows.add(cell, *contrast);
    }
    outcome_.contrast = over_rows.result();
  }

  // In the order of the first cell; baselines last.
  void name_strategies() {
    for (const bool baselines : {false, true})
      for (const StrategySummary& summary : outcome_.cells[0].outcome.summaries)
        if (summary.is_baseline == baselines) outcome_.strategies.push_back(summary.strategy);
    outcome_.rivals = without(study_.cells[0].config.compare.strategies, {"full"});
  }

  StudyRow make_row(std::size_t row) const {
    StudyRow result;
    result.value = study_.axes[0].values[row];
    Units predicted(study_.axes);
    for (const CellResult& cell : outcome_.cells) {
      if (cell.values[0] != row) continue;
      result.prediction = cell.outcome.prediction;
      if (const auto contrast = contrast_of(cell)) predicted.add(cell, *contrast);
    }
    if (result.prediction) result.prediction->contrast.reset();  // of one cell alone
    result.contrast = predicted.result();
    for (const std::string& strategy : outcome_.strategies) add_strategy(strategy, row, result);
    return result;
  }

  void add_strategy(const std::string& strategy, std::size_t row, StudyRow& result) const {
    std::vector<double> values;
    Units beside(study_.axes);
    for (const CellResult& cell : outcome_.cells) {
      if (cell.values[0] != row) continue;
      const auto value = mean_metric(cell.outcome, {strategy});
      const auto others = mean_metric(cell.outcome, without(outcome_.rivals, {strategy}));
      if (!value || !others) continue;
      values.push_back(*value);
      beside.add(cell, *value - *others);
    }
    result.metric.push_back(values.empty() ? 0 : mean(values));
    result.beside_the_others.push_back(beside.result().value_or(StudyMean{}));
  }

  // Of the strategies that were predicted to win in this cell, less that of their rivals.
  std::optional<double> contrast_of(const CellResult& cell) const {
    if (!cell.outcome.prediction) return std::nullopt;
    const Prediction& prediction = *cell.outcome.prediction;
    const auto best = mean_metric(cell.outcome, prediction.best);
    const auto others = mean_metric(cell.outcome, without(prediction.among, prediction.best));
    if (!best || !others) return std::nullopt;
    return *best - *others;
  }

  const StudyRequest& request_;
  const Study& study_;
  StudyOutcome outcome_;
  std::set<std::string> said_;
  std::int64_t cells_done_ = 0;
};

}  // namespace

bool StudyOutcome::all_ok() const {
  return std::all_of(cells.begin(), cells.end(),
                     [](const CellResult& cell) { return cell.outcome.all_ok(); });
}

StudyOutcome run_study(const StudyRequest& request) { return StudyRun(request).run(); }

}  // namespace thaw
