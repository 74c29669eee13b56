// A task's result that cannot be shown, for its provider has it no longer, says so in its place.
document.addEventListener(
  "error",
  (event) => {
    const shown = event.target;
    if (!(shown instanceof Element) || !("result" in shown.dataset)) return;
    const gone = shown.closest(".result")?.querySelector("[data-result-gone]");
    shown.hidden = true;
    if (gone) gone.hidden = false;
  },
  { capture: true }, // such an event does not bubble
);
