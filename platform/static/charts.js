// Draws every `[data-chart]` from its JSON (aio_platform/charts.py says the shape) with uPlot. In pages that
// htmx swaps parts of the JSON is an attribute: htmx drops every script element that it fetches.
"use strict";
(() => {
  const drawn = new WeakMap();
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const language = document.documentElement.lang || "en";

  const formats = {
    credits: (value) => new Intl.NumberFormat(language, { maximumFractionDigits: 6 }).format(value / 1e6),
    count: (value) => new Intl.NumberFormat(language, { notation: value >= 1e5 ? "compact" : "standard" }).format(value),
    ms: (value) => (value >= 1000 ? `${(value / 1000).toPrecision(3)} s` : `${Math.round(value)} ms`),
    percent: (value) => `${(value * 100).toFixed(1)} %`,
  };

  // Stacked series are drawn as running sums, the highest first, so that each covers what lies below it.
  const stack = (series) => {
    const sums = [];
    const running = new Array(series[0].values.length).fill(0);
    for (const one of series) {
      one.values.forEach((value, place) => (running[place] += value ?? 0));
      sums.push(running.slice());
    }
    return sums;
  };

  const shown = (moment, drawing) =>
    new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short", timeZone: drawing.timeZone }).format(
      new Date(moment * 1000),
    );

  // What lies under the pointer, as text beside it.
  const tooltip = (drawing, format) => {
    let box;
    return {
      hooks: {
        init: (plot) => {
          box = document.createElement("div");
          box.className = "chart-tooltip";
          box.hidden = true;
          plot.over.append(box);
        },
        setCursor: (plot) => {
          const { idx, left } = plot.cursor;
          box.hidden = idx == null || left < 0;
          if (box.hidden) return;
          const head = document.createElement("strong");
          head.textContent = shown(drawing.moments[idx], drawing);
          const lines = drawing.series.map((one, place) => {
            const line = document.createElement("div");
            line.className = `series-${(place % 8) + 1}`;
            const value = one.values[idx];
            line.textContent = `${one.label}: ${value == null ? "–" : format(value)}`;
            return line;
          });
          box.replaceChildren(head, ...lines);
          box.style.left = `${Math.max(0, Math.min(left + 12, plot.over.clientWidth - box.offsetWidth - 4))}px`;
        },
      },
    };
  };

  const draw = (figure) => {
    const place = figure.querySelector(".chart-picture");
    if (!place) return;
    const text = place.dataset.drawing;
    if (!text) return;
    drawn.get(figure)?.destroy();
    place.replaceChildren();
    const drawing = JSON.parse(text);
    const stacked = drawing.kind !== "line" && drawing.series.length > 1;
    const values = stacked ? stack(drawing.series) : drawing.series.map((one) => one.values);
    const order = values.map((_, index) => index);
    if (stacked) order.reverse();
    const format = formats[drawing.unit];
    const grid = { stroke: colour("--line"), width: 1 };
    const axis = { stroke: colour("--muted"), grid, ticks: grid, font: "12px system-ui" };
    const zoned = (seconds) => uPlot.tzDate(new Date(seconds * 1000), drawing.timeZone);
    const moments = drawing.moments;
    const halfBar = moments.length > 1 ? (moments[moments.length - 1] - moments[0]) / (moments.length - 1) / 2 : 1800;
    const plot = new uPlot(
      {
        width: place.clientWidth,
        height: 220,
        tzDate: zoned,
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false } },
        // The first and the last bar are as wide as the others.
        scales: { x: { range: (_, low, high) => (drawing.kind === "bars" ? [low - halfBar, high + halfBar] : [low, high]) }, y: { range: (_, low, high) => [Math.min(0, low ?? 0), (high || 1) * 1.05] } },
        axes: [axis, { ...axis, size: (_, shown) => 20 + 7 * Math.max(6, ...(shown ?? []).map((text) => text.length)), values: (_, ticks) => ticks.map(format) }],
        series: [
          {},
          ...order.map((index) => {
            const stroke = colour(`--series-${(index % 8) + 1}`);
            const line = { label: drawing.series[index].label, stroke, width: 2, points: { show: drawing.moments.length < 3 } };
            if (drawing.kind === "line") return line;
            if (drawing.kind === "area") return { ...line, fill: stroke };
            return { ...line, width: 0, fill: stroke, points: { show: false }, paths: uPlot.paths.bars({ size: [0.8, 48] }) };
          }),
        ],
        plugins: [tooltip(drawing, format)],
      },
      [drawing.moments, ...order.map((index) => values[index])],
      place,
    );
    if (drawing.series.length > 1) {
      const names = document.createElement("ul");
      names.className = "chart-names";
      names.append(
        ...drawing.series.map((one, index) => {
          const name = document.createElement("li");
          name.className = `series-${(index % 8) + 1}`;
          name.textContent = one.label;
          return name;
        }),
      );
      place.append(names);
    }
    drawn.set(figure, plot);
  };

  const drawAll = (root) => root.querySelectorAll("[data-chart]").forEach(draw);
  let resizing;
  addEventListener("resize", () => {
    clearTimeout(resizing);
    resizing = setTimeout(() => drawAll(document), 150);
  });
  document.addEventListener("aio:theme", () => drawAll(document));
  document.addEventListener("htmx:afterSettle", (event) => drawAll(event.target));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll(document));
  drawAll(document);
})();
