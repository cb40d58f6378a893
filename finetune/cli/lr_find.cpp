// `thaw lr-find`: the loss of a strategy while its learning rate rises, and the rate that it suggests.
#include "finetune/run/lr_find.h"

#include <cmath>
#include <filesystem>

#include "core/error.h"
#include "finetune/cli/commands.h"
#include "finetune/cli/output.h"
#include "finetune/common/json.h"
#include "finetune/common/text.h"
#include "finetune/common/text_table.h"
#include "finetune/common/units.h"
#include "finetune/report/html/lr_sweep.h"
#include "finetune/run/run_folder.h"
#include "finetune/task/metrics_json.h"
#include "nn/io/files.h"

namespace thaw::cli {
namespace {

std::string rate_text(double lr) { return short_number(lr, 2); }

// What was swept, for people.
std::string scope_of(const Config& config, const Sweep& sweep) {
  const std::string what =
      sweep.phases > 1 ? concat("what the first of its ", sweep.phases, " phases trains, ") : "";
  return concat("Strategy ", config.strategy.name, ": the sweep trains ", what, joined(sweep.groups), " (",
                sweep.trainable, " of ", sweep.parameters, " parameters).");
}

std::string end_of(const Sweep& sweep) {
  return concat(sweep.points.size(), " updates, rates ", rate_text(sweep.points.front().lr), " to ",
                rate_text(sweep.points.back().lr), "; the sweep ended because ", sweep.ended, ".");
}

std::string suggestion_of(const Sweep& sweep, const RateReadings* readings) {
  if (readings == nullptr)
    return "No rate is suggested: the loss hardly fell. Give other --low and --high, or look at the data.";
  return concat("Suggested rate: ", rate_text(sweep.points[readings->quarter].lr), " (", kWhyQuarter, ").");
}

// How a comparison starts from it; a grid that the config gives would stand before the strategy's rate.
std::string compare_option(const Config& config, double lr) {
  if (config.compare.lr_grid.empty())
    return concat("compare.rates.", config.strategy.name, "=", rate_text(lr));
  const double step = std::sqrt(10.0);
  return concat("compare.lr_grid=[", rate_text(lr / step), ",", rate_text(lr), ",", rate_text(lr * step),
                "]");
}

std::string commands_of(const Arguments& arguments, const Config& config, double lr) {
  const std::string& strategy = config.strategy.name;
  const std::string option = arguments.strategy.empty() ? "" : " --strategy " + strategy;
  return text_table({{"to train with it:",
                      concat(command_line("train", arguments), option, " --set train.lr=", rate_text(lr))},
                     {"to tune around it:", concat(command_line("compare", arguments), " --strategies full",
                                                   strategy == "full" ? "" : "," + strategy, " --set '",
                                                   compare_option(config, lr), "'")}});
}

Json point_json(const SweepPoint& point) {
  return {{"update", point.update},
          {"lr", point.lr},
          {"loss", json_number(point.loss)},
          {"smoothed_loss", json_number(point.smoothed)}};
}

std::string result_json(const Config& config, const Sweep& sweep, const RateReadings* readings,
                        const std::string& folder) {
  Json points = Json::array();
  for (const SweepPoint& point : sweep.points) points.push_back(point_json(point));
  Json json{{"folder", folder},
            {"strategy", config.strategy.name},
            {"phase", 0},
            {"phases", sweep.phases},
            {"groups", sweep.groups},
            {"trainable", sweep.trainable},
            {"ended", sweep.ended},
            {"suggestion", nullptr}};
  if (readings != nullptr) {
    json["suggestion"] = sweep.points[readings->quarter].lr;
    json["reason"] = kWhyQuarter;
    json["quarter"] = point_json(sweep.points[readings->quarter]);
    json["valley"] = point_json(sweep.points[readings->valley]);
    json["steepest"] = point_json(sweep.points[readings->steepest]);
    json["least"] = point_json(sweep.points[readings->least]);
    json["least_tenth"] = sweep.points[readings->least].lr / 10;
    json["set"] = compare_option(config, sweep.points[readings->quarter].lr);
  }
  json["points"] = points;
  return json_document(json);
}

std::string result_text(const Arguments& arguments, const Config& config, const Sweep& sweep,
                        const RateReadings* readings, const std::string& folder) {
  std::string text = scope_of(config, sweep) + "\n" + end_of(sweep) + "\n\n";
  if (readings != nullptr) {
    const auto row = [&](const char* name, std::size_t at) {
      return TextRow{name, rate_text(sweep.points[at].lr), short_number(sweep.points[at].smoothed)};
    };
    TextRow tenth = row("a tenth of that", readings->least);
    tenth[1] = rate_text(sweep.points[readings->least].lr / 10);
    tenth[2] = "";
    text += text_table({{"", "rate", "smoothed loss"},
                        row("a quarter of the fall (suggested)", readings->quarter),
                        row("middle of the longest descent", readings->valley),
                        row("steepest descent", readings->steepest),
                        row("least loss", readings->least),
                        tenth}) +
            "\n";
  }
  text += suggestion_of(sweep, readings) + "\n";
  if (readings != nullptr) text += commands_of(arguments, config, sweep.points[readings->quarter].lr);
  return text + "Picture: " + folder + "/lr_find.html\n";
}

std::string points_csv(const Sweep& sweep) {
  std::string text = "update,lr,loss,smoothed_loss\n";
  for (const SweepPoint& point : sweep.points)
    text += concat(point.update, ",", json_line(Json(point.lr)), ",", json_line(Json(point.loss)), ",",
                   json_line(Json(point.smoothed)), "\n");
  return text;
}

}  // namespace

int lr_find(const Arguments& arguments) {
  const Config config = read_config(arguments);
  const std::string out = arguments.out.empty() ? default_run_path("lr-find") : arguments.out;
  if (std::filesystem::exists(out) && !std::filesystem::is_empty(out))
    fail_input("the output folder is not empty (--out ", out, "); choose another");
  Sweep sweep;
  {
    Progress progress;
    SweepHooks hooks;
    hooks.message = [&](const std::string& text) { progress.message(text); };
    hooks.progress = [&](const SweepPoint& point) {
      progress.show(point.update, arguments.updates,
                    concat("rate ", rate_text(point.lr), "  loss ", short_number(point.loss)));
    };
    sweep = sweep_rates(config, {arguments.low, arguments.high, arguments.updates}, arguments.allow_missing,
                        hooks);
  }
  const std::optional<RateReadings> read = read_sweep(sweep.points);
  const RateReadings* readings = read ? &*read : nullptr;
  const std::string page = report::lr_sweep_page(
      config.name, sweep, readings, {scope_of(config, sweep), end_of(sweep), suggestion_of(sweep, readings)});
  write_folder(out, [&](const std::string& folder) {
    atomic_write(folder + "/lr_find.csv", points_csv(sweep));
    atomic_write(folder + "/lr_find.html", page);
  });
  print(arguments.json ? result_json(config, sweep, readings, out)
                       : result_text(arguments, config, sweep, readings, out));
  return 0;
}

}  // namespace thaw::cli
