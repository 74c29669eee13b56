// A uPlot plugin: what lies under the pointer, as text beside it.
import { seriesClass } from "./series.mjs";

const MARGIN_PX = 4;
const FROM_POINTER_PX = 12;

export const tooltip = (drawing, format, language) => {
  const moment = new Intl.DateTimeFormat(language, {
    dateStyle: "medium",
    timeStyle: "short",
    timeZone: drawing.timeZone,
  });
  let box;
  const lineOf = (series, index, place) => {
    const line = document.createElement("div");
    line.className = seriesClass(index);
    const value = series.values[place];
    line.textContent = `${series.label}: ${value == null ? "–" : format(value)}`;
    return line;
  };
  return {
    hooks: {
      init: (plot) => {
        box = document.createElement("div");
        box.className = "chart-tooltip";
        box.hidden = true;
        plot.over.append(box);
      },
      setCursor: (plot) => {
        const { idx: place, left } = plot.cursor;
        box.hidden = place == null || left < 0;
        if (box.hidden) return;
        const head = document.createElement("strong");
        head.textContent = moment.format(new Date(drawing.moments[place] * 1000));
        box.replaceChildren(head, ...drawing.series.map((series, index) => lineOf(series, index, place)));
        const rightmost = plot.over.clientWidth - box.offsetWidth - MARGIN_PX;
        box.style.left = `${Math.max(0, Math.min(left + FROM_POINTER_PX, rightmost))}px`;
      },
    },
  };
};
