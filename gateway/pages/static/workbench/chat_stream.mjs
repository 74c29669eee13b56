// What the events of a chat's stream say.
const END_MARK = "[DONE]";

export const isEndMark = (data) => data === END_MARK;

// What a chunk adds to the first choice: `thoughts`, and `words`, to which calls of tools belong. `error` is null unless
// the stream has failed; `credits` is null but in the chunk that says what the call cost. Throws SyntaxError for what
// is no JSON.
export const readChunk = (data) => {
  const chunk = JSON.parse(data);
  const delta = chunk.choices?.[0]?.delta ?? {};
  const content = delta.content || "";
  const thoughts = delta.reasoning_content || "";
  return {
    error: chunk.error ? (chunk.error.message ?? "") : null,
    credits: chunk.credits_consumed === undefined ? null : String(chunk.credits_consumed),
    thoughts,
    words: content + (delta.tool_calls ? JSON.stringify(delta.tool_calls) : ""),
    hasToken: content !== "" || thoughts !== "",
  };
};
