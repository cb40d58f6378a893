// What a picture file becomes, for golden/check_pictures.py.
//   dump_picture FILE [STEP]...    a line "WIDTH HEIGHT CHANNELS", then the pixels, a byte a value, row by row
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

#include "finetune/data/picture/picture_file.h"
#include "finetune/data/picture/resize.h"

namespace {

using Words = std::vector<std::string>;

std::int64_t number(const Words& words, std::size_t at) {
  if (at >= words.size()) throw std::runtime_error("numbers belong behind a step");
  return std::atoll(words[at].c_str());
}

void dump(const Words& words) {
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
  std::printf("%lld %lld %lld\n", static_cast<long long>(picture.width),
              static_cast<long long>(picture.height), static_cast<long long>(picture.channels));
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
