// Transcription: speech to text, character by character, by connectionist temporal classification over outputs [N, C] of
// all places (ctc_loss in core/ops.h). Class 0 is the blank.
#pragma once

#include "finetune/task/task.h"

namespace thaw {

const Task& transcription();

}  // namespace thaw
