#include "finetune/task/transcription.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/ops.h"
#include "finetune/common/text.h"
#include "finetune/data/dictation.h"
#include "finetune/data/readers/transcripts.h"
#include "finetune/task/transcription_metrics.h"
#include "kernels/ctc.h"

namespace thaw {
namespace {

class Transcription final : public Task {
 public:
  const char* name() const override { return "transcription"; }
  Targets targets() const override { return Targets::transcripts; }
  std::int64_t outputs(const Dataset& train) const override {
    return static_cast<std::int64_t>(train.classes.size());
  }

  Notes look_at(const Dataset& train, const std::string& path, bool) const override {
    Notes notes;
    if (train.dictation != nullptr) return notes;
    const std::vector<std::string> characters = written_characters(train.classes);
    notes.notes.push_back(concat("the model writes ", characters.size() + 1, " characters: the space, ",
                                 name_list(characters)));
    if (const std::string few = unusable(train, path); !few.empty()) notes.questions.push_back(few);
    return notes;
  }

  std::string unusable(const Dataset& data, const std::string& path) const override {
    if (data.dictation != nullptr) return {};
    std::int64_t count = 0, first = -1;
    for (std::int64_t row = 0; row < data.size(); ++row) {
      if (data.inputs->length(row) >= least_ctc_frames(data[row].characters)) continue;
      if (count++ == 0) first = row;
    }
    if (count == 0) return {};
    return concat("warning: ", count, count == 1 ? " sound of " : " sounds of ", path,
                  count == 1 ? " is too short for its transcript" : " are too short for their transcripts",
                  " (first: row ", data[first].id + 1, "): nothing is learnt from ",
                  count == 1 ? "it" : "them", ", and the loss of an evaluation leaves ",
                  count == 1 ? "it" : "them", " out");
  }

  Tensor loss(const Tensor& output, const Batch& batch, const LossOptions&) const override {
    if (!batch.lengths.defined()) return cross_entropy(output, batch.target, {.ignore_index = kPromptGoesOn});
    return ctc_loss(output, batch.lengths, batch.target, batch.target_lengths, {.zero_infinity = true});
  }

  const std::vector<MetricSpec>& metrics() const override {
    constexpr bool kHigher = true, kRelative = true;
    // name, words, higher is better, relative margin, least, most, range of scores, needs, function
    static const std::vector<MetricSpec> list = {
        {"loss", "loss", !kHigher, kRelative, 0, INFINITY, 0, Requires::nothing, transcription_loss},
        {"cer", "character error rate", !kHigher, !kRelative, 0, INFINITY, 0, Requires::nothing,
         character_error_rate},
        {"wer", "word error rate", !kHigher, !kRelative, 0, INFINITY, 0, Requires::nothing, word_error_rate},
        {"plain_cer", "character error rate, without signs and case", !kHigher, !kRelative, 0, INFINITY, 0,
         Requires::nothing, plain_character_error_rate},
        {"plain_wer", "word error rate, without signs and case", !kHigher, !kRelative, 0, INFINITY, 0,
         Requires::nothing, plain_word_error_rate},
    };
    return list;
  }
  const char* main_metric() const override { return "cer"; }
  std::vector<std::string> shown_metrics() const override { return {"loss", "cer", "wer"}; }

  // No baseline: what looks at no sound writes nothing.
  std::vector<float> constant_output(const Dataset&) const override { return {}; }
  const char* about_constant() const override { return "an empty transcript"; }

  // With the CTC loss its solver needs many minutes for a few sounds.
  bool has_probe() const override { return false; }

  Fields prediction(const Outputs& outputs, std::int64_t sample, const std::vector<std::string>& classes,
                    bool) const override {
    return {{"text", written_text(outputs, sample, classes)}};
  }
};

}  // namespace

const Task& transcription() {
  static const Transcription task;
  return task;
}

}  // namespace thaw
