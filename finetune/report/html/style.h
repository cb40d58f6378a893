// How the page looks, and its script. The colours of lines and marks are Okabe and Ito's (2008), which people
// with any kind of colour vision can tell apart, darker on white and lighter on black.
#pragma once

namespace thaw::report {

const char* style_sheet();   // of the page
const char* figure_style();  // of what is inside figures; a saved figure takes it along
const char* page_script();

}  // namespace thaw::report
