#include "finetune/report/html/page.h"

#include "core/error.h"
#include "finetune/report/html/html.h"
#include "finetune/report/html/page_files.h"

namespace thaw::report {
namespace {

std::string contents(const std::vector<Part>& parts) {
  std::string links;
  for (const Part& part : parts)
    if (!part.body.empty()) links += concat("<a href=\"#", part.id, "\">", part.title, "</a> ");
  return "<nav aria-label=\"Contents\">" + links + "</nav>\n";
}

std::string sections(const std::vector<Part>& parts) {
  std::string html;
  for (const Part& part : parts)
    if (!part.body.empty())
      html += concat("<section aria-labelledby=\"", part.id, "\"><h2 id=\"", part.id, "\">", part.title,
                     "</h2>\n", part.body, "</section>\n");
  return html;
}

}  // namespace

std::string page(const std::string& title, const std::string& heading, const std::string& head,
                 const std::vector<Part>& parts) {
  return concat(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/><meta name=\"viewport\" "
      "content=\"width=device-width, initial-scale=1\"/><title>thaw: ",
      escape(title), "</title><style>\n", page_css(), "</style><style id=\"figure-style\">\n", figure_css(),
      "</style></head><body>\n<header><h1>", escape(heading), "</h1>\n", head, contents(parts),
      "</header>\n<main>\n", sections(parts), "</main>\n<script>\n", page_js(), "</script></body></html>\n");
}

}  // namespace thaw::report
