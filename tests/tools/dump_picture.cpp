// What a picture file becomes, for golden/check_pictures.py.
//   dump_picture FILE [STEP]...    a line "WIDTH HEIGHT CHANNELS", then the pixels, a byte a value, row by row
//   dump_picture FILE as FOLDER    the same line, then 32-bit floats, channel by channel: what a model in colour sees that
//                                  has FOLDER/preprocessor_config.json
// STEP: grey | colour | bilinear W H | bicubic W H | crop W H, one after another.
// FILE "-": a list of such commands on standard input, one a line with tabs between the words, answered one after another.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "finetune/data/pictures.h"
#include "finetune/preprocess/image_input.h"
#include "nn/io/sha256.h"

namespace {

using Words = std::vector<std::string>;

std::int64_t number(const Words& words, std::size_t at) {
  if (at >= words.size()) throw std::runtime_error("numbers belong behind a step");
  return std::atoll(words[at].c_str());
}

void write_head(std::int64_t width, std::int64_t height, std::int64_t channels) {
  std::printf("%lld %lld %lld\n", static_cast<long long>(width), static_cast<long long>(height),
              static_cast<long long>(channels));
}

void dump_as(const std::string& file, const std::string& folder) {
  thaw::ModelConfig model;
  model.architecture = "vit";
  model.sample_shape = {3, 0, 0};
  const auto input = thaw::read_image_input(folder, model);
  if (!input || !input->view)
    throw std::runtime_error("no size in " + folder + ": " + (input ? input->view_problem : ""));
  const std::string bytes = thaw::read_picture_bytes(file);
  const thaw::Pictures files(
      thaw::source_of_files({{file, thaw::read_picture_info(bytes, file), thaw::sha256_hex(bytes)}}));
  const thaw::Pictures seen(thaw::Pictures(files, *input->view),
                            thaw::Standardizer{input->mean, input->deviation});
  const std::vector<float> values = seen.values(0);
  write_head(input->view->width, input->view->height, 3);
  std::fwrite(values.data(), sizeof values[0], values.size(), stdout);
  std::fflush(stdout);
}

void dump(const Words& words) {
  if (words.size() == 3 && words[1] == "as") return dump_as(words[0], words[2]);
  thaw::Picture picture = thaw::decode_picture(thaw::read_picture_bytes(words.at(0)), words.at(0));
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::string& step = words[i];
    if (step == "grey" || step == "colour") {
      picture = thaw::with_channels(std::move(picture), step == "grey" ? 1 : 3);
      continue;
    }
    const std::int64_t width = number(words, i + 1), height = number(words, i + 2);
    i += 2;
    if (step == "crop")
      picture = thaw::centre_crop(picture, width, height);
    else if (step == "bilinear" || step == "bicubic")
      picture =
          thaw::resized(picture, width, height,
                        step == "bilinear" ? thaw::ResizeFilter::bilinear : thaw::ResizeFilter::bicubic);
    else
      throw std::runtime_error("no such step: " + step);
  }
  write_head(picture.width, picture.height, picture.channels);
  std::fwrite(picture.pixels.data(), 1, picture.pixels.size(), stdout);
  std::fflush(stdout);
}

}  // namespace

int main(int count, char** arguments) {
  try {
    const Words words(arguments + 1, arguments + count);
    if (words.empty()) throw std::runtime_error("usage: dump_picture FILE [STEP]...");
    if (words[0] != "-") {
      dump(words);
      return 0;
    }
    for (std::string line; std::getline(std::cin, line);) {
      Words command;
      std::istringstream stream(line);
      for (std::string word; std::getline(stream, word, '\t');) command.push_back(word);
      dump(command);
    }
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "dump_picture: error: %s\n", error.what());
    return 2;
  }
}
