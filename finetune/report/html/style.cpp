#include "finetune/report/html/style.h"

namespace thaw::report {

const char* style_sheet() {
  return R"(
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --line: #d1d9e0; --grid: #e4e8ec; --paper: #ffffff;
  --wash: #f4f6f8; --c0: #0072b2; --c1: #c14e00; --c2: #00805c; --c3: #b0578d; --c4: #8a6a00; --c5: #57606a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9ea7b1; --line: #444c56; --grid: #2b323a;
  --paper: #0d1117; --wash: #161b22; --c0: #56b4e9; --c1: #f08a3c; --c2: #2fbf8f; --c3: #d98cb8; --c4: #e0c341;
  --c5: #9ea7b1; } }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 76rem;
  margin: 0 auto; padding: 1rem; overflow-wrap: break-word; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: .5rem 0; } h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 .25rem; } p, li, dl { max-width: 50rem; } a { color: var(--c0); }
.soft { color: var(--soft); font-size: .9rem; }
.verdict { border-left: .25rem solid var(--c0); background: var(--wash); padding: .75rem 1rem; margin: .75rem 0; }
.stamp { display: inline-block; border: 1px solid var(--soft); border-radius: .3rem; padding: .05rem .5rem;
  margin: 0 .25rem .25rem 0; font-size: .9rem; }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; }
.scroll { overflow-x: auto; margin: 1rem 0; } :focus-visible { outline: 2px solid var(--c0); outline-offset: 2px; }
table { border-collapse: separate; border-spacing: 0; font-variant-numeric: tabular-nums; font-size: .9rem; }
caption { text-align: left; font-weight: 600; padding: .25rem 0; }
th, td { padding: .3rem .6rem; text-align: right; vertical-align: top; border-bottom: 1px solid var(--line); }
thead th { vertical-align: bottom; font-weight: 600; border-bottom: 2px solid var(--line); }
th:first-child { text-align: left; padding-left: 0; position: sticky; left: 0; background: var(--paper);
  background-clip: padding-box; }
td { white-space: nowrap; } td.long { white-space: normal; min-width: 14rem; }
tbody th { font-weight: 600; } td small, th small { display: block; color: var(--soft); font-weight: 400;
  font-size: .8rem; } td small { white-space: pre; }
th button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; text-align: inherit;
  text-decoration: underline dotted; text-underline-offset: .2em; }
th[aria-sort=ascending] button::after { content: " \2191"; } th[aria-sort=descending] button::after { content: " \2193"; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); gap: 1.25rem 1.5rem;
  align-items: start; margin: 1rem 0; }
.figures.small { grid-template-columns: repeat(auto-fill, minmax(min(100%, 15rem), 1fr)); }
.figures.wide { grid-template-columns: repeat(auto-fill, minmax(min(100%, 22rem), 30rem)); }
figure { margin: 0; max-width: 30rem; min-width: 0; }
figcaption { font-size: .9rem; font-weight: 600; margin-bottom: .25rem; display: flex; gap: .75rem;
  justify-content: space-between; align-items: baseline; }
figcaption button { font: inherit; font-weight: 400; font-size: .8rem; color: var(--soft); background: none;
  border: 1px solid var(--line); border-radius: .3rem; padding: 0 .4rem; cursor: pointer; }
svg { width: 100%; height: auto; display: block; }
details { border-top: 1px solid var(--line); padding: .5rem 0; } summary { cursor: pointer; font-weight: 600; }
dl { display: grid; grid-template-columns: minmax(7rem, max-content) 1fr; gap: .25rem 1rem; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
pre { background: var(--wash); padding: .75rem; font-size: .85rem; }
@media (max-width: 30rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; } }
@media print { body { max-width: none; padding: 0; font-size: 12px; } nav, figcaption button { display: none; } table { font-size: .75rem; }
  h2, h3, caption, summary { break-after: avoid; } figure, tr { break-inside: avoid; } .scroll { overflow: visible; }
  th:first-child { position: static; } pre { white-space: pre-wrap; }
  .figures { grid-template-columns: repeat(3, 1fr); } .figures.wide { grid-template-columns: 1fr 1fr; }
  details::details-content { content-visibility: visible; display: block; } }
)";
}

