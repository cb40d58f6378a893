#include "finetune/config/config_keys.h"

#include <algorithm>
#include <filesystem>

#include "core/error.h"
#include "finetune/common/text.h"
#include "finetune/config/budget.h"
#include "finetune/data/picture/augment.h"
#include "finetune/data/sound/spec_augment.h"
#include "finetune/plan/period.h"
#include "finetune/plan/strategies/registry.h"
#include "finetune/task/task.h"
#include "nn/models/registry.h"

namespace thaw {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Rule any() { return {}; }

Rule between(double least, double most) {
  Rule rule;
  rule.least = least;
  rule.most = most;
  return rule;
}

Rule at_least(double least) { return between(least, kInfinity); }

Rule above(double least) {
  Rule rule = at_least(least);
  rule.least_allowed = false;
  return rule;
}

// From 0 on, and below 1.
Rule share() {
  Rule rule = between(0, 1);
  rule.most_allowed = false;
  return rule;
}

Rule one_of(std::vector<std::string> choices) {
  Rule rule;
  rule.choices = std::move(choices);
  return rule;
}

// The names of an enumeration's values.
template <class Choice>
Rule choice() {
  return one_of(names_of(Choice{}));
}

Rule weights_of_classes() {
  Rule rule = at_least(0);
  rule.choices = {"balanced"};
  return rule;
}

Rule checked(Problem (*check)(const std::string&)) {
  Rule rule;
  rule.check = check;
  return rule;
}

Rule path(Problem (*check)(const std::string&) = nullptr) {
  Rule rule = checked(check);
  rule.is_path = true;
  return rule;
}

Problem check_separator(const std::string& text) {
  if (text.size() == 1 && text.find_first_of("\"\n\r") == std::string::npos) return {};
  return {"is no separator", "write one character, such as \";\" or \"\\t\""};
}

Problem check_data_file(const std::string& file) {
  if (!lower_ascii(file).ends_with(".txt")) return {};
  return {"is text without labels",
          "give a .csv, .tsv, .jsonl or IDX images file, a folder of pictures or sounds, or builtin:digits"};
}

Problem check_precision(const std::string& text) {
  if (text == "fp32") return {};
  return {text == "bf16" ? "is not in this version" : "is unknown", "write \"fp32\""};
}

Problem check_budget(const std::string& text) {
  try {
    parse_budget(text);
    return {};
  } catch (const InputError&) {
    return {"is no budget", "write \"epochs\", \"60s\", \"flops=1e12\", \"bytes=2e9\" or \"convergence\""};
  }
}

// What stands after the keys' own words, made of the metrics' list.
std::string metrics_of_tasks() {
  std::string text;
  for (const Task* task : tasks())
    text += concat(text.empty() ? "" : concat("; ", task->name(), ": "), joined(task->metric_names()));
  return text;
}
const std::string kFrom = concat("an architecture (", joined(quoted(architectures())),
                                 "), or the folder of a model that thaw or Hugging Face wrote");
const std::string kTasks = joined(quoted(task_names()), " or ");
const std::string kMonitors = "what best means: validation_ and one of " + metrics_of_tasks();
const std::string kMetrics = concat("what is tuned on, reported, tested and ranked by: ", metrics_of_tasks(),
                                    "; default: accuracy, rmse, or cer; auc: two classes");

}  // namespace

