// The command line by CLI11, in this file alone. What each command takes is in `add_options`.
#include "finetune/cli/arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "core/error.h"
#include "finetune/cli/commands.h"
#include "finetune/common/nearest.h"
#include "finetune/common/text.h"
#include "finetune/config/config.h"
#include "finetune/config/config_text.h"

namespace thaw::cli {
namespace {

struct Command {
  const char* name;
  const char* summary;
  const char* example;
};

constexpr Command kCommands[] = {
    {"compare", "Compare freezing strategies on equal terms: the main job",
     "thaw compare digits.toml --strategies full,head,gradual --seeds 3 --out runs/digits"},
    {"train", "Train one strategy and write a run folder",
     "thaw train task.toml --strategy gradual --out runs/task"},
    {"eval", "Metrics of a trained model on the config's test (or validation) data, as JSON",
     "thaw eval task.toml --model runs/task"},
    {"predict", "What a trained model says of new inputs: a line for each, as JSON or CSV",
     "thaw predict --model runs/task --input new.csv --output predictions.csv"},
    {"embed", "A JSON line per text: the vector that a text model makes of it",
     "thaw embed --model minilm --input sentences.txt --output vectors.jsonl"},
    {"plan", "What a run would train when, and what it would cost; a few updates are timed, nothing is kept",
     "thaw plan task.toml --strategy top-2"},
    {"lr-find", "A learning-rate range test: the loss while the rate rises, a picture, and a suggestion",
     "thaw lr-find task.toml --strategy head"},
    {"bench", "How long training steps take under each strategy, on random samples",
     "thaw bench --model minilm --batch 32 --length 128 --strategies full,top-1,head"},
    {"inspect",
     "Groups, tensors, dtypes, shapes and counts of a model's or adapter's folder or .safetensors file",
     "thaw inspect runs/task"},
    {"cache",
     "What earlier runs computed once of frozen layers and left on disk for later ones: list it, or clear it",
     "thaw cache list"},
    {"export", "A run as a PyTorch script of its own: the same plan, samples, order and starting weights",
     "thaw export task.toml --strategy gradual --out recipe.py"},
    {"graph", "The recorded graph of one training step, for Graphviz", "thaw graph task.toml --out step.dot"},
    {"merge", "A plain model folder with the adapter folded into the weights",
     "thaw merge --model runs/task --out merged"},
    {"strategies", "The strategies there are, with their options", "thaw strategies"},
    {"help", "This text, or a command's", "thaw help train"},
};

std::vector<std::string> command_names() {
  std::vector<std::string> names;
  for (const Command& command : kCommands) names.emplace_back(command.name);
  return names;
}

const Command& find_command(const std::string& name) {
  for (const Command& command : kCommands)
    if (name == command.name) return command;
  const std::vector<std::string> names = command_names();
  const std::string nearest = did_you_mean(name, names);
  fail_input("there is no command ", in_quotes(name), " (thaw)",
             nearest.empty() ? "; `thaw help` lists them" : nearest);
}

// A path or a name; an empty one, as from an unset shell variable, is refused.
CLI::Option* add_text(CLI::App& app, const char* name, std::string& to, const char* help, const char* type) {
  const auto refuse_empty = [](const std::string& text) {
    return std::string(text.empty() ? "is empty" : "");
  };
  return app.add_option(name, to, help)->type_name(type)->check(refuse_empty, "");
}

bool reads_config(const std::string& command) {
  return command == "compare" || command == "train" || command == "eval" || command == "plan" ||
         command == "graph" || command == "export" || command == "lr-find";
}

// Every command takes them, for scripts that pass the same ones to all.
void add_common_options(CLI::App& app, const std::string& command, Arguments& to) {
  const bool computes =
      reads_config(command) || command == "predict" || command == "embed" || command == "bench";
  const auto where = [](bool has_effect, const char* help) {
    return has_effect ? std::string(help) : std::string("No effect here");
  };
  app.add_option("--set", to.set,
                 where(reads_config(command),
                       "Override a config key, as --set train.lr=1e-3 (repeatable; VALUE is TOML, a bare "
                       "word a text), or "
                       "those that a TOML file gives, as --set @plan.toml"))
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  app.add_option("--threads", to.threads, where(computes, "CPU threads (default: all cores)"))
      ->type_name("N")
      ->check(CLI::Range(1, 4096));
  app.add_option("--device", to.device, where(computes, "cpu or auto"))->type_name("DEVICE");
  app.add_flag("--json", to.json, "Print the result as JSON");
  const bool starts =
      command == "compare" || command == "train" || command == "lr-find" || command == "bench";
  const bool uses = command == "eval" || command == "predict" || command == "embed";
  app.add_flag(
      "--allow-missing", to.allow_missing,
      where(starts || uses, starts ? "Go on where the model's folder has weights too few, too many or of "
                                     "another shape: what it lacks stays as initialised"
                                   : "Weights that the file lacks, but for those of the head, stay as "
                                     "initialised"));
}

void add_config(CLI::App& app, Arguments& to) {
  add_text(app, "CONFIG", to.config, "The config, a TOML file", "")->required();
}

void add_strategy(CLI::App& app, Arguments& to) {
  add_text(app, "--strategy", to.strategy, "Instead of the config's strategy; see `thaw strategies`", "NAME");
}

void add_model(CLI::App& app, Arguments& to) {
  add_text(app, "--model", to.model, "A model folder, such as a run's", "DIR")->required();
}

void add_strategies(CLI::App& app, Arguments& to, const char* more) {
  app.add_option("--strategies", to.strategies, concat("Names joined by commas, see `thaw strategies`", more))
      ->type_name("NAMES")
      ->delimiter(',')
      ->allow_extra_args(false);
}

void add_bench_options(CLI::App& app, Arguments& to) {
  const auto add_count = [&app](const char* name, auto& count, const char* help, int largest) {
    app.add_option(name, count, help)->type_name("N")->check(CLI::Range(1, largest))->capture_default_str();
  };
  add_count("--batch", to.batch, "Samples of a step", 1 << 20);
  add_count("--length", to.length, "Tokens of each text", 1 << 20);
  add_strategies(app, to, "");
  add_count("--steps", to.steps, "Timed steps, after three that are not", 1000000);
  add_text(app, "--precision", to.precision, "fp32", "NAME");
}

void add_lr_find_options(CLI::App& app, Arguments& to) {
  const auto add_rate = [&app](const char* name, double& rate, const char* help) {
    app.add_option(name, rate, help)
        ->type_name("RATE")
        ->check(CLI::Range(1e-30, 1e30))
        ->capture_default_str();
  };
  add_rate("--low", to.low, "The rate of the first update");
  add_rate("--high", to.high, "The rate of the last one, if the loss does not grow too large before");
  app.add_option("--updates", to.updates, "Updates from the one to the other")
      ->type_name("N")
      ->check(CLI::Range(10, 10000))
      ->capture_default_str();
  add_text(app, "--out", to.out, "The folder of the picture and the numbers (default: runs/lr-find-<number>)",
           "DIR");
}

void add_predict_options(CLI::App& app, Arguments& to) {
  app.add_option("--format", to.format, "jsonl or csv (default: by the ending of --output, else jsonl)")
      ->type_name("NAME");
  app.add_option("--keep", to.keep,
                 "Columns of the input that stand first in each line, joined by commas: names, globs, all, "
                 "and with ! in front what is left out (a column id that is no feature is kept by itself)")
      ->type_name("COLUMNS")
      ->delimiter(',')
      ->allow_extra_args(false);
}

void add_compare_options(CLI::App& app, Arguments& to) {
  add_strategies(app, to,
                 "; plan is the schedule that the config's [strategy] spells out (default: the config's)");
  app.add_option("--seeds", to.seeds, "Reported runs per strategy")
      ->type_name("N")
      ->check(CLI::Range(1, 10000));
  auto* tune = app.add_option("--tune", to.tune, "Learning rates tried per strategy; 0: none")
                   ->type_name("N")
                   ->check(CLI::Range(0, 1000));
  app.add_flag_callback(
         "--no-tune", [&to] { to.tune = 0; }, "Every strategy at train.lr, or at its rate in compare.rates")
      ->excludes(tune);
  add_text(app, "--out", to.out, "Where results are written (default: runs/<config's name>-<number>)", "DIR");
  add_text(
      app, "--budget", to.budget,
      "What each run may spend: 60s of training, flops=1e12, bytes=2e9 of memory, or convergence; schedules "
      "stretch to it (default: the config's epochs)",
      "BUDGET");
  app.add_option("--workers", to.workers,
                 "Processes that share the runs, and the processors; more may join from another shell, or "
                 "from a machine "
                 "that shares the folder, with --resume")
      ->type_name("N")
      ->check(CLI::Range(1, 1000));
  app.add_flag("--resume", to.resume,
               "Go on with the comparison in --out; strategies that are new to it are marked exploratory");
}

void add_options(CLI::App& app, const std::string& command, Arguments& to) {
  if (command == "help") {
    app.add_option("COMMAND", to.topic, "The command to explain, or config");
    return;
  }
  if (reads_config(command)) add_config(app, to);
  if (command == "compare") add_compare_options(app, to);
  if (command == "train" || command == "plan" || command == "graph" || command == "export" ||
      command == "lr-find")
    add_strategy(app, to);
  if (command == "lr-find") add_lr_find_options(app, to);
  if (command == "train") {
    add_text(app, "--out", to.out, "The run folder (default: runs/<config's name>-<number>)", "DIR");
    app.add_flag("--resume", to.resume, "Go on from the run folder's newest checkpoint");
    add_text(app, "--trace", to.trace,
             "Write the kernels of one update (the third, as a rule) on a time line, for chrome://tracing or "
             "ui.perfetto.dev",
             "FILE.json");
  }
  if (command == "eval" || command == "predict" || command == "embed" || command == "bench")
    add_model(app, to);
  if (command == "eval" || command == "predict" || command == "embed")
    add_text(
        app, "--strategy", to.strategy,
        "Where --model is the folder of a comparison: whose model (default: the best on validation data)",
        "NAME");
  if (command == "merge") {
    add_text(app, "--model", to.model,
             "A run's folder, a base model's with adapter/ in it, or an adapter's as PEFT writes it", "DIR")
        ->required();
    add_text(app, "--out", to.out, "The folder to write; it must be empty or not there", "DIR")->required();
  }
  if (command == "bench") add_bench_options(app, to);
  if (command == "predict" || command == "embed") {
    add_text(app, "--input", to.input,
             command == "embed"
                 ? "A .txt file with a text per line, a .csv, .tsv or .jsonl table, or - for standard input"
                 : "A .csv, .tsv, .jsonl or IDX images file, a picture or sound, a folder of them, "
                   "builtin:digits, or - "
                   "for CSV from standard input; for text models also .txt, and - is a text per line",
             "FILE")
        ->required();
    add_text(app, "--output", to.output, "Instead of standard output", "FILE");
    add_text(app, "--text", to.text, "The column of texts, where it is not called as in training", "COLUMN");
    app.add_option_function<std::string>(
           "--text-pair", [&to](const std::string& column) { to.text_pair = column; },
           "The same for the second text of a pair; \"\": single texts, also where it was trained on pairs")
        ->type_name("COLUMN");
    add_text(app, "--separator", to.separator,
             "One character between fields (default: by the file's ending and header)", "CHARACTER");
    app.add_option("--quote", to.quote,
                   "csv: a field in quotes may hold separators and line ends; none: quotes are ordinary "
                   "characters (default: csv, but in .tsv only what is closed within its field)")
        ->type_name("NAME");
    if (command == "predict") add_predict_options(app, to);
  }
  if (command == "inspect")
    add_text(app, "PATH", to.path, "The folder of a model or an adapter, or a .safetensors file", "")
        ->required();
  if (command == "cache") add_text(app, "ACTION", to.action, "list (the default) or clear", "");
  if (command == "export")
    add_text(
        app, "--out", to.out,
        "The script to write, with NAME.order.json and NAME.start.safetensors beside it; none may be there",
        "NAME.py")
        ->required();
  if (command == "graph")
    add_text(app, "--out", to.out, "The Graphviz file to write", "FILE.dot")->required();
  add_common_options(app, command, to);
}

std::unique_ptr<CLI::App> make_app(const Command& command, Arguments& to) {
  auto app = std::make_unique<CLI::App>(command.summary, std::string("thaw ") + command.name);
  app->footer(std::string("\nExample: ") + command.example);
  app->set_help_flag("-h,--help", "This text");
  app->allow_extras();
  add_options(*app, command.name, to);
  return app;
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

void refuse_extras(const CLI::App& app) {
  const std::vector<std::string> extras = app.remaining();
  if (extras.empty()) return;
  const auto is_option = [](const std::string& text) { return text.size() > 1 && text[0] == '-'; };
  const auto option = std::find_if(extras.begin(), extras.end(), is_option);
  if (option == extras.end())
    fail_input("there is an argument too many: ", in_quotes(extras.front()), " (", app.get_name(), "); `",
               app.get_name(), " --help` shows what it takes");
  const std::string name = option->substr(0, option->find('='));
  const std::string nearest = did_you_mean(name, option_names(app));
  fail_input("there is no option ", in_quotes(name), " (", app.get_name(), ")",
             nearest.empty() ? concat("; `", app.get_name(), " --help` lists its options") : nearest);
}

void refuse_later(const Arguments& arguments) {
  if (arguments.device.starts_with("cuda"))
    fail_input("the device ", in_quotes(arguments.device), " is not in this version (--device); use cpu");
  if (arguments.device != "cpu" && arguments.device != "auto")
    fail_input("there is no device ", in_quotes(arguments.device), " (--device); use cpu or auto");
}

Arguments parse_command(const Command& command, int argc, const char* const* argv) {
  Arguments arguments;
  const auto app = make_app(command, arguments);
  try {
    app->parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    arguments = {};
    arguments.command = "help";
    arguments.topic = command.name;
    return arguments;
  } catch (const CLI::ParseError& error) {
    fail_input(error.what(), " (", app->get_name(), "); `", app->get_name(),
               " --help` shows how to write it");
  }
  refuse_extras(*app);
  arguments.command = command.name;
  refuse_later(arguments);
  return arguments;
}

}  // namespace

Arguments parse_arguments(int argc, const char* const* argv) {
  if (argc < 2) fail_input("no command is given (thaw); `thaw help` lists them");
  const std::string first = argv[1];
  Arguments arguments;
  if (first == "--version" || first == "version" || first == "-h" || first == "--help") {
    arguments.command = first.ends_with("version") ? "version" : "help";
    return arguments;
  }
  if (first.starts_with("-"))
    fail_input("there is no option ", in_quotes(first),
               " before the command (thaw); write it after, as in thaw train CONFIG ", first);
  return parse_command(find_command(first), argc - 1, argv + 1);
}

std::string help_text(const std::string& name) {
  if (name == "config")
    return "A config is TOML; paths are relative to it. Each key as KEY = DEFAULT, or alone where it has "
           "none:\n\n" +
           explain_config();
  if (!name.empty()) {
    Arguments arguments;
    return make_app(find_command(name), arguments)->help();
  }
  std::string text =
      "thaw fine-tunes neural networks and compares what freezing parts of them costs and "
      "gives.\n\nCommands:\n";
  for (const Command& command : kCommands) {
    std::string line = std::string("  ") + command.name;
    line.resize(14, ' ');
    text += line + command.summary + '\n';
  }
  return text +
         "\n`thaw help COMMAND` explains one, `thaw help config` every key of a config. Exit codes: 0 done, "
         "1 the run failed, 2 wrong input, 130 and "
         "143 interrupted.\n";
}

}  // namespace thaw::cli
