// When a part of a page that asks again by itself may do so: `data-quiet` waits while somebody is reading in it,
// `data-live` while its list is paused, and both while the tab is hidden.
import { isPaused } from "./pause.mjs";

const isBeingRead = (part) => part.querySelector("details[open]") !== null || part.contains(document.activeElement);

document.addEventListener("htmx:beforeRequest", (event) => {
  const part = event.detail.elt;
  const isQuiet = "quiet" in part.dataset;
  const isLive = "live" in part.dataset;
  const waits =
    (document.hidden && (isQuiet || isLive)) || (isQuiet && isBeingRead(part)) || (isLive && isPaused());
  if (waits) event.preventDefault();
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-pauses]");
  if (button) button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
});