const std::vector<Key<ModelSection>>& model_keys() {
  using S = ModelSection;
  static const std::vector<Key<S>> keys = {
      {"from", kFrom.c_str(), &S::from},  // the reader sees to which of the two it is
      {"hidden", "hidden sizes", &S::hidden, between(1, 1 << 24).of({"mlp"})},
      {"activation", "\"relu\", \"gelu\" or \"tanh\"", &S::activation,
       one_of({"relu", "gelu", "tanh"}).of({"mlp"})},
      {"width", "channels of the first block", &S::width, between(1, 4096).of({"cnn"})},
      {"depth", "residual blocks", &S::depth, between(1, 8).of({"cnn"})},
      {"init",
       "a .safetensors file whose weights to start from, any subset of the names; or a folder of PEFT's",
       &S::init, path().unset()},
      {"pretrained", "false: the folder's architecture with random weights", &S::pretrained},
      {"dropout", "of every dropout of the architecture", &S::dropout, share()},
      {"max_length", "text: tokens of a sample, longer ones are cut; default: as the folder says",
       &S::max_length, at_least(1).unset()},
      {"pooling",
       "text: how it becomes one vector, \"mean\", \"cls\", \"pooler\" or \"lasttoken\"; default: as the "
       "folder says",
       &S::pooling, one_of({"mean", "cls", "pooler", "lasttoken"}).unset()},
      {"image_size",
       "pictures: pixels of a side, to which they are resized, where the architecture takes any; default: as "
       "the folder "
       "says, or the pictures' own",
       &S::image_size, between(1, 1 << 14).unset()},
      {"audio_context",
       "sound: \"clip\": the model hears each sound alone; \"full\": with silence behind it, up to the "
       "longest that it "
       "takes, as it was pretrained; default: as the folder says, else full with the model's own decoder, "
       "clip without",
       &S::audio_context, one_of({"clip", "full"}).unset()},
      {"decoder",
       "transcription: \"ctc\": a new layer says which character each 20 ms are; \"seq2seq\": the model's "
       "own "
       "decoder "
       "writes its tokens; default: as the folder of a run says, else ctc",
       &S::decoder, one_of({"ctc", "seq2seq"}).unset()},
  };
  return keys;
}

namespace {

std::vector<std::string> augmentation_names() {
  std::vector<std::string> names = names_of(Augmentation{});
  names.emplace_back(kSpecAugment);
  return names;
}

}  // namespace

const std::vector<Key<DataSection>>& data_keys() {
  using S = DataSection;
  static const std::vector<Key<S>> keys = {
      {"train",
       ".csv, .tsv, .jsonl, a folder with a folder of pictures or sounds for each class, IDX images (.gz "
       "too) "
       "or builtin:digits",
       &S::train, path(check_data_file).unset()},
      {"validation", "a file, instead of a share of the training data", &S::validation,
       path(check_data_file).unset()},
      {"validation_fraction", "share of the training data, stratified; 0: none", &S::validation_fraction,
       share()},
      {"test", "a file, instead of a share of the training data", &S::test, path(check_data_file).unset()},
      {"shifted",
       "{ \"elsewhere\" = \"other.csv\", .. }: further test data, on which compare reports the metric and "
       "chooses "
       "nothing",
       &S::shifted, path(check_data_file).unset()},
      {"test_fraction", "share of the data; compare uses 0.2 where none is set", &S::test_fraction, share()},
      {"split_seed", "of the shares above", &S::split_seed, at_least(0)},
      {"label", "the column to predict; of transcripts \"text\" where it is not set", &S::label},
      {"text", "the column of texts, for models that take text; default: \"text\"", &S::text, any().unset()},
      {"audio", "the column of sound files, for models that take sound; default: \"audio\"", &S::audio,
       any().unset()},
      {"image", "the column of picture files, for models that take pictures; default: \"image\"", &S::image,
       any().unset()},
      {"group", "rows with the same value here stay on one side of a split", &S::group, any().unset()},
      {"task", kTasks.c_str(), &S::task, one_of(task_names())},
      {"text_pair",
       "the column of the second text of a pair; \"\": single texts; default: as the folder says",
       &S::text_pair},
      {"features",
       "the columns of a table of numbers that are features, names and globs; default: all but those below",
       &S::features, any().unset()},
      {"ignore", "the columns of a table of numbers that are no features, names and globs", &S::ignore,
       any().unset()},
      {"separator", "of fields in .csv and .tsv, one character; default: by the ending and the header",
       &S::separator, checked(check_separator).unset()},
      {"quote",
       "\"csv\": a field in quotes may hold separators and line ends; \"none\": quotes are ordinary "
       "characters; default: csv, but in .tsv only what is closed within its field",
       &S::quote, one_of({"csv", "none"}).unset()},
      {"standardize",
       "tables, images: less the mean, divided by the deviation: of the training rows (\"train\"), or those "
       "that the starting model came with (\"model\"); true: model where it has them, else train; false: "
       "neither; default: model where it has them",
       &S::standardize, choice<Standardize>().or_flag().unset()},
      {"standardize_target",
       "regression: the network learns targets less their mean, divided by their deviation, from the same "
       "sources as "
       "standardize; losses, metrics and predictions stay in the targets' own unit; default: model where it "
       "has them",
       &S::standardize_target, choice<Standardize>().or_flag().unset()},
      {"categories",
       "the columns of a table that hold categories, or true and false (yes and no): names and globs; "
       "\"auto\": those "
       "that have words and no numbers; each category is a feature of 0 and 1",
       &S::categories, any().unset()},
      {"max_categories", "of a column; more are refused", &S::max_categories, between(1, 1e6)},
      {"missing",
       "features that are missing (empty, ?, NA, N/A, NaN, NaT, null, none): \"error\"; \"median\": that of "
       "the training "
       "rows stands for them, and a feature more says where",
       &S::missing, choice<Missing>()},
      {"samples_per_class", "draw so many labelled samples of each class, anew for each seed",
       &S::samples_per_class, at_least(1).unset()},
      {"limit", "draw so many training samples, each class by its share, anew for each seed", &S::limit,
       at_least(1).unset()},
      {"rows", "[first, end): these samples alone of the training file, counted from 0", &S::rows,
       at_least(0).unset()},
      {"merge", "{ \"a\" = [\"0\", \"6\"], .. }: classes made of these labels; the others are left out",
       &S::merge, any().unset().or_integer()},
      {"classes",
       "these labels alone, in this order; of transcripts: \"<pad>\", \"|\" (the space), then the characters",
       &S::classes, any().unset().or_integer()},
      {"corrupt",
       "a study's tool: images of every part, not of predict, get \"blur\", \"noise\" or \"invert\"",
       &S::corrupt, choice<Corruption>().or_empty().unset()},
      {"augment",
       "pictures, in training alone, anew in each pass: [\"flip\", \"crop\", \"color\", \"randaugment\"] or "
       "some of them; sound, as log-mel features: [\"specaugment\"]",
       &S::augment, one_of(augmentation_names()).unset()},
      {"duplicates", "\"warn\": rows that stand in two of the files are no error of compare", &S::duplicates,
       choice<Duplicates>().unset()},
  };
  return keys;
}

