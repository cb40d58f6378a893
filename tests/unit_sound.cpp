// Sound files, other sampling rates, log-mel features.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>
#include <optional>
#include <string>
#include <vector>

#include "finetune/data/sound/log_mel.h"
#include "finetune/data/sound/resample.h"
#include "finetune/data/sound/sound_file.h"
#include "tests/support/files.h"
#include "tests/support/messages.h"

namespace thaw::test {
namespace {

using std::string_literals::operator""s;
using Floats = std::vector<float>;

// ---- files

std::string little_endian(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> 8 * i);
  return out;
}

std::string chunk(const std::string& name, const std::string& content) {
  return name + little_endian(content.size(), 4) + content + std::string(content.size() % 2, '\0');
}

std::string format(int kind, int channels, int rate, int bits) {
  const int frame = channels * ((bits + 7) / 8);
  return little_endian(kind, 2) + little_endian(channels, 2) + little_endian(rate, 4) +
         little_endian(std::uint64_t(rate) * frame, 4) + little_endian(frame, 2) + little_endian(bits, 2);
}

std::string extensible(int kind, int channels, int rate, int bits) {
  return format(0xFFFE, channels, rate, bits) + little_endian(22, 2) + little_endian(bits, 2) +
         little_endian(3, 4) + little_endian(kind, 2) + "\0\0\0\0\x10\0\x80\0\0\xAA\0\x38\x9B\x71"s;
}

std::string riff(const std::string& chunks) {
  return "RIFF" + little_endian(chunks.size() + 4, 4) + "WAVE" + chunks;
}

std::string wav(const std::string& format, const std::string& data) {
  return riff(chunk("fmt ", format) + chunk("data", data));
}

std::string pcm16(const std::vector<int>& values) {
  std::string out;
  for (const int value : values) out += little_endian(static_cast<std::uint64_t>(value), 2);
  return out;
}

// Six samples, 1 to 6 of 8, as libsndfile writes them.
// clang-format off
const std::string kFlac(
    "fLaC\000\000\000\042\020\000\020\000\000\000\017\000\000\017\001\364\000\360\000\000\000\006"
    "\251\262l\303\260n\206@|\023\344\205n*\211\246\204\000\000( \000\000\000referenc"
    "e libFLAC 1.4.2 20221022\000\000"
    "\000\000\377\370d\010\000\005\370\025\000\021 \003\300M\237",
    101);
// clang-format on

class SoundFiles : public ::testing::Test {
 protected:
  std::string write(const std::string& bytes) const { return folder_.write("clip", bytes); }

  Floats samples(const std::string& bytes) const { return read_sound(write(bytes)).samples; }

  // By both functions, in one line that names the file.
  void expect_refused(const std::string& bytes, const std::string& part) const {
    const std::string path = write(bytes);
    for (const std::string& message : {message_of<InputError>([&] { read_sound(path); }),
                                       message_of<InputError>([&] { read_sound_info(path); })}) {
      expect_has(message, part);
      expect_has(message, path);
      EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    }
  }

  // Nothing where the build has no libsndfile; its refusal must name the kind of file.
  std::optional<Floats> read_with_library(const std::string& bytes, const std::string& kind) const {
    const std::string path = write(bytes);
    Floats out;
    const std::string message = message_of<InputError>([&] { out = read_sound(path).samples; });
    if (message == kNothingThrown) return out;
    expect_has(message, kind + " needs a build with libsndfile (" + path + ")");
    return std::nullopt;
  }

