"use strict";
(() => {
  const form = document.getElementById("filter");
  const cards = [...document.querySelectorAll("article.card")];
  const rows = [...document.querySelectorAll("tr[data-claim]")];
  const told = document.getElementById("shown");

  function chosen(name) {
    return form.elements[name].value;
  }

  function matches(card) {
    const words = chosen("words").trim().toLowerCase();
    return (!chosen("verdict") || card.dataset.verdict === chosen("verdict"))
      && (!chosen("kind") || card.dataset.kind === chosen("kind"))
      && (!chosen("task") || card.dataset.task.split(" ").includes(chosen("task")))
      && (!chosen("language") || card.dataset.language.split(" ").includes(chosen("language")))
      && (!words || card.textContent.toLowerCase().includes(words));
  }

  function apply() {
    const shown = new Set();
    for (const card of cards) {
      card.hidden = !matches(card);
      if (!card.hidden) shown.add(card.id);
    }
    for (const row of rows) row.hidden = !shown.has(row.dataset.claim);
    told.textContent = `${shown.size} of ${cards.length} claims shown`;
  }

  function reveal() {
    const id = decodeURIComponent(location.hash.slice(1));
    const target = id && document.getElementById(id);
    if (!target) return;
    if (target.closest("[hidden]")) { form.reset(); apply(); }
    for (let e = target; e; e = e.parentElement) if (e.tagName === "DETAILS") e.open = true;
    target.scrollIntoView();
  }

  function key(cell) {
    const text = cell.textContent.trim();
    const number = parseFloat(text.replace(/^[^0-9+\-.<>]*[<>]?\s*/, "").replace("+", ""));
    const numeric = cell.matches(".number, .numbers td");
    return numeric && !Number.isNaN(number) ? number : text;
  }

  function compare(a, b) {
    if (typeof a === "number" && typeof b === "number") return a - b;
    if (typeof a === "number") return -1;
    if (typeof b === "number") return 1;
    return a.localeCompare(b, "en", { numeric: true });
  }

  function sort(head) {
    const table = head.closest("table");
    const column = [...head.parentElement.children].indexOf(head);
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of head.parentElement.children) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const body = table.tBodies[0];
    const sorted = [...body.rows].sort((a, b) =>
      (down ? -1 : 1) * compare(key(a.cells[column]), key(b.cells[column])));
    body.append(...sorted);
  }

  for (const head of document.querySelectorAll("table.sortable thead th")) {
    if (!head.textContent.trim()) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => sort(head));
  }
  const folded = new Set();
  addEventListener("beforeprint", () => {
    for (const e of document.querySelectorAll("details:not([open])")) { folded.add(e); e.open = true; }
  });
  addEventListener("afterprint", () => {
    for (const e of folded) e.open = false;
    folded.clear();
  });
  form.hidden = false;
  form.addEventListener("input", apply);
  form.addEventListener("reset", () => setTimeout(apply));
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", reveal);
  apply();
  reveal();
})();
