// Python text from pieces that are modules of their own: their imports go to the top, once each.
#pragma once

#include <string>
#include <vector>

namespace thaw {

struct ScriptSection {
  std::string heading;
  std::string constants;            // assignments, which the pieces read
  std::vector<const char*> pieces;  // Python that begins with its imports
};

// `about`: the docstring's text.
std::string script_text(const std::string& about, const std::vector<ScriptSection>& sections);

}  // namespace thaw