  TemporaryFolder folder_;
};

TEST_F(SoundFiles, ReadsOneChannel) {
  const std::string path = write(wav(format(1, 1, 22050, 16), pcm16({0, 16384, -32768, 32767})));
  const Sound sound = read_sound(path);
  EXPECT_EQ(sound.rate, 22050);
  EXPECT_EQ(sound.samples, (Floats{0, 0.5f, -1, 32767.0f / 32768}));
  const auto [frames, rate, channels] = read_sound_info(path);
  EXPECT_EQ(frames, 4);
  EXPECT_EQ(rate, 22050);
  EXPECT_EQ(channels, 1);
}

TEST_F(SoundFiles, ReadsTheMeanOfTheChannels) {
  EXPECT_EQ(samples(wav(format(1, 2, 8000, 16), pcm16({0, 16384, -32768, -32768, 1, 2}))),
            (Floats{0.25f, -1, 1.5f / 32768}));
  EXPECT_EQ(samples(wav(format(1, 3, 8000, 16), pcm16({1024, 2048, 0, 1, 0, 0}))),
            (Floats{1024.0f / 32768, 1 / 98304.0f}));
  EXPECT_EQ(read_sound_info(write(wav(format(1, 2, 8000, 16), pcm16({1, 2, 3, 4})))).frames, 2);
}

TEST_F(SoundFiles, ReadsManyBlocks) {
  std::vector<int> values(20001);
  for (int i = 0; i < 20001; ++i) values[i] = i - 10000;
  const Floats read = samples(wav(format(1, 1, 16000, 16), pcm16(values)));
  for (std::size_t i = 0; i < values.size(); ++i)
    ASSERT_EQ(read.at(i), static_cast<float>(values[i]) / 32768);
}

TEST_F(SoundFiles, SkipsOtherChunks) {
  const std::string data = pcm16({1, 2, 3});
  const Floats expected{1.0f / 32768, 2.0f / 32768, 3.0f / 32768};
  EXPECT_EQ(samples(wav(extensible(1, 1, 8000, 16), data)), expected);
  EXPECT_EQ(samples(riff(chunk("LIST", "odd") + chunk("fmt ", format(1, 1, 8000, 16)) +
                         chunk("fact", "1234") + chunk("data", data) + chunk("LIST", "behind"))),
            expected);
  EXPECT_EQ(samples(wav(format(1, 1, 8000, 16), data + "x")), expected);
  EXPECT_EQ(samples(wav(format(1, 1, 8000, 16) + std::string(2, '\0'), data)), expected);
}

TEST_F(SoundFiles, ReadsToTheEndWhereTheSizeIsNotKnown) {
  for (const std::string& size : {std::string(4, '\0'), std::string(4, '\xff')}) {
    std::string head = riff(chunk("fmt ", format(1, 2, 8000, 16)) + "data" + size);
    head.replace(4, 4, size);
    const std::string path = write(head + pcm16({8192, 8192, -8192, -8192}) + "cut");
    EXPECT_EQ(read_sound(path).samples, (Floats{0.25f, -0.25f}));
    EXPECT_EQ(read_sound_info(path).frames, 2);
    EXPECT_EQ(samples(head), Floats{});
  }
  EXPECT_EQ(samples(riff(chunk("fmt ", format(1, 1, 8000, 16)) + chunk("data", "") + chunk("LIST", "words"))),
            Floats{});
}

TEST_F(SoundFiles, RefusesAFileCutAnywhere) {
  const std::string whole = riff(chunk("LIST", "odd") + chunk("fmt ", extensible(1, 2, 8000, 16)) +
                                 chunk("data", pcm16({1, 2, 3, 4, 5, 6})));
  EXPECT_EQ(samples(whole).size(), 3);
  expect_refused("", "an empty file");
  for (std::size_t size = 1; size < whole.size(); ++size) expect_refused(whole.substr(0, size), "(");
  expect_refused(whole.substr(0, whole.size() - 1), "ends before its 3 frames");
}

TEST_F(SoundFiles, RefusesWhatCannotBe) {
  const std::string good = format(1, 1, 8000, 16), data = chunk("data", pcm16({1, 2}));
  const auto with_format = [&](const std::string& bytes) { return riff(chunk("fmt ", bytes) + data); };
  expect_refused(riff(chunk("fmt ", good) + "data" + little_endian(0xFFFFFFF0, 4) + "1234"),
                 "ends before its 2147483640 frames");
  expect_refused(riff("LI\n\x01" + little_endian(0xFFFFFFFF, 4) + "1234"), "inside its chunk \"LI");
  expect_refused(riff("fmt " + little_endian(0x7FFFFFFF, 4) + good), "inside its chunk \"fmt \"");
  expect_refused(riff(chunk("fmt ", good)), "no chunk \"data\"");
  expect_refused(riff(data), "before the chunk \"fmt \"");
  expect_refused(with_format(good.substr(0, 14)), "14 bytes instead of 16");
  expect_refused(with_format(format(1, 0, 8000, 16)), "0 channels");
  expect_refused(with_format(format(1, 257, 8000, 16)), "257 channels");
  expect_refused(with_format(format(1, 1, 0, 16)), "a rate of 0");
  expect_refused(with_format(format(1, 1, 768001, 16)), "a rate of 768001");
  expect_refused(with_format(good.substr(0, 12) + little_endian(3, 2) + good.substr(14)),
                 "frames of 3 bytes");
  EXPECT_EQ(samples(wav(format(1, 256, 768000, 16), pcm16(std::vector<int>(512, 8192)))),
            (Floats{0.25f, 0.25f}));
}

TEST_F(SoundFiles, RefusesWhatIsNoSoundFile) {
  expect_refused("text,label\n", "not a sound file");
  expect_refused("RIFF1234AVI ", "not a sound file");
  for (const std::string& path : {folder_.path(), folder_.path("missing.wav")})
    expect_has(message_of<InputError>([&] { read_sound(path); }), path);
}

TEST_F(SoundFiles, ReadsOtherEncodingsWithLibsndfile) {
  const auto expect_read = [&](const std::string& bytes, const std::string& kind, const Floats& expected) {
    const auto read = read_with_library(bytes, kind);
    EXPECT_EQ(read.value_or(expected), expected) << kind;
    return read.has_value();
  };
  const std::string floats = little_endian(0x3F000000, 4) + little_endian(0xBE800000, 4);  // 0.5, -0.25
  const std::string nan = little_endian(0x7FC00000, 4), three = "\0\0\x40\0\0\xC0"s;
  expect_read(wav(format(1, 1, 8000, 8), "\x80\xC0"), "WAV of 8-bit PCM", {0, 0.5f});
  expect_read(wav(format(1, 1, 8000, 24), three), "WAV of 24-bit PCM", {0.5f, -0.5f});
  if (!expect_read(wav(extensible(3, 2, 8000, 32), floats), "WAV of 32-bit floats", {0.125f})) return;
  expect_refused(wav(format(3, 1, 8000, 32), floats).substr(0, 50), "inside its chunk \"data\"");
  expect_has(message_of<InputError>([&] { samples(wav(format(3, 1, 8000, 32), floats + nan)); }),
             "no finite number (" + folder_.path("clip") + ", frame 3)");
}

TEST_F(SoundFiles, ReadsFlacWithLibsndfile) {
  const auto read = read_with_library(kFlac, "FLAC");
  if (!read) return;  // this build has none
  EXPECT_EQ(*read, (Floats{0.125f, 0.25f, 0.375f, 0.5f, 0.625f, 0.75f}));
  EXPECT_EQ(read_sound_info(write(kFlac)).frames, 6);
  for (std::size_t size = 1; size < kFlac.size(); ++size)
    EXPECT_THROW(samples(kFlac.substr(0, size)), InputError) << size;
  expect_refused("fLaC" + std::string(200, 'x'), "of the kind FLAC");
}

// ---- rates

Floats sine(double hertz, std::int64_t rate, std::int64_t count) {
  Floats out;
  for (std::int64_t i = 0; i < count; ++i)
    out.push_back(static_cast<float>(
        std::sin(2 * std::numbers::pi * hertz * static_cast<double>(i) / static_cast<double>(rate))));
  return out;
}

// Away from the ends, where the filter sees the silence around.
double largest_difference(const Floats& a, const Floats& b, std::size_t margin = 0) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0;
  for (std::size_t i = margin; i + margin < std::min(a.size(), b.size()); ++i)
    largest = std::max(largest, std::abs(double{a[i]} - double{b[i]}));
  return largest;
}

