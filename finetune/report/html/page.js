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