const char* figure_style() {
  return R"(
svg { background: var(--paper); } svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
svg .tick { fill: var(--soft); font-size: 11.5px; } svg .i { font-style: italic; } svg .b { font-weight: 700; }
svg .halo { paint-order: stroke; stroke: var(--paper); stroke-width: 3px; stroke-linejoin: round; }
svg .axis { stroke: var(--soft); fill: none; } svg .grid { stroke: var(--grid); fill: none; }
svg .phase { stroke: var(--ink); stroke-dasharray: 1 2; } svg .lead { stroke: var(--soft); stroke-width: .7; }
svg .error { stroke: var(--soft); stroke-opacity: .55; fill: none; }
svg .margin { fill: var(--c0); fill-opacity: .14; } svg .band { fill: currentColor; fill-opacity: .3; }
svg .l { stroke: currentColor; fill: none; stroke-width: 1.5; stroke-linejoin: round; stroke-linecap: round; }
svg .o { stroke: currentColor; fill: var(--paper); fill-opacity: .6; stroke-width: 1.3; }
svg .f { fill: currentColor; stroke: var(--paper); stroke-width: .6; } svg .thick { stroke-width: 2.5; }
svg .o.thick { fill: none; stroke-width: 2; } svg .ink { color: var(--ink); }
svg .c0 { color: var(--c0); } svg .c1 { color: var(--c1); } svg .c2 { color: var(--c2); }
svg .c3 { color: var(--c3); } svg .c4 { color: var(--c4); } svg .c5 { color: var(--c5); }
svg .d1 { stroke-dasharray: 6 3; } svg .d2 { stroke-dasharray: 1.5 3; } svg .d3 { stroke-dasharray: 8 3 1.5 3; }
svg .d4 { stroke-dasharray: 3 2.5; }
svg .t1, svg .t2, svg .t3, svg .t4, svg .t5, svg .t6, svg .t7, svg .t8 { fill: var(--c0); shape-rendering: crispEdges; }
svg .t1 { fill-opacity: .4; } svg .t2 { fill-opacity: .48; } svg .t3 { fill-opacity: .56; } svg .t4 { fill-opacity: .64; }
svg .t5 { fill-opacity: .72; } svg .t6 { fill-opacity: .8; } svg .t7 { fill-opacity: .9; }
svg .dark { fill: #0d1117; }
svg .part { fill-opacity: .15; stroke: var(--c0); }
)";
}

const char* page_script() {
  return R"js(
"use strict";
function cellOrder(row, column) {
  const cell = row.cells[column];
  return cell.dataset.order === undefined ? cell.textContent : Number(cell.dataset.order);
}
function compareOrders(a, b) {
  if (typeof a === "number" ? typeof b === "number" : false) return a - b;
  return String(a).localeCompare(String(b), undefined, {numeric: true});
}
function sortTable(table, header) {
  const descending = header.getAttribute("aria-sort") !== "descending";
  const column = header.cellIndex;
  const rows = Array.from(table.tBodies[0].rows);
  rows.sort((a, b) => {
    const x = cellOrder(a, column), y = cellOrder(b, column);
    if ((x === "") !== (y === "")) return x === "" ? 1 : -1;
    return descending ? compareOrders(y, x) : compareOrders(x, y);
  });
  table.tBodies[0].append(...rows);
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", descending ? "descending" : "ascending");
}
for (const table of document.querySelectorAll("table.sortable"))
  for (const header of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    button.addEventListener("click", () => sortTable(table, header));
    header.append(button);
  }
function saveFigure(figure) {
  const svg = figure.querySelector("svg").cloneNode(true);
  const box = svg.viewBox.baseVal;
  svg.setAttribute("width", 2 * box.width);
  svg.setAttribute("height", 2 * box.height);
  const style = document.createElementNS("http://www.w3.org/2000/svg", "style");
  style.textContent = document.getElementById("figure-style").textContent;
  svg.prepend(style);
  // Variables are the page's: a file of its own needs their values.
  const values = getComputedStyle(document.documentElement);
  const text = new XMLSerializer().serializeToString(svg)
      .replace(/var\((--[a-z0-9]+)\)/g, (whole, name) => values.getPropertyValue(name).trim());
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], {type: "image/svg+xml"}));
  link.download = figure.id + ".svg";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
for (const figure of document.querySelectorAll("figure")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "save";
  button.setAttribute("aria-label", "Save the figure: " + figure.querySelector("figcaption").textContent);
  button.addEventListener("click", () => saveFigure(figure));
  figure.querySelector("figcaption").append(button);
}
let opened = [];
addEventListener("beforeprint", () => {
  opened = Array.from(document.querySelectorAll("details:not([open])"));
  for (const part of opened) part.open = true;
});
addEventListener("afterprint", () => { for (const part of opened) part.open = false; });
)js";
}

}  // namespace thaw::report
