// The functions that a header declares, as far as the op table has to know: whatever they return, each
// overload.
#pragma once

#include <string>
#include <vector>

namespace thaw::test {

struct Declaration {
  std::string name;   // "pow", "operator+"
  std::string types;  // of its parameters, without names and defaults: "const Tensor&, double"
};

// Of a header's text, in its order: what is declared, or defined inline, in a namespace. Members are passed
// over, and so are functions without parameters in round brackets behind a name, of which a header of plain
// functions has none.
std::vector<Declaration> declarations_in(const std::string& header);

}  // namespace thaw::test
