"use strict";
// Tables sort by a click on a column's name, or Enter and Space on it.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  table.querySelectorAll("thead th").forEach((head, column) => {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.append(button);
    const key = (row) => {
      const cell = row.cells[column];
      const text = cell ? cell.dataset.order ?? cell.textContent.trim() : "";
      return text !== "" && !isNaN(text) ? Number(text) : text;
    };
    const order = (a, b) =>
      a === b ? 0
      : a === "" ? 1
      : b === "" ? -1
      : typeof a === "number" && typeof b === "number" ? a - b
      : String(a).localeCompare(String(b), undefined, { numeric: true });
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      table.querySelectorAll("thead th").forEach((it) => it.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...body.rows].sort((a, b) => (down ? order(key(b), key(a)) : order(key(a), key(b))));
      body.append(...rows);
    });
  });
}
// A plot is enlarged by a click; without this script its link opens the file.
const enlarged = document.getElementById("enlarged");
if (enlarged) {
  for (const plot of document.querySelectorAll("a.plot")) {
    plot.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      const image = plot.querySelector("img");
      enlarged.querySelector("img").src = image.src;
      enlarged.querySelector("img").alt = image.alt;
      enlarged.querySelector("p").textContent = image.alt;
      enlarged.showModal();
    });
  }
  enlarged.addEventListener("click", (event) => event.target.tagName !== "BUTTON" && enlarged.close());
}
// On paper everything is open but the conversation.
let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details:not([open]):not(.turn)")];
  opened.forEach((it) => (it.open = true));
});
addEventListener("afterprint", () => opened.forEach((it) => (it.open = false)));
