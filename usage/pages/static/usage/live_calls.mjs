// The list of calls: what came in since is put among its rows without anybody losing their place.
import { isPaused } from "./pause.mjs";

const PAGE_ROWS = 50;
const MOST_ROWS = 1000;

// Rows go where their request ids, which begin with the time, belong; those that are there already stay.
const insertRows = (rows, list) => {
  const last = list.lastElementChild?.id ?? "";
  const isFull = list.children.length >= PAGE_ROWS;
  for (const row of rows) {
    if (document.getElementById(row.id)) continue;
    let next = list.firstElementChild;
    while (next && next.id > row.id) next = next.nextElementSibling;
    if (!next && isFull && row.id < last) continue;
    row.classList.add("new");
    list.insertBefore(row, next);
    htmx.process(row);
  }
};

// Whoever reads further down keeps reading there, also where the browser does not see to it.
const keepingPlace = (table, change) => {
  const before = table.getBoundingClientRect();
  change();
  const grown = table.getBoundingClientRect().height - before.height;
  const isLeftToUs = getComputedStyle(document.documentElement).overflowAnchor === "none";
  if (before.top < 0 && grown && isLeftToUs) scrollBy(0, grown);
};

const merge = (rows, list) => {
  keepingPlace(list.closest("table"), () => {
    insertRows(rows, list);
    // A list of a thousand is read, not watched.
    if (list.children.length > MOST_ROWS) document.querySelector("[data-pauses]").setAttribute("aria-pressed", "true");
  });
};

document.addEventListener("htmx:afterRequest", (event) => {
  const form = event.detail.elt;
  if (!form.dataset.live || !event.detail.successful || event.detail.xhr.status !== 200) return;
  if (isPaused()) return; // asked for before the pause: what it brings is asked for again after it
  const list = document.getElementById(form.dataset.live);
  if (!list || !form.isConnected) return;
  const answer = new DOMParser().parseFromString(event.detail.xhr.responseText, "text/html");
  const body = answer.querySelector("tbody");
  if (!body) return;
  if (body.children.length >= PAGE_ROWS) {
    // More came in than one answer holds: the newest page takes the list's place.
    htmx.ajax("GET", location.href, { target: "#view", select: "#view", swap: "outerHTML" });
    return;
  }
  merge(body.querySelectorAll("tr"), list);
  form.elements.seen.value = body.dataset.seen;
  document.getElementById("no-calls").hidden = list.children.length > 0;
  const text = answer.querySelector("[data-open-calls]").textContent;
  const open = document.getElementById("open-calls");
  if (open.textContent !== text) open.textContent = text;
});
