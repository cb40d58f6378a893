// The states that a Whisper folder's encoder ends with, for golden/check_speech.py.
//   dump_sound_model FOLDER FILE [full]    FILE: a sound, or a table with a column audio; full: in the whole context
// Prints 32-bit floats, little-endian: [places, C] of the first sound, then of the next.
#include <cstdio>
#include <exception>
#include <memory>
#include <string>

#include "core/error.h"
#include "finetune/data/readers/readers.h"
#include "finetune/model/model_folder.h"
#include "finetune/model/sound_source.h"
#include "finetune/task/evaluate.h"

int main(int count, char** words) {
  using namespace thaw;
  try {
    if (count < 3) fail_input("usage: dump_sound_model FOLDER FILE [full]");
    ModelFolder folder = read_model_folder(words[1]);
    folder.config.decoder.writes = false;
    folder.config.outputs = 1;
    const auto model = make_model(folder.config);
    load_weights(*model, *folder.weights);
    DataSource source;
    source.path = words[2];
    source.targets = Targets::none;
    source.audio = "audio";
    Dataset data = read_dataset(source);
    const bool full = count > 3 && std::string(words[3]) == "full";
    hear({"audio", full, read_hearing(folder.path, folder.config, full)}, {&data});
    const Outputs states = features_all(*model, data);
    std::fwrite(states.values.data(), sizeof states.values[0], states.values.size(), stdout);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "dump_sound_model: error: %s\n", error.what());
    return 2;
  }
}