TEST(Resample, KeepsSines) {
  const std::vector<std::pair<std::int64_t, std::int64_t>> rates{
      {22050, 16000}, {8000, 16000},  {44100, 16000}, {48000, 16000},
      {16000, 22050}, {11025, 16000}, {16001, 16000}};
  for (const auto& [from, to] : rates) {
    for (const double share : {0.01, 0.5, 0.89}) {
      const double hertz = share * static_cast<double>(std::min(from, to)) / 2;
      const Floats out = resample(sine(hertz, from, from / 4), from, to);
      const Floats expected = sine(hertz, to, (from / 4 * to + from - 1) / from);
      EXPECT_LT(largest_difference(out, expected, 400), 3e-5)
          << from << " to " << to << ", " << hertz << " Hz";
    }
  }
}

TEST(Resample, RemovesWhatTheNewRateCannotHold) {
  for (const double hertz : {8010.0, 9000.0, 15000.0, 21000.0}) {
    const Floats out = resample(sine(hertz, 44100, 11025), 44100, 16000);
    EXPECT_LT(largest_difference(out, Floats(out.size()), 400), 3e-5) << hertz;
  }
}

TEST(Resample, GivesLengths) {
  const auto length = [](std::size_t n, int from, int to) { return resample(Floats(n), from, to).size(); };
  EXPECT_EQ(length(0, 22050, 16000), 0);
  EXPECT_EQ(length(1, 48000, 16000), 1);
  EXPECT_EQ(length(4, 48000, 16000), 2);
  EXPECT_EQ(length(5, 8000, 16000), 10);
  EXPECT_EQ(length(22050, 22050, 16000), 16000);
  EXPECT_EQ(length(100, 767999, 1), 1);
  EXPECT_EQ(resample(Floats{1, 2, 3}, 5, 5), (Floats{1, 2, 3}));
}

