// Transcription: speech to text. Character by character, by connectionist temporal classification over outputs [N, C] of
// all places (ctc_loss in core/ops.h), class 0 being the blank; or by a model that writes tokens (finetune/data/dictation.h),
// with the cross-entropy of the next token.
#pragma once

#include "finetune/task/task.h"

namespace thaw {

const Task& transcription();

}  // namespace thaw
