// What page.cpp puts into every page, as it stands in the files beside this header: embed.cmake makes
// the definitions of them. The colours of lines and marks are Okabe and Ito's (2008), which people with any
// kind of colour vision can tell apart, darker on white and lighter on black.
#pragma once

namespace thaw::report {

const char* page_css();
const char* figure_css();  // of what is inside figures; a saved figure takes it along
const char* page_js();

}  // namespace thaw::report