const std::vector<Key<TrainSection>>& train_keys() {
  using S = TrainSection;
  static const std::vector<Key<S>> keys = {
      {"epochs", "fractions are allowed; 0 writes the initial model", &S::epochs, between(0, 1e9)},
      {"steps", "updates, instead of epochs", &S::steps, between(1, kMostUpdates).unset()},
      {"batch_size", "0: the whole training set", &S::batch_size, between(0, 1e9)},
      {"accumulation", "batches per update", &S::accumulation, between(1, 1e6)},
      {"shuffle", "anew in each epoch", &S::shuffle},
      {"optimizer", "\"adamw\" or \"sgd\"", &S::optimizer, choice<OptimizerKind>()},
      {"betas", "decay of the gradient's two moments", NumberPair<S>{&S::beta1, &S::beta2},
       share().of({"adamw"})},
      {"eps", "added to the denominator", &S::eps, at_least(0).of({"adamw"})},
      {"weight_decay", "decoupled for adamw", &S::weight_decay, at_least(0)},
      {"momentum", "decay of the velocity; 0: none", &S::momentum, at_least(0).of({"sgd"})},
      {"dampening", "share of the gradient that does not enter the velocity", &S::dampening,
       any().of({"sgd"})},
      {"nesterov", "look ahead: the step is gradient + momentum x velocity", &S::nesterov, any().of({"sgd"})},
      {"no_decay", "a selector of what has no weight decay, such as \"kind:bias, kind:norm\"", &S::no_decay,
       any().unset()},
      {"lr", "learning rate; a parameter has schedule x multiplier of it", &S::lr, above(0)},
      {"schedule", "\"constant\", \"linear\", \"cosine\", \"one-cycle\" or \"slanted-triangular\"",
       &S::schedule, choice<ScheduleKind>()},
      {"warmup_steps", "updates until the schedule's full rate, from 0 in a line", &S::warmup_steps,
       between(0, kMostUpdates)},
      {"warmup_fraction", "the same as a share of all updates", &S::warmup_fraction, between(0, 1)},
      {"clip_norm", "of all gradients together; 0: off", &S::clip_norm, at_least(0)},
      {"label_smoothing", "share of the target spread evenly over all classes", &S::label_smoothing, share()},
      {"class_weight",
       "\"balanced\" (n / (k n[c]) of the drawn samples) or { \"spam\" = 3.0, .. }, others 1: how much a "
       "sample of the class counts in the training loss; validation_loss stays without",
       &S::class_weight, weights_of_classes().unset()},
      {"precision", "\"fp32\"", &S::precision, checked(check_precision)},
      {"eval_every", "\"1 epoch\", \"100 steps\", \"0.1 run\" or \"never\"", &S::eval_every},
      {"checkpoint_every", "as eval_every; each waits for the disk, so fewer are faster on small data",
       &S::checkpoint_every},
      {"keep_checkpoints", "the newest so many", &S::keep_checkpoints, between(1, 1e6)},
      {"restore_best", "end with the weights of the best evaluation of all phases", &S::restore_best},
      {"early_stopping_patience", "evaluations of the last phase without an improvement on its best; 0: off",
       &S::early_stopping_patience, between(0, 1e9)},
      {"monitor", kMonitors.c_str(), &S::monitor},
      {"nan", "a loss or gradient that is not finite: \"stop\", \"skip\" the update or \"rollback\"", &S::nan,
       choice<NanAction>()},
      {"cache",
       "\"auto\": what the frozen lowest groups give is computed once for each sample, where that pays; "
       "results have "
       "the same bits as with \"off\"",
       &S::cache, one_of({"auto", "off"})},
      {"cache_memory", "what the cache may take in memory, \"2GB\"; by default a quarter of what is free",
       &S::cache_memory},
      {"cache_disk",
       "what the cache may take on disk, in $THAW_CACHE or ~/.cache/thaw, for later runs (\"0B\": nothing); "
       "by default a tenth of what is free",
       &S::cache_disk},
      {"recompute",
       "\"auto\": where training would take more than train.memory, some groups keep nothing for backward, "
       "which runs their forward pass again; the bits are the same",
       &S::recompute, one_of({"off", "auto"})},
      {"memory",
       "what training may take, \"4GB\"; more, as predicted, is refused. Without weights, prefix cache, "
       "evaluations and scratch space",
       &S::memory},
      {"seed", "of initialisation, order, dropout and drawn samples", &S::seed, at_least(0)},
  };
  return keys;
}

