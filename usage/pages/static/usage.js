// Usage's pages: rows that come in above without losing one's place, a pause button, quiet refreshes, range fields.
"use strict";
(() => {
  const PAGE_ROWS = 50;
  const MOST_ROWS = 1000;
  const paused = () => document.querySelector("[data-pauses][aria-pressed=true]") !== null;

  // Rows are put where their request ids, which begin with the time, belong; those that are there already stay.
  const merge = (answer, list) => {
    const table = list.closest("table");
    const before = table.getBoundingClientRect();
    const last = list.lastElementChild?.id ?? "";
    const full = list.children.length >= PAGE_ROWS;
    for (const row of answer.querySelectorAll("tr")) {
      if (document.getElementById(row.id)) continue;
      let next = list.firstElementChild;
      while (next && next.id > row.id) next = next.nextElementSibling;
      if (!next && full && row.id < last) continue;
      row.classList.add("new");
      list.insertBefore(row, next);
      htmx.process(row);
    }
    // A list of a thousand is read, not watched.
    if (list.children.length > MOST_ROWS) document.querySelector("[data-pauses]").setAttribute("aria-pressed", "true");
    // Whoever reads further down keeps reading there.
    const grown = table.getBoundingClientRect().height - before.height;
    if (before.top < 0 && grown && getComputedStyle(document.documentElement).overflowAnchor === "none") scrollBy(0, grown);
  };

  document.addEventListener("htmx:beforeRequest", (event) => {
    const asking = event.detail.elt;
    const quiet = "quiet" in asking.dataset && (asking.querySelector("details[open]") || asking.contains(document.activeElement));
    const idle = document.hidden && ("quiet" in asking.dataset || "live" in asking.dataset);
    if (idle || quiet || ("live" in asking.dataset && paused())) event.preventDefault();
  });

  document.addEventListener("htmx:afterRequest", (event) => {
    const form = event.detail.elt;
    if (!form.dataset.live || !event.detail.successful || event.detail.xhr.status !== 200) return;
    if (paused()) return; // asked for before the pause: what it brings is asked for again after it
    const list = document.getElementById(form.dataset.live);
    if (!list || !form.isConnected) return;
    const answer = new DOMParser().parseFromString(event.detail.xhr.responseText, "text/html");
    const rows = answer.querySelector("tbody");
    if (!rows) return;
    if (rows.children.length >= PAGE_ROWS) {
      // More came in than one answer holds: the newest page takes the list's place.
      htmx.ajax("GET", location.href, { target: "#view", select: "#view", swap: "outerHTML" });
      return;
    }
    merge(rows, list);
    form.elements.seen.value = rows.dataset.seen;
    document.getElementById("no-calls").hidden = list.children.length > 0;
    const text = answer.querySelector("[data-open-calls]").textContent;
    const open = document.getElementById("open-calls");
    if (open.textContent !== text) open.textContent = text;
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-pauses]");
    if (button) button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
  });

  document.addEventListener("change", (event) => {
    const form = event.target.closest("form.filters");
    if (!form || event.target.name !== "period") return;
    const range = form.querySelector("#range");
    range.hidden = !event.target.dataset.reveals;
    if (!range.hidden) range.querySelector("input").focus();
  });

  // Fields that nobody filled in stay out of the address, and an own range out of another period's.
  document.addEventListener("htmx:configRequest", (event) => {
    if (!("skipsEmpty" in event.detail.elt.dataset)) return;
    const given = event.detail.formData;
    if (given.get("period") !== "custom") ["since", "until"].forEach((name) => given.delete(name));
    for (const [name, value] of [...given.entries()]) if (value === "") given.delete(name);
  });
})();
