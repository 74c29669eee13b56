// What is worth showing of a JSON answer, beside the JSON itself.

const scoreOf = (rank) => rank?.relevance_score ?? rank?.score;
const isRanking = (value) =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.every((rank) => typeof scoreOf(rank) === "number" && Number.isInteger(rank.index));

const rankingOf = (results, passages) =>
  results.map((rank) => ({
    score: String(Math.round(scoreOf(rank) * 10000) / 10000),
    passage: rank.document?.text ?? passages[rank.index] ?? `#${rank.index}`,
  }));

// One of {text}, {vector} and {ranking}, or null. `sent` is the request's body: it has the passages that were ranked.
export const gistOf = (answer, sent) => {
  const text = answer?.choices?.[0]?.message?.content ?? answer?.text;
  if (typeof text === "string") return { text };
  if (Array.isArray(answer?.embeddingVector)) return { vector: answer.embeddingVector };
  const results = [answer, answer?.results, answer?.data].find(isRanking);
  return results ? { ranking: rankingOf(results, sent.input ?? sent.documents ?? []) } : null;
};

const MOST_BARS = 256;

// A vector as bars in a picture 100 high: the middle is zero, the largest value reaches an edge.
export const barsOf = (vector) => {
  const shown = vector.slice(0, MOST_BARS);
  const largest = Math.max(...shown.map(Math.abs)) || 1;
  return shown.map((number) => {
    const height = (Math.abs(number) / largest) * 50;
    return { top: number < 0 ? 50 : 50 - height, height, isNegative: number < 0 };
  });
};