const std::vector<Key<CompareSection>>& compare_keys() {
  using S = CompareSection;
  static const std::vector<Key<S>> keys = {
      {"strategies", "see `thaw strategies`", &S::strategies},
      {"seeds", "reported runs per strategy: seed, seed + 1, ..; each draws its own training subset",
       &S::seeds, between(1, 10000)},
      {"repeats", "runs of each subset; from 2 on the spread of subsets and of training is told apart",
       &S::repeats, between(1, 1000)},
      {"tune", "learning rates tried per strategy on validation data; 0: untuned", &S::tune,
       between(0, 1000)},
      {"lr_grid", "these instead", &S::lr_grid, above(0).unset()},
      {"rates",
       "{ \"head\" = 1e-2, .. }: instead of train.lr a strategy's learning rate where none is tuned, else "
       "the "
       "middle of those tried (otherwise train.lr times what `thaw strategies` says)",
       &S::rates, above(0).unset()},
      {"search", "with each learning rate, draw the strategy's own options at random", &S::search},
      {"budget",
       "\"epochs\", \"60s\", \"flops=1e12\", \"bytes=2e9\" (predicted, of a step's activations, gradients "
       "and "
       "optimizer state) or \"convergence\"; schedules stretch to it",
       &S::budget, checked(check_budget)},
      {"predict", "strategies that are to win against the others; full and the baselines are no rivals",
       &S::predict, any().unset()},
      {"prediction", "why, in words; hashed and printed before the first run", &S::prediction, any().unset()},
      {"metric", kMetrics.c_str(), &S::metric, any().unset()},
      {"margin",
       "smaller differences of the metric count as none; of loss, rmse and mae as a share of full's",
       &S::margin, above(0)},
      {"training_score", "the metric on the samples trained on is reported too", &S::training_score},
      {"neighbours",
       "of a test sample's so many nearest neighbours by the network's features, the share that training "
       "leaves is reported; 0: not",
       &S::neighbours, between(0, 100)},
  };
  return keys;
}

const std::vector<Alternatives>& alternatives() {
  static const std::vector<Alternatives> pairs = {
      {"data", "validation", "validation_fraction"},
      {"data", "test", "test_fraction"},
      {"train", "steps", "epochs"},
      {"train", "warmup_steps", "warmup_fraction"},
  };
  return pairs;
}

}  // namespace thaw
