// A page that needs nothing else, neither a network nor a script. The script that it holds sorts tables and
// saves figures; without it the page is complete.
#pragma once

#include <string>
#include <vector>

namespace thaw::report {

struct Part {
  const char *id, *title;
  std::string body;  // empty: left out
};

// The whole page. `head`: HTML below the title.
std::string page(const std::string& title, const std::string& heading, const std::string& head,
                 const std::vector<Part>& parts);

}  // namespace thaw::report
