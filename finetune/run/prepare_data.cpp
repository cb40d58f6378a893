#include "finetune/run/prepare_data.h"

#include <algorithm>

#include "core/random.h"
#include "finetune/common/text.h"
#include "finetune/data/corrupt.h"
#include "finetune/data/numbers.h"
#include "finetune/data/readers/readers.h"
#include "finetune/data/readers/transcripts.h"
#include "finetune/data/split.h"
#include "finetune/model/picture_source.h"
#include "finetune/model/scaling.h"
#include "finetune/model/sound_source.h"
#include "finetune/model/text_source.h"
#include "finetune/preprocess/class_spelling.h"
#include "finetune/preprocess/picture_input.h"
#include "finetune/preprocess/text_input.h"
#include "finetune/run/data_checks.h"
#include "finetune/run/fit_preprocess.h"

namespace thaw {
namespace {

// What every file of a run is read with.
struct Reading {
  const Config& config;
  const ModelSource& model;
  std::optional<TextInput> text;     // as the model takes it
  std::optional<SoundInput> sound;   // the same
  std::optional<std::string> image;  // the column of pictures; nothing: the model takes none
  // How it sees them, which the training data may decide; what it has seen.
  std::optional<PictureView> view = {};
  std::shared_ptr<KeptPictures> pictures = nullptr;
};

// The characters that the model writes already; empty: nobody says.
std::vector<std::string> known_alphabet(const ModelSource& model) {
  const std::optional<Origin> init = model.origin_of_init();
  if (init && !init->preprocess.labels.empty()) return in_alphabet_order(init->preprocess.labels);
  return model.folder == nullptr ? std::vector<std::string>{}
                                 : in_alphabet_order(model.folder->preprocess.labels);
}

DataSource source_of(const Reading& reading, const std::string& path, const Dataset* like) {
  DataSource source = data_source(reading.config, path);
  if (reading.text) {
    source.text = reading.text->column;
    source.text_pair = reading.text->pair_column;
  }
  if (reading.sound) {
    source.audio = reading.sound->column;
    source.spell = reading.sound->dictation == nullptr;
  }
  source.image = reading.image.value_or("");
  const std::optional<Origin> origin = reading.model.origin();
  const bool has_columns = origin && !origin->preprocess.columns.empty();
  if (has_columns) origin->preprocess.encoding.choose_kinds(source);
  if (like != nullptr) {  // further files are read as the training file was
    source.columns = like->columns;
    source.columns_of = "the training data's";
    if (const Cells* cells = find_cells(*like)) {
      source.kinds.clear();
      for (const Cells::Column& column : cells->columns) source.kinds.push_back(column.kind);
      source.categories.clear();
    }
    if (source.classes.empty()) source.classes = like->classes;
    source.require_every_class = false;
  } else {
    source.rows = reading.config.data.rows;
    if (source.targets == Targets::transcripts) source.alphabet = known_alphabet(reading.model);
    if (has_columns) source.columns = origin->preprocess.columns;
  }
  return source;
}

// With what is to be said of it.
Dataset read_part(Reading& reading, const std::string& path, const Dataset* like,
                  std::vector<std::string>& notes) {
  Dataset data = read_dataset(source_of(reading, path, like));
  notes.push_back(describe_read(data, path));
  notes.insert(notes.end(), data.notes.begin(), data.notes.end());
  if (reading.sound) hear(*reading.sound, {&data});  // before anybody asks how long they are
  if (like != nullptr)                               // of the training data look_at() tells
    if (std::string few = find_task(reading.config.data.task).unusable(data, path); !few.empty())
      notes.push_back(std::move(few));
  if (find_pictures(data) != nullptr) {
    if (!reading.view) reading.view = picture_view(reading.config, reading.model, data);
    show(*reading.view, reading.pictures, data);
    notes.push_back(describe_pictures(*find_pictures(data)));
  }
  return data;
}

void take_split(Dataset& rest, Dataset& taken, double fraction, std::uint64_t seed) {
  const Split split = split_dataset(rest, fraction, seed);
  taken = rest.subset(split.taken);
  rest = rest.subset(split.rest);
}

void check_same_shape(const Dataset& train, const Dataset& other, const std::string& path) {
  if (train.sample_shape() != other.sample_shape())
    fail_input("samples of ", path, " have the shape ", Shape(other.sample_shape()),
               ", those of the training data ", Shape(train.sample_shape()), "; both must agree");
}

void read_or_split(Reading& reading, const std::string& path, double fraction, const char* what, bool refuse,
                   PreparedData& data, Dataset& part) {
  const Config& config = reading.config;
  if (!path.empty()) {
    part = read_part(reading, path, &data.train, data.notes);
    check_same_shape(data.train, part, path);
    check_apart(config, {data.train, config.data.train}, {part, path}, refuse, data.notes);
  } else if (fraction > 0) {
    // Each part has a seed of its own, so that taking a test part does not hand its samples to validation.
    take_split(data.train, part, fraction, mix64(config.data.split_seed ^ hash_text(what)));
    data.notes.push_back(
        concat(what, ": ", part.size(), " samples split off (seed ", config.data.split_seed, ")"));
  }
}

void read_shifted(Reading& reading, bool refuse, PreparedData& data) {
  const Config& config = reading.config;
  for (const auto& [name, path] : config.data.shifted) {
    data.shifted.push_back({name, read_part(reading, path, &data.train, data.notes)});
    const ShiftedData& shifted = data.shifted.back();
    check_same_shape(data.train, shifted.data, path);
    check_apart(config, {data.train, config.data.train}, {shifted.data, path}, refuse, data.notes);
    // What is chosen on is not judged on either.
    const std::string& validation = config.data.validation;
    check_apart(config, {data.validation, validation.empty() ? config.data.train : validation},
                {shifted.data, path}, refuse, data.notes);
  }
}

// Every data set in it, with the file that it came from.
template <class Visit>
void for_each_part(const DataSection& section, PreparedData& data, Visit visit) {
  const auto source_of_part = [&](const std::string& file) { return file.empty() ? section.train : file; };
  visit(data.train, section.train);
  visit(data.validation.edit(), source_of_part(section.validation));
  visit(data.test.edit(), source_of_part(section.test));
  for (ShiftedData& shifted : data.shifted) visit(shifted.data.edit(), section.shifted.at(shifted.name));
}

// After the splits, which keep equal images together and look for those that two files share.
void corrupt_parts(const DataSection& section, PreparedData& data) {
  if (section.corrupt == Corruption::none) return;
  for_each_part(section, data,
                [&](Dataset& part, const std::string& file) { corrupt_images(part, section.corrupt, file); });
  data.notes.push_back(
      concat("every image is changed: data.corrupt = ", in_quotes(name_of(section.corrupt))));
}

// Samples that are no images cannot be changed as images are.
void refuse_image_keys(const Config& config, const Dataset& train) {
  const bool are_sounds = find_sounds(train) != nullptr;
  const char* key = !config.data.augment.empty() && !are_sounds ? "data.augment"
                    : config.model.image_size > 0               ? "model.image_size"
                                                                : nullptr;
  if (key != nullptr)
    fail_input(key, " is for pictures, and these samples are ", Shape(train.sample_shape()), " (",
               config.data.train, "); leave it out");
}

// IDX images become pictures where the model wants them larger, smaller or in colour, or they are augmented.
void show_idx_parts(Reading& reading, PreparedData& data) {
  if (find_pictures(data.train) != nullptr) return;
  const Numbers* images = find_numbers(data.train);
  if (images == nullptr || images->shape.size() != 3 || !reading.image) {
    refuse_image_keys(reading.config, data.train);
    return;
  }
  const PictureView view = picture_view(reading.config, reading.model, data.train);
  if (view.sample_shape() == images->shape && reading.config.data.augment.empty()) return;
  for (Dataset* part : parts_of(data)) show_images(view, reading.pictures, *part);
  reading.view = view;
  data.notes.push_back(describe_pictures(*find_pictures(data.train)));
}

void tokenize_parts(const Reading& reading, PreparedData& data) {
  const TextInput& input = *reading.text;
  const std::vector<Dataset*> parts = parts_of(data);
  const std::string init = reading.model.weights_folder ? reading.model.weights_folder->root : "";
  for (const std::string& warning : {tokenize(input, parts), note_of_tokenizer(input, init, data.train)})
    if (!warning.empty()) data.notes.push_back(warning);
  std::int64_t texts = 0, cut = 0;
  for (const Dataset* part : parts) {
    texts += part->size();
    cut += count_full(input, *part);
  }
  if (std::string note = note_of_cut(input, cut, texts); !note.empty())
    data.notes.push_back(note + " (model.max_length)");
}

// Transcripts are in another column where none is named.
std::string label_column(const DataSection& section) {
  const bool is_default = section.label == DataSection().label;
  return is_default && find_task(section.task).targets() == Targets::transcripts ? "text" : section.label;
}

}  // namespace

DataSource data_source(const Config& config, const std::string& path) {
  const DataSection& data = config.data;
  DataSource source;
  source.path = path;
  source.targets = find_task(data.task).targets();
  source.label = label_column(data);
  source.group = data.group;
  source.features = data.features;
  source.ignore = data.ignore;
  source.categories = data.categories;
  source.takes_missing = data.missing == Missing::median;
  source.separator = data.separator.empty() ? '\0' : data.separator[0];
  source.quote = data.quote;
  source.merge = data.merge;
  source.classes = data.classes;
  const bool has_classes = source.targets == Targets::classes;
  source.drop_other_classes = has_classes && !data.classes.empty();
  source.require_every_class = has_classes && (!data.classes.empty() || !data.merge.empty());
  return source;
}

std::string describe_read(const Dataset& data, const std::string& path) {
  std::string text = concat(path == "-" ? "standard input" : path, ": ", data.size(),
                            data.size() == 1 ? " sample" : " samples");
  if (!data.columns.empty())
    text += concat(" of ", data.columns.size(),
                   data.columns.size() == 1 ? " feature, " : " features: ", name_list(data.columns));
  return text;
}

PreparedData load_data(const Config& config, const ModelSource& source, bool want_test,
                       bool refuse_duplicates) {
  const DataSection& section = config.data;
  if (section.train.empty()) fail_input("no training data are named (", config.path, "); set data.train");
  Reading reading{config, source, text_input(config, source), sound_input(config, source),
                  picture_column(config, source)};
  PreparedData data;
  data.task = &find_task(section.task);
  data.train = read_part(reading, section.train, nullptr, data.notes);
  note_contradictions({data.train, section.train}, data.notes);
  const std::optional<Origin> origin = source.origin();
  data.target_scaling = choose_target_scaling(config, origin, data.notes);
  if (data.target_scaling == Scaling::model) data.preprocess.target_scale = origin->preprocess.target_scale;
  Task::Notes odd = data.task->look_at(data.train, section.train, !section.classes.empty());
  if (data.target_scaling != Scaling::none) odd = {};  // of a regression: that it is not
  data.notes.insert(data.notes.end(), odd.notes.begin(), odd.notes.end());
  data.questions = std::move(odd.questions);
  data.notes.insert(data.notes.end(), data.questions.begin(), data.questions.end());
  if (data.task->has_classes())
    for (const std::string& note : notes_of_spellings(data.train.classes)) data.notes.push_back(note);
  const double test_fraction = section.test_fraction.value_or(want_test ? 0.2 : 0.0);
  read_or_split(reading, section.test, test_fraction, "test", refuse_duplicates, data, data.test.edit());
  read_or_split(reading, section.validation, section.validation_fraction, "validation", refuse_duplicates,
                data, data.validation.edit());
  // What is split off the training file is kept apart from the rest of it, not from another file.
  if (!section.validation.empty())
    check_apart(config, {data.test, section.test.empty() ? section.train : section.test},
                {data.validation, section.validation}, refuse_duplicates, data.notes);
  read_shifted(reading, refuse_duplicates, data);
  if (data.test->size() > 0) data.test_hash = content_hash(data.test);
  corrupt_parts(section, data);
  const std::optional<TextInput>& text = reading.text;
  if (text) tokenize_parts(reading, data);
  show_idx_parts(reading, data);
  if (reading.sound) data.notes.push_back(describe_sounds(parts_of(data), *reading.sound->hearing));

  Preprocess& preprocess = data.preprocess;
  preprocess.task = data.task;
  preprocess.quote = section.quote;
  if (!text && !reading.sound) preprocess.sample_shape = data.train.sample_shape();
  preprocess.columns = data.train.columns;
  preprocess.labels = data.train.classes;
  preprocess.label_column = label_column(section);
  preprocess.group_column = section.group;
  if (text) {
    preprocess.text_column = text->column;
    preprocess.pair_column = text->pair_column;
    preprocess.max_length = text->max_length;
    preprocess.normalize = text->normalize;
  }
  if (reading.sound) {
    preprocess.audio_column = reading.sound->column;
    preprocess.whole_context = reading.sound->whole_context;
  }
  if (reading.view) {
    preprocess.image_column = reading.image->empty() ? "image" : *reading.image;
    preprocess.view = reading.view;
  }
  choose_preprocess(config, source, data);
  return data;
}

PreparedData draw_training_data(const Config& config, const PreparedData& loaded, std::uint64_t draw_seed) {
  const DataSection& section = config.data;
  PreparedData data{.train = {},
                    .validation = loaded.validation,
                    .test = loaded.test,
                    .shifted = loaded.shifted,
                    .test_hash = loaded.test_hash,
                    .task = loaded.task,
                    .scaling = loaded.scaling,
                    .target_scaling = loaded.target_scaling,
                    .preprocess = loaded.preprocess,
                    .notes = loaded.notes,
                    .questions = loaded.questions};
  // Inputs are shared until they are scaled.
  if (section.samples_per_class > 0)
    data.train = loaded.train.subset(draw_per_class(loaded.train, section.samples_per_class, draw_seed));
  const Dataset& pool = section.samples_per_class > 0 ? data.train : loaded.train;
  if (section.limit > 0)
    data.train = pool.subset(draw_rows(pool, section.limit, draw_seed));
  else if (section.samples_per_class == 0)
    data.train = loaded.train;
  if (data.train.size() != loaded.train.size())
    data.notes.push_back(concat("training: ", data.train.size(), " of ", loaded.train.size(),
                                " samples drawn (seed ", draw_seed, ")"));
  fit_preprocess(config, data);
  if (const Pictures* pictures = find_pictures(data.train); pictures != nullptr && !section.augment.empty())
    data.train.inputs = std::make_shared<const Pictures>(*pictures, augmentations(config));
  return data;
}

PreparedData prepare_data(const Config& config, const ModelSource& source, std::uint64_t draw_seed,
                          bool want_test, bool refuse_duplicates) {
  return draw_training_data(config, load_data(config, source, want_test, refuse_duplicates), draw_seed);
}

}  // namespace thaw
