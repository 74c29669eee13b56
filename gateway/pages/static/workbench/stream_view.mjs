// A chat's stream: words and thoughts are shown as they come.
import { isEndMark, readChunk } from "./chat_stream.mjs";
import { element, words } from "./page.mjs";
import { result, writing } from "./result.mjs";
import { eventsOf } from "./sse.mjs";

// A stream that failed or broke off; its message is for people.
export class BrokenStream extends Error {}

// Puts the parts of a stream on the page; what it returns writes a chunk into them. Thoughts are hidden until there are
// some.
const openParts = () => {
  const said = writing();
  const thoughts = element("div", { className: "thoughts" });
  const summary = element("summary", { textContent: words.thoughts });
  const thinking = element("details", { hidden: true, open: true }, summary, thoughts);
  result.append(thinking, said);
  return (chunk) => {
    if (chunk.thoughts) {
      thinking.hidden = false;
      thoughts.append(chunk.thoughts);
    }
    if (chunk.words) said.append(chunk.words);
  };
};

// Notes in `run` when the first token came, and what the stream says it cost. Throws BrokenStream.
export const showStream = async (answer, run) => {
  const write = openParts();
  let isWhole = false;
  for await (const events of eventsOf(answer.body)) {
    for (const data of events) {
      if (isEndMark(data)) isWhole = true;
      if (data === "" || isEndMark(data)) continue;
      const chunk = readChunk(data);
      if (chunk.error !== null) throw new BrokenStream(chunk.error);
      if (chunk.credits !== null) run.cost = chunk.credits;
      if (chunk.hasToken) run.firstTokenAt ??= performance.now();
      write(chunk);
    }
    result.scrollTop = result.scrollHeight;
  }
  if (!isWhole) throw new BrokenStream(words.broken);
};
