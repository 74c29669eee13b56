// What the events of a chat's stream say.
import assert from "node:assert/strict";
import { test } from "node:test";

import { isEndMark, readChunk } from "../../gateway/pages/static/workbench/chat_stream.mjs";

const chunkOf = (delta, others = {}) => readChunk(JSON.stringify({ choices: [{ index: 0, delta }], ...others }));
const NOTHING = { error: null, credits: null, thoughts: "", words: "", hasToken: false };

test("words, thoughts and calls of tools are told apart", () => {
  assert.deepEqual(chunkOf({ content: "안녕" }), { ...NOTHING, words: "안녕", hasToken: true });
  assert.deepEqual(chunkOf({ reasoning_content: "hm" }), { ...NOTHING, thoughts: "hm", hasToken: true });
  const calls = [{ index: 0, function: { name: "look" } }];
  assert.deepEqual(chunkOf({ tool_calls: calls }), { ...NOTHING, words: JSON.stringify(calls) });
  assert.deepEqual(chunkOf({ content: "so: ", tool_calls: [] }), { ...NOTHING, words: "so: []", hasToken: true });
});

test("a role, an empty delta and usage without a choice say nothing", () => {
  assert.deepEqual(chunkOf({ role: "assistant", content: "" }), NOTHING);
  assert.deepEqual(chunkOf({ content: null }), NOTHING);
  assert.deepEqual(readChunk('{"choices":[],"usage":{"total_tokens":3}}'), NOTHING);
});

test("what the call cost is a text, and nothing is a cost too", () => {
  assert.equal(chunkOf({}, { credits_consumed: 0.000001 }).credits, "0.000001");
  assert.equal(chunkOf({}, { credits_consumed: 0 }).credits, "0");
});

test("an error is its message", () => {
  assert.equal(readChunk('{"error":{"message":"overloaded"}}').error, "overloaded");
  assert.equal(readChunk('{"error":{}}').error, "");
});

test("the end mark is no chunk", () => {
  assert.ok(isEndMark("[DONE]"));
  assert.ok(!isEndMark('{"a":1}'));
  assert.throws(() => readChunk("[DONE"), SyntaxError);
});
