// How charts write their values, and what they draw.
import assert from "node:assert/strict";
import { test } from "node:test";

import { formatsFor } from "../../platform/static/charts/formats.mjs";
import { layersOf, timeRange } from "../../platform/static/charts/layers.mjs";

const drawing = (kind, ...series) => ({ kind, series: series.map((values) => ({ label: "x", values })), moments: [] });

test("micro-credits are credits, to the last digit", () => {
  for (const language of ["en", "ko"]) {
    const { credits } = formatsFor(language);
    assert.deepEqual([1, 1_500_000, 1_234_567_890_000].map(credits), ["0.000001", "1.5", "1,234,567.89"]);
  }
});

test("counts are short from a hundred thousand on, in the reader's language", () => {
  assert.deepEqual([99_999, 1_200_000].map(formatsFor("en").count), ["99,999", "1.2M"]);
  assert.equal(formatsFor("ko").count(1_200_000), "120만");
});

test("durations and shares have their units", () => {
  const { ms, percent } = formatsFor("en");
  assert.deepEqual([0.4, 999, 1000, 12_345].map(ms), ["0 ms", "999 ms", "1.00 s", "12.3 s"]);
  assert.deepEqual([0, 0.125, 1].map(percent), ["0.0 %", "12.5 %", "100.0 %"]);
});

test("lines, and a single series, are drawn as they are", () => {
  assert.deepEqual(layersOf(drawing("line", [1, null], [3, 4])), [
    { index: 0, values: [1, null] },
    { index: 1, values: [3, 4] },
  ]);
  assert.deepEqual(layersOf(drawing("bars", [1, null])), [{ index: 0, values: [1, null] }]);
});

test("several bars and areas are stacked, the highest drawn first", () => {
  for (const kind of ["bars", "area"])
    assert.deepEqual(layersOf(drawing(kind, [1, null], [3, 4], [5, 6])), [
      { index: 2, values: [9, 10] },
      { index: 1, values: [4, 4] },
      { index: 0, values: [1, 0] },
    ]);
});

test("the first and the last bar are as wide as the others", () => {
  assert.deepEqual(timeRange({ kind: "bars", moments: [0, 60, 120] }, 0, 120), [-30, 150]);
  assert.deepEqual(timeRange({ kind: "bars", moments: [7200] }, 7200, 7200), [5400, 9000]);
  assert.deepEqual(timeRange({ kind: "area", moments: [0, 60] }, 0, 60), [0, 60]);
});
