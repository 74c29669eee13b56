// A vector as a picture, and a ranking as a table.
import { barsOf } from "./answers.mjs";
import { element, say, words } from "./page.mjs";

const SVG = "http://www.w3.org/2000/svg";

const drawn = (tag, attributes) => {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  return made;
};

export const vectorDrawing = (vector) => {
  const bars = barsOf(vector);
  const picture = drawn("svg", {
    class: "vector",
    viewBox: `0 0 ${bars.length} 100`,
    preserveAspectRatio: "none",
    role: "img",
    "aria-label": words.picture,
  });
  bars.forEach(({ top, height, isNegative }, place) => {
    const look = isNegative ? { class: "below" } : {};
    picture.append(drawn("rect", { x: place, y: top, width: 0.8, height, ...look }));
  });
  const count = say("numbers", { count: vector.length });
  return element("div", {}, picture, element("p", { className: "muted small", textContent: count }));
};

export const rankingTable = (ranking) => {
  const head = ["score", "passage"].map((name) => element("th", { scope: "col", textContent: words[name] }));
  const rows = ranking.map(({ score, passage }) =>
    element(
      "tr",
      {},
      element("td", { className: "number", textContent: score }),
      element("td", { textContent: passage }),
    ),
  );
  return element(
    "table",
    { className: "table" },
    element("thead", {}, element("tr", {}, ...head)),
    element("tbody", {}, ...rows),
  );
};
