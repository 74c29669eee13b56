// Draws one `[data-chart]` with uPlot, and the names of its series below it.
import { formatsFor } from "./formats.mjs";
import { layersOf, timeRange } from "./layers.mjs";
import { seriesClass, seriesColour } from "./series.mjs";
import { tooltip } from "./tooltip.mjs";

const HEIGHT_PX = 220;
const FONT = "12px system-ui";
const CHARACTER_PX = 7;
const FEWEST_CHARACTERS = 6;
const ROOM_ABOVE = 1.05;

const drawn = new WeakMap();
const language = document.documentElement.lang || "en";
const formats = formatsFor(language);
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const lineOf = (drawing, index) => {
  const stroke = colour(seriesColour(index));
  const line = {
    label: drawing.series[index].label,
    stroke,
    width: 2,
    points: { show: drawing.moments.length < 3 },
  };
  if (drawing.kind === "line") return line;
  if (drawing.kind === "area") return { ...line, fill: stroke };
  return { ...line, width: 0, fill: stroke, points: { show: false }, paths: uPlot.paths.bars({ size: [0.8, 48] }) };
};

const optionsOf = (drawing, layers, width) => {
  const format = formats[drawing.unit];
  const grid = { stroke: colour("--line"), width: 1 };
  const axis = { stroke: colour("--muted"), grid, ticks: grid, font: FONT };
  const widest = (texts) => Math.max(FEWEST_CHARACTERS, ...(texts ?? []).map((text) => text.length));
  return {
    width,
    height: HEIGHT_PX,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), drawing.timeZone),
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    scales: {
      x: { range: (_, low, high) => timeRange(drawing, low, high) },
      y: { range: (_, low, high) => [Math.min(0, low ?? 0), (high || 1) * ROOM_ABOVE] },
    },
    axes: [
      axis,
      {
        ...axis,
        size: (_, texts) => 20 + CHARACTER_PX * widest(texts),
        values: (_, ticks) => ticks.map(format),
      },
    ],
    series: [{}, ...layers.map(({ index }) => lineOf(drawing, index))],
    plugins: [tooltip(drawing, format, language)],
  };
};

const namesOf = (series) => {
  const names = document.createElement("ul");
  names.className = "chart-names";
  names.append(
    ...series.map(({ label }, index) => {
      const name = document.createElement("li");
      name.className = seriesClass(index);
      name.textContent = label;
      return name;
    }),
  );
  return names;
};

// Draws it anew where it is drawn already; nothing where it holds no drawing.
export const draw = (figure) => {
  const picture = figure.querySelector(".chart-picture");
  if (!picture?.dataset.drawing) return;
  drawn.get(figure)?.destroy();
  picture.replaceChildren();
  const drawing = JSON.parse(picture.dataset.drawing);
  const layers = layersOf(drawing);
  const data = [drawing.moments, ...layers.map(({ values }) => values)];
  drawn.set(figure, new uPlot(optionsOf(drawing, layers, picture.clientWidth), data, picture));
  if (drawing.series.length > 1) picture.append(namesOf(drawing.series));
};
