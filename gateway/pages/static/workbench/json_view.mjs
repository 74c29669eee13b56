// A JSON answer: what is worth showing of it as people read it, and all of it to look at and download.
import { gistOf } from "./answers.mjs";
import { readableJson } from "./formats.mjs";
import { element, words } from "./page.mjs";
import { rankingTable, vectorDrawing } from "./drawings.mjs";
import { downloadLink, result, writing } from "./result.mjs";

const MOST_SHOWN = 20000;

const viewOf = ({ text, vector, ranking }) => {
  if (vector) return vectorDrawing(vector);
  return ranking ? rankingTable(ranking) : writing(text);
};

const wholeAnswer = (value, isOpen) => {
  const text = readableJson(value);
  const parts = [element("pre", { textContent: text.slice(0, MOST_SHOWN) })];
  if (text.length > MOST_SHOWN) parts.push(element("p", { className: "muted small", textContent: words.shortened }));
  parts.push(downloadLink(new Blob([JSON.stringify(value)], { type: "application/json" }), "answer.json"));
  if (isOpen) return element("div", {}, ...parts);
  return element("details", {}, element("summary", { textContent: words.asJson }), ...parts);
};

// `sent` is the body of the request.
export const showJson = (value, sent) => {
  const gist = gistOf(value, sent);
  if (gist) result.append(viewOf(gist));
  result.append(wholeAnswer(value, gist === null));
};
