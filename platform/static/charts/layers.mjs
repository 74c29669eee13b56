// In which order the series of a drawing are drawn, and with which values.

const runningSums = (series) => {
  const sum = new Array(series[0].values.length).fill(0);
  return series.map(({ values }) => {
    values.forEach((value, place) => (sum[place] += value ?? 0));
    return sum.slice();
  });
};

// Layers of `{index, values}` in the order they are drawn; `index` is the series' place in the drawing. Bars and areas
// of several series are stacked: each is a running sum, and the highest is drawn first, so that the others cover it.
export const layersOf = ({ kind, series }) => {
  if (kind === "line" || series.length < 2) return series.map(({ values }, index) => ({ index, values }));
  return runningSums(series)
    .map((values, index) => ({ index, values }))
    .reverse();
};

// The range of the time axis: the first and the last bar are as wide as the others.
const HALF_OF_A_LONE_BAR_S = 1800;
export const timeRange = ({ kind, moments }, low, high) => {
  if (kind !== "bars") return [low, high];
  const last = moments.length - 1;
  const half = last > 0 ? (moments[last] - moments[0]) / last / 2 : HALF_OF_A_LONE_BAR_S;
  return [low - half, high + half];
};
