// Selectors: the one small language in which configs name parameters.
//
//   selector = item { "," item }       the union of the plain items less the union of those that begin with
//   "!" item     = all
//            | top:K                   the head and the K groups below it; top:0 is the head
//            | bottom:K                the K lowest groups
//            | kind:bias               also norm, embedding, lora, adapter; a norm's bias is of both kinds
//            | glob                    with * (crosses dots) ? [a-c] [!a-c]: tried on group names, then on
//                                      full parameter names; each name of a tied weight is tried
//
// A K beyond the number of groups means all of them. `all`, `top:`, `bottom:`, `kind:` and groups select a
// tied weight by all its names, a glob on names only by those that it matches.
#pragma once

#include <string>
#include <vector>

#include "finetune/plan/model_info.h"

namespace thaw {

// For each of model.parameters, whether the selector selects it. `where` is the place in the user's input
// ("strategy.phase 1: train") for messages. InputError if
//   - an item is malformed, or a glob in it matches nothing (a `kind:` that a model lacks is no mistake in a
//   union);
//   - nothing is selected;
//   - one name of a tied weight is selected and another is not.
std::vector<bool> select_parameters(const std::string& selector, const ModelInfo& model,
                                    const std::string& where);

}  // namespace thaw
