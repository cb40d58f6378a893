// `thaw export`: a run as a PyTorch script of its own, with the order of its samples and the weights it starts from.
#include <filesystem>
#include <functional>
#include <system_error>

#include "core/error.h"
#include "finetune/cli/commands.h"
#include "finetune/cli/output.h"
#include "finetune/common/json.h"
#include "finetune/common/text.h"
#include "finetune/export/order_file.h"
#include "finetune/export/recipe.h"
#include "finetune/export/refusals.h"
#include "finetune/export/start_weights.h"
#include "finetune/run/prepare_data.h"

namespace thaw::cli {
namespace {

// People go on to write in such a script.
void check_is_new(const std::string& path) {
  if (std::filesystem::exists(path))
    fail_input("there is a file already (", path, "); give another name with --out, or remove it");
}

std::string command_of(const Arguments& arguments, const Config& config) {
  Arguments named = arguments;
  named.config = std::filesystem::path(arguments.config).filename().string();
  return one_line(concat(command_line("export", named), " --strategy ", config.strategy.name));
}

void say_notes(const std::vector<std::string>& notes) {
  for (const std::string& note : notes) Progress().message(note);
}

// All of them or none: one that is left behind would stand in the way of the next attempt.
void write_all(const RecipeFiles& files, const std::string& script, const NamedTensors& start,
               const std::function<void(FileWriter&)>& order) {
  try {
    save_safetensors(files.start, start);
    atomic_write(files.order, order);
    atomic_write(files.script, script);
  } catch (...) {
    std::error_code ignored;
    for (const std::string& file : {files.start, files.order}) std::filesystem::remove(file, ignored);
    throw;
  }
}

}  // namespace

int export_recipe(const Arguments& arguments) {
  const RecipeFiles files = files_of_recipe(arguments.out);
  for (const std::string& file : {files.script, files.order, files.start}) {
    check_output(file, "--out");
    check_is_new(file);
  }
  const Config config = read_config(arguments);
  const ModelSource source = open_source(config.model);
  const PreparedData data = prepare_data(config, source, config.train.seed, false, false);
  const RunSetup setup = set_up_run(config, source, data);
  check_can_export(config, data, setup);
  const RecipeSource recipe{config, source, data, setup, *setup.model, command_of(arguments, config)};
  const std::string script = recipe_script(recipe, files);
  const PreparedModel prepared = prepare_model(setup, source, data, config.train.seed, false);
  say_notes(data.notes);
  say_notes(prepared.notes);
  say_notes(setup.strategy.warnings);
  write_all(files, script, start_weights(*prepared.model, source), [&](FileWriter& file) {
    write_order(file, data, setup.batches, setup.plan.run().total_updates);
  });
  print(arguments.json
            ? json_line(Json{{"script", files.script}, {"order", files.order}, {"start", files.start}}) + "\n"
            : concat("the script is ", files.script, "; it reads ", files.order, " and ", files.start,
                     " beside it\n"));
  return 0;
}

}  // namespace thaw::cli
