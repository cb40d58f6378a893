// `thaw merge`: a plain model folder from a model and its adapter.
#include "core/error.h"
#include "finetune/cli/commands.h"
#include "finetune/cli/output.h"
#include "finetune/cli/saved_model.h"
#include "finetune/model/adapter_config.h"
#include "finetune/model/model_folder.h"
#include "finetune/model/text_source.h"
#include "finetune/preprocess/text_input.h"
#include "finetune/preprocess/tokenizer/tokenizer.h"
#include "finetune/run/run_folder.h"

namespace thaw::cli {
namespace {

void check_has_adapter(const SavedModel& saved, const std::string& path) {
  if (saved.folder.config.adapters)
    fail_input("the adapters of the model are bottlenecks, which no weight can hold (", path,
               "); use the folder as it is");
  if (saved.adapter.empty() && !is_adapter_folder(path + "/adapter"))
    fail_input("there is no adapter to merge (", path,
               "); give the folder of a run of lora or dora, of a base model with adapter/ in it, or of an "
               "adapter");
}

}  // namespace

int merge(const Arguments& arguments) {
  const std::string& path = arguments.model;
  SavedModel saved = load_saved_model(path, false);
  check_has_adapter(saved, path);
  // What the base's other files say of a text's length is not copied.
  if (const auto text = text_input(saved.folder)) {
    saved.folder.preprocess.text_column = text->column;
    saved.folder.preprocess.max_length = text->max_length;
    std::int64_t& pad_id = saved.folder.config.transformer.pad_id;
    if (pad_id < 0) pad_id = text->tokenizer->pad_id();
  }
  saved.folder.preprocess.has_folded = false;  // without the adapter's folder beside them
  write_folder(arguments.out, [&](const std::string& out) {
    write_model_folder(out, saved.folder.config, saved.folder.preprocess, merged_weights(*saved.model),
                       &saved.folder);
  });
  print(saved.adapter.empty() ? concat("the weights of ", path,
                                       " had the adapter in them already; copied to ", arguments.out, "\n")
                              : concat("the adapter ", saved.adapter, " is folded into the weights of ",
                                       saved.folder.path, ": ", arguments.out, "\n"));
  return 0;
}

}  // namespace thaw::cli