TEST(Resample, OfAnImpulseIsTheFilter) {
  Floats impulse(601);
  impulse[300] = 1;
  const Floats out = resample(impulse, 8000, 16000);
  EXPECT_NEAR(out[600], kCutoff, 1e-7);
  double sum = 0;
  for (std::size_t i = 0; i <= 1200; ++i) {
    sum += out[i];
    EXPECT_NEAR(out[i], out[1200 - i], 1e-7);
  }
  EXPECT_NEAR(sum, 2, 1e-4);
}

TEST(Resample, IsLinear) {
  const Floats a = sine(440, 22050, 3000), b = sine(3000, 22050, 3000);
  Floats both(3000), expected;
  for (std::size_t i = 0; i < both.size(); ++i) both[i] = a[i] + 2 * b[i];
  const Floats out_a = resample(a, 22050, 16000), out_b = resample(b, 22050, 16000);
  for (std::size_t i = 0; i < out_a.size(); ++i) expected.push_back(out_a[i] + 2 * out_b[i]);
  EXPECT_LT(largest_difference(resample(both, 22050, 16000), expected), 1e-6);
}

// A long clip has its taps in a table, a short one has not.
TEST(Resample, HasOneAnswerForShortAndLongClips) {
  const Floats wave = sine(700, 22050, 4000);
  const Floats lengthy = resample(wave, 22050, 16000);
  const Floats brief = resample({wave.data(), 400}, 22050, 16000);
  for (std::size_t i = 0; i < 200; ++i) EXPECT_NEAR(brief.at(i), lengthy.at(i), 1e-6);
}

// ---- features

Floats chirp(std::size_t count) {
  Floats out;
  for (std::size_t n = 0; n < count; ++n) {
    const double t = static_cast<double>(n) / 16000;
    out.push_back(static_cast<float>(0.5 * std::sin(2 * std::numbers::pi * (200 * t + 4000 * t * t))));
  }
  return out;
}

double slaney_hertz(double mels) {
  return mels < 15 ? mels * 200 / 3 : 1000 * std::pow(6.4, (mels - 15) / 27);
}

