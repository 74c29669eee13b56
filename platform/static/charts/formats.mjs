// How a chart writes its values, by unit (aio_platform/charts.py names the units), in a language.
const MICROCREDITS_PER_CREDIT = 1e6;
const COMPACT_FROM = 1e5;

export const formatsFor = (language) => ({
  credits: (microcredits) =>
    new Intl.NumberFormat(language, { maximumFractionDigits: 6 }).format(microcredits / MICROCREDITS_PER_CREDIT),
  count: (value) =>
    new Intl.NumberFormat(language, { notation: value >= COMPACT_FROM ? "compact" : "standard" }).format(value),
  ms: (value) => (value >= 1000 ? `${(value / 1000).toPrecision(3)} s` : `${Math.round(value)} ms`),
  percent: (share) => `${(share * 100).toFixed(1)} %`,
});
