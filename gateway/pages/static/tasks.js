// What a task's parts need beyond aio.js: a result that cannot be shown says so, a dialog closes once it was sent.
"use strict";
document.addEventListener(
  "error",
  (event) => {
    const shown = event.target;
    if (!(shown instanceof Element) || !("result" in shown.dataset)) return;
    const gone = shown.closest(".result")?.querySelector("[data-result-gone]");
    shown.hidden = true;
    if (gone) gone.hidden = false;
  },
  true,
);
document.addEventListener("htmx:afterRequest", (event) => {
  if ("closesAfter" in event.target.dataset) event.target.closest("dialog").close();
});
