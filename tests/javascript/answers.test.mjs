// What is shown of an answer, and how it is written.
import assert from "node:assert/strict";
import { test } from "node:test";

import { barsOf, gistOf } from "../../gateway/pages/static/workbench/answers.mjs";
import { duration, fileName, fillIn, plainType, readableJson } from "../../gateway/pages/static/workbench/formats.mjs";

test("the words of an answer are its gist", () => {
  assert.deepEqual(gistOf({ choices: [{ message: { content: "Hi" } }] }, {}), { text: "Hi" });
  assert.deepEqual(gistOf({ text: "heard" }, {}), { text: "heard" });
  assert.deepEqual(gistOf({ text: "" }, {}), { text: "" });
});

test("a vector is a picture", () => {
  assert.deepEqual(gistOf({ embeddingVector: [1, -1] }, {}), { vector: [1, -1] });
});

test("a ranking has the passages that were sent, or came back", () => {
  const ranks = [{ index: 1, relevance_score: 0.123456 }, { index: 0, score: 0 }, { index: 7, score: 1 }];
  const expected = [
    { score: "0.1235", passage: "two" },
    { score: "0", passage: "one" },
    { score: "1", passage: "#7" },
  ];
  for (const answer of [ranks, { results: ranks }, { data: ranks }])
    assert.deepEqual(gistOf(answer, { documents: ["one", "two"] }), { ranking: expected });
  assert.deepEqual(gistOf([{ index: 0, score: 1, document: { text: "mine" } }], { input: ["one"] }), {
    ranking: [{ score: "1", passage: "mine" }],
  });
});

test("other answers are JSON only", () => {
  for (const answer of [{}, [], null, { data: [] }, { data: [{ index: 0 }] }, { text: 5 }, { results: "x" }])
    assert.equal(gistOf(answer, {}), null, JSON.stringify(answer));
});

test("a vector's bars fill the picture from its middle", () => {
  assert.deepEqual(barsOf([2, -1, 0]), [
    { top: 0, height: 50, isNegative: false },
    { top: 50, height: 25, isNegative: true },
    { top: 50, height: 0, isNegative: false },
  ]);
  assert.deepEqual(barsOf([0]), [{ top: 50, height: 0, isNegative: false }]);
  assert.equal(barsOf(new Array(1000).fill(1)).length, 256);
});

test("durations are in milliseconds below a second", () => {
  assert.deepEqual([0, 12.6, 999, 1000, 12345].map(duration), ["0 ms", "13 ms", "999 ms", "1.00 s", "12.35 s"]);
});

test("texts have their places filled in", () => {
  assert.equal(fillIn("at most {credits} credits", { credits: "0.5" }), "at most 0.5 credits");
  assert.equal(fillIn("최대 {credits} 크레딧, {credits}", { credits: 1 }), "최대 1 크레딧, 1");
});

test("JSON is indented, and numbers stand on one line", () => {
  assert.equal(readableJson({ a: [1, -2.5e3], b: ["x"] }), '{\n  "a": [ 1, -2500 ],\n  "b": [\n    "x"\n  ]\n}');
});

test("a file is named by its content type, which may have parameters", () => {
  const types = ["audio/mpeg", "image/jpeg", "audio/x-wav", "image/png"];
  assert.deepEqual(types.map(fileName), ["answer.mp3", "answer.jpg", "answer.wav", "answer.png"]);
  assert.equal(plainType("audio/wav ; rate=24000"), "audio/wav");
  assert.equal(plainType(null), "");
});
