// Transcripts: the alphabet that they make, what a path through it says, and the error rates.
#include "finetune/task/transcription.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "core/ops.h"
#include "finetune/common/statistics.h"
#include "finetune/data/readers/transcripts.h"
#include "finetune/task/transcription_metrics.h"
#include "tests/support/datasets.h"
#include "tests/support/messages.h"

namespace thaw::test {
namespace {

using Strings = std::vector<std::string>;
using Places = std::vector<std::int64_t>;

Dataset transcribed(const Strings& texts, const Strings& classes = {}) {
  Dataset data = make_samples(static_cast<std::int64_t>(texts.size()));
  data.targets = Targets::transcripts;
  DataSource source;
  source.path = "speech.csv";
  source.classes = classes;
  give_transcripts(data, texts, source);
  return data;
}

TEST(Transcripts, TheAlphabetIsTheBlankTheSpaceAndEveryCharacter) {
  const Dataset data = transcribed({"ja  nee ", "één ja"});
  EXPECT_EQ(data.classes, (Strings{"<pad>", "|", "a", "e", "j", "n", "é"}));
  EXPECT_EQ(data[0].transcript, "ja nee");
  EXPECT_EQ(data[0].characters, (Places{4, 2, 1, 5, 3, 3}));
  EXPECT_EQ(data[1].characters, (Places{6, 6, 5, 1, 4, 2}));
  EXPECT_TRUE(data.notes.empty());
}

TEST(Transcripts, WhatTheModelCannotWriteIsLeftOutAndSaid) {
  const Dataset data = transcribed({"abc", "xay|"}, {"<pad>", "|", "a", "b"});
  EXPECT_EQ(data[0].characters, (Places{2, 3}));
  EXPECT_EQ(data[1].characters, (Places{2})) << "a stroke is no space";
  EXPECT_EQ(data[1].transcript, "xay|");
  ASSERT_EQ(data.notes.size(), 1U);
  expect_has(data.notes[0], "2 transcripts of speech.csv");
}

TEST(Transcripts, ClassesThatAreNoAlphabetAreRefused) {
  for (const Strings& classes :
       {Strings{"a", "b", "c"}, Strings{"<pad>", "a", "|"}, Strings{"<pad>", "|"},
        Strings{"<pad>", "|", "a", "a"}, Strings{"<pad>", "|", "ij"}, Strings{"<pad>", "|", ""}})
    expect_has(message_of<InputError>([&] { transcribed({"ab"}, classes); }), "no alphabet");
}

TEST(Transcripts, APathIsReadWithoutBlanksAndRepeats) {
  const Strings classes{"<pad>", "|", "a", "b"};
  EXPECT_EQ(text_of_path({0, 2, 2, 0, 2, 1, 1, 3, 3, 0}, classes), "aa b");
  EXPECT_EQ(text_of_path({1, 1, 0, 2, 1, 0, 1, 3, 1}, classes), "a b")
      << "spaces at the ends and beside each other";
  EXPECT_EQ(text_of_path({0, 0}, classes), "");
  EXPECT_EQ(text_of_path({}, classes), "");
}

// Outputs that write these texts: each character for a place, with a blank before it.
Outputs writing(const Strings& texts, const Strings& classes) {
  Outputs outputs;
  outputs.columns = static_cast<std::int64_t>(classes.size());
  outputs.starts = {0};
  const Dataset data = transcribed(texts, classes);
  for (const Sample& sample : data.samples) {
    for (const std::int64_t character : sample.characters)
      for (const std::int64_t best : {std::int64_t{0}, character})
        for (std::int64_t c = 0; c < outputs.columns; ++c) outputs.values.push_back(c == best ? 9.0F : 0.0F);
    outputs.starts.push_back(static_cast<std::int64_t>(outputs.values.size()) / outputs.columns);
  }
  return outputs;
}

// What jiwer says of these pairs.
TEST(TranscriptionMetrics, ErrorRatesAreRatiosOfSums) {
  const Strings right{"de vis zwemt weg", "ja hoor", "oké"}, wrong{"de vies zwem", "ja hoor", "oke"};
  Strings both = right;
  both.insert(both.end(), wrong.begin(), wrong.end());
  const Strings classes = transcribed(both).classes;
  const Dataset data = transcribed(right, classes);
  const Outputs outputs = writing(wrong, classes);
  EXPECT_EQ(written_text(outputs, 0, classes), "de vies zwem");
  const Scored characters = character_error_rate(outputs, data), words = word_error_rate(outputs, data);
  EXPECT_DOUBLE_EQ(characters.value, 7.0 / 26);
  EXPECT_DOUBLE_EQ(words.value, 4.0 / 7);
  EXPECT_NEAR(mean(characters.scores), characters.value, 1e-12);
  EXPECT_NEAR(mean(words.scores), words.value, 1e-12);
}

// Case and signs are how a text is written, not what is heard.
TEST(TranscriptionMetrics, PlainRatesLookAtLettersAndDigits) {
  const Strings right{"De vis: zwemt weg!", "Ja, hoor."}, wrong{"de vis zwemt weg", "ja hoog"};
  Strings both = right;
  both.insert(both.end(), wrong.begin(), wrong.end());
  const Strings classes = transcribed(both).classes;
  const Dataset data = transcribed(right, classes);
  const Outputs outputs = writing(wrong, classes);
  EXPECT_DOUBLE_EQ(plain_character_error_rate(outputs, data).value, 1.0 / 23);
  EXPECT_DOUBLE_EQ(plain_word_error_rate(outputs, data).value, 1.0 / 6);
  EXPECT_GT(word_error_rate(outputs, data).value, 0.5);
}

// As MetricList.SpreadOfScoresIsThatOfTheBootstrap has it for other tasks: long transcripts count for more.
TEST(TranscriptionMetrics, SpreadOfScoresIsThatOfTheBootstrap) {
  std::mt19937 random(5);
  Strings right, wrong;
  for (int i = 0; i < 200; ++i) {
    std::string text, other;
    for (unsigned k = 0; k < 2 + random() % 14; ++k) {
      text += k % 4 == 3 ? ' ' : static_cast<char>('a' + random() % 3);
      if (random() % 5 > 0) other += random() % 4 > 0 ? text.back() : 'b';
    }
    right.push_back(text + "c");
    wrong.push_back(other + "c");
  }
  const Strings classes{"<pad>", "|", "a", "b", "c"};
  const Dataset data = transcribed(right, classes);
  const Outputs outputs = writing(wrong, classes);
  for (const auto rate : {character_error_rate, word_error_rate, plain_character_error_rate}) {
    const Scored scored = rate(outputs, data);
    std::vector<double> values;
    for (int i = 0; i < 500; ++i) {
      std::vector<std::int64_t> rows;
      Outputs drawn{outputs.columns, {}, {0}};
      for (std::size_t k = 0; k < right.size(); ++k) {
        const auto row = static_cast<std::int64_t>(random() % right.size());
        rows.push_back(row);
        drawn.values.insert(drawn.values.end(), outputs.row(row), outputs.row(row + 1));
        drawn.starts.push_back(drawn.starts.back() + outputs.rows(row));
      }
      values.push_back(rate(drawn, data.subset(rows)).value);
    }
    const auto variance = [](const std::vector<double>& of) {
      double squares = 0;
      for (const double value : of) squares += std::pow(value - mean(of), 2);
      return squares / static_cast<double>(of.size() - 1);
    };
    EXPECT_NEAR(variance(values) / (variance(scored.scores) / static_cast<double>(right.size())), 1, 0.2);
  }
}

TEST(TranscriptionMetrics, TheLossIsThatOfTraining) {
  const Strings classes{"<pad>", "|", "a", "b"};
  const Dataset data = transcribed({"ab a", "b"}, classes);
  Outputs outputs = writing({"ab b", "a"}, classes);
  const Scored loss = transcription_loss(outputs, data);
  const Tensor logits = from_data(outputs.values.data(), {outputs.first_row(2), 4});
  const auto indices = [](const Places& values) {
    return from_data(values.data(), {static_cast<std::int64_t>(values.size())});
  };
  const Tensor expected = ctc_loss(logits, indices({8, 2}), indices({2, 3, 1, 2, 3}), indices({4, 1}));
  EXPECT_NEAR(loss.value, expected.item(), 1e-5);
}

TEST(TranscriptionMetrics, ASoundThatIsTooShortHasNoLoss) {
  const Strings classes{"<pad>", "|", "a", "b"};
  const Outputs outputs = writing({"ab", "a", "b"}, classes);
  const double of_two =
      transcription_loss(writing({"ab", "b"}, classes), transcribed({"ab", "b"}, classes)).value;
  const Scored loss =
      transcription_loss(outputs, transcribed({"ab", "aaaa", "b"}, classes));  // in two places
  EXPECT_NEAR(loss.value, of_two, 1e-6);
  EXPECT_EQ(loss.scores.size(), 3U);
  EXPECT_NEAR(mean(std::vector<double>(loss.scores.begin(), loss.scores.end())), of_two, 1e-6);
}

// Known before memory is taken for so many states.
TEST(Transcription, AnEndlessTranscriptTakesNoMemory) {
  Dataset data = transcribed({std::string(1 << 20, 'a')}, {"<pad>", "|", "a", "b"});
  Outputs outputs{4, std::vector<float>(4 * 1500, 0.0F), {0, 1500}};
  EXPECT_EQ(transcription_loss(outputs, data).value, 0);
}

TEST(TranscriptionMetrics, AFaultyOutputIsThatOfItsSample) {
  Outputs outputs = writing({"a", "ab", "b"}, {"<pad>", "|", "a", "b"});
  EXPECT_FALSE(first_row_not_finite(outputs));
  outputs.values[static_cast<std::size_t>(outputs.columns * outputs.starts[2])] = NAN;
  EXPECT_EQ(first_row_not_finite(outputs), 2);
  outputs.values[static_cast<std::size_t>(outputs.columns * outputs.starts[2] - 1)] = INFINITY;
  EXPECT_EQ(first_row_not_finite(outputs), 1);
}

// Of a model that writes: texts, and the sums of its tokens' losses.
TEST(TranscriptionMetrics, OfWrittenTexts) {
  const Strings classes{"<pad>", "|", "a", "b"};
  const Dataset data = transcribed({"ab a", "b"}, classes);
  const Outputs outputs{2, {3, 4, 2, 1}, {}, {"ab", "b b"}};
  const Scored loss = transcription_loss(outputs, data);
  EXPECT_DOUBLE_EQ(loss.value, 1.0);
  EXPECT_NEAR(loss.scores[0] + loss.scores[1], 2.0, 1e-12);
  EXPECT_NEAR(loss.scores[0], 1.0 - 1.0 / 2.5, 1e-12);
  EXPECT_DOUBLE_EQ(character_error_rate(outputs, data).value, 4.0 / 5.0);
  EXPECT_DOUBLE_EQ(word_error_rate(outputs, data).value, 2.0 / 3.0);
  EXPECT_EQ(std::get<std::string>(transcription().prediction(outputs, 1, classes, false)[0].second), "b b");
}

TEST(Transcription, APredictionIsItsText) {
  const Strings classes{"<pad>", "|", "a", "b"};
  const Outputs outputs = writing({"ab a"}, classes);
  const Fields fields = transcription().prediction(outputs, 0, classes, false);
  ASSERT_EQ(fields.size(), 1U);
  EXPECT_EQ(fields[0].first, "text");
  EXPECT_EQ(std::get<std::string>(fields[0].second), "ab a");
}

}  // namespace
}  // namespace thaw::test
