// Draws every `[data-chart]` from its JSON (aio_platform/charts.py says the shape), and anew when the theme or the
// width changes or htmx brings another. The JSON is an attribute: htmx drops every script element that it fetches.
import { draw } from "./plot.mjs";

const RESIZED_AFTER_MS = 150;

const drawAll = (root) => root.querySelectorAll("[data-chart]").forEach(draw);

let resizing;
addEventListener("resize", () => {
  clearTimeout(resizing);
  resizing = setTimeout(() => drawAll(document), RESIZED_AFTER_MS);
});
document.addEventListener("aio:theme", () => drawAll(document));
document.addEventListener("htmx:afterSettle", (event) => drawAll(event.target));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll(document));
drawAll(document);