// The definition in log_mel.h, sum by sum, for frequencies up to 8 kHz.
Floats by_definition(Floats x, const LogMelOptions& o) {
  x.resize(static_cast<std::size_t>(o.chunk));
  const std::int64_t N = o.window, bins = N / 2 + 1;
  const double top = 15 + 27 * std::log(8.0) / std::log(6.4),
               angle = 2 * std::numbers::pi / static_cast<double>(N);
  std::vector<std::complex<double>> turns;
  for (std::int64_t n = 0; n < N; ++n) turns.push_back(std::polar(1.0, -angle * static_cast<double>(n)));
  std::vector<double> logs;
  for (std::int64_t t = 0; t < o.chunk / o.hop; ++t) {
    std::vector<double> power;
    for (std::int64_t k = 0; k < bins; ++k) {
      std::complex<double> sum;
      for (std::int64_t n = 0; n < N; ++n) {
        std::int64_t at = std::abs(t * o.hop - N / 2 + n);
        if (at > o.chunk - 1) at = 2 * (o.chunk - 1) - at;
        const double hann = 0.5 - 0.5 * turns[static_cast<std::size_t>(n)].real();
        sum += x[static_cast<std::size_t>(at)] * hann * turns[static_cast<std::size_t>(k * n % N)];
      }
      power.push_back(std::norm(sum));
    }
    for (std::int64_t j = 0; j < o.mels; ++j) {
      double f[3], mel = 0;
      for (int i = 0; i < 3; ++i)
        f[i] = slaney_hertz(top * static_cast<double>(j + i) / static_cast<double>(o.mels + 1));
      for (std::int64_t k = 0; k < bins; ++k) {
        const double hertz = static_cast<double>(k * o.rate) / static_cast<double>(N);
        const double slope = std::min((hertz - f[0]) / (f[1] - f[0]), (f[2] - hertz) / (f[2] - f[1]));
        mel += std::max(0.0, slope) * 2 / (f[2] - f[0]) * power[static_cast<std::size_t>(k)];
      }
      logs.push_back(std::log10(std::max(mel, 1e-10)));
    }
  }
  const double largest = *std::max_element(logs.begin(), logs.end());
  Floats out;
  for (const double log : logs) out.push_back(static_cast<float>((std::max(log, largest - 8) + 4) / 4));
  return out;
}

void expect_as_defined(const Floats& clip, const LogMelOptions& options) {
  const LogMel log_mel(options);
  const Floats expected = by_definition(clip, options), whole = log_mel(clip, true), part = log_mel(clip);
  EXPECT_LT(largest_difference(whole, expected), 1e-6) << clip.size();
  ASSERT_EQ(part.size(), log_mel.frames(static_cast<std::int64_t>(clip.size())) * options.mels);
  EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin())) << clip.size();
}

TEST(LogMel, IsAsDefined) {
  const LogMelOptions brief{.chunk = 3200};
  // Lengths at which frames begin and end, and at which the mirrored end is heard.
  for (const std::size_t size : {0, 1, 199, 320, 321, 1000, 1960, 2999, 3199, 3200})
    expect_as_defined(chirp(size), brief);
  expect_as_defined(Floats(700), brief);
  expect_as_defined({1}, brief);
  expect_as_defined(chirp(3000), {.rate = 24000, .window = 402, .hop = 150, .mels = 128, .chunk = 3100});
}

// The loudest frame may be one behind those that are given.
TEST(LogMel, KnowsTheLoudestFrame) {
  Floats clip(320, 1e-4f);
  clip.back() = 1;
  expect_as_defined(clip, {.chunk = 3200});
}

TEST(LogMel, OfSilenceIsTheLeast) {
  for (const float value : LogMel(LogMelOptions{})(Floats(5000))) ASSERT_EQ(value, -1.5f);
}

TEST(LogMel, CountsFrames) {
  const LogMel log_mel(LogMelOptions{});
  const std::vector<std::pair<int, int>> counts{{0, 2},         {1, 2},         {320, 2},
                                                {321, 4},       {640, 4},       {64000, 400},
                                                {479680, 2998}, {479681, 3000}, {480000, 3000}};
  for (const auto& [samples, frames] : counts) EXPECT_EQ(log_mel.frames(samples), frames) << samples;
  EXPECT_EQ(LogMel({.chunk = 800}).frames(800), 5);
}

// What transformers 5.24 gives for the chirp of 16,000 samples, at some frames and mels.
TEST(LogMel, IsTheExtractors) {
  const std::vector<std::pair<std::pair<int, int>, float>> values{
      {{0, 4}, 1.284325f},   {{0, 6}, 1.317109f},    {{10, 26}, 1.406352f}, {{10, 28}, 1.119682f},
      {{30, 51}, 1.342154f}, {{30, 53}, 0.430183f},  {{60, 68}, 1.28911f},  {{60, 70}, -0.2350407f},
      {{99, 79}, 1.175844f}, {{75, 60}, -0.5838262f}};
  const Floats found = LogMel(LogMelOptions{})(chirp(16000));
  for (const auto& [at, value] : values)
    EXPECT_NEAR(found[static_cast<std::size_t>(at.first * 80 + at.second)], value, 1e-5);
}

}  // namespace
}  // namespace thaw::test
