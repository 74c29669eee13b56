// Form fields hold values of a request's body, and give them back as they were.
import assert from "node:assert/strict";
import { test } from "node:test";

import {
  parseObject,
  partsOf,
  readValue,
  shareOut,
  writeValue,
} from "../../gateway/pages/static/workbench/form_values.mjs";

const field = (kind, others = {}) => ({ name: kind, kind, isNumber: false, options: [], rowOptions: [], ...others });
const MESSAGES = field("messages", { rowOptions: ["system", "user", "assistant"] });
const DIALOGUE = field("dialogue", { rowOptions: ["", "Vivian"] });

const takes = (each, value) => !(each.name in shareOut([each], { [each.name]: value }).rest);

test("nothing given is no value", () => {
  for (const kind of ["text", "multiline", "url", "number", "integer", "flag", "choice", "lines"])
    assert.equal(readValue(field(kind), ""), undefined, kind);
  assert.equal(readValue(field("lines"), " \n\n"), undefined);
  assert.equal(readValue(MESSAGES, []), undefined);
  assert.equal(readValue(MESSAGES, [{ role: "user", content: "" }]), undefined);
  assert.equal(readValue(DIALOGUE, [{ voice: "Vivian", text: "" }]), undefined);
  assert.equal(readValue(field("file"), "C:\\fakepath\\a.png"), undefined);
});

test("a value comes back as it was", () => {
  const values = [
    [field("text"), "Hello"],
    [field("multiline"), "two\nlines"],
    [field("url"), "https://example.com/a"],
    [field("number"), 0.25],
    [field("integer"), 0],
    [field("flag"), true],
    [field("flag"), false],
    [field("choice", { options: ["", "low", "high"] }), "high"],
    [field("choice", { options: ["", "256", "512"], isNumber: true }), 512],
    [field("lines"), ["one", " two "]],
    [MESSAGES, [{ role: "system", content: "Be brief." }, { role: "user", content: "Hi\nthere" }]],
    [DIALOGUE, [{ text: "Who?" }, { text: "Me.", voice: "Vivian" }]],
  ];
  for (const [each, value] of values) {
    assert.ok(takes(each, value), `${each.kind} takes ${JSON.stringify(value)}`);
    // A row that names no voice is written into a row whose list offers none first.
    const held = writeValue(each, value);
    const shown = each.kind === "dialogue" ? held.map((row) => ({ voice: "", ...row })) : held;
    assert.deepEqual(readValue(each, shown), value, each.kind);
  }
});

test("empty rows and lines are left out, others are kept as they are", () => {
  assert.deepEqual(readValue(field("lines"), "one\n\n two \n"), ["one", " two "]);
  const rows = [{ role: "user", content: "" }, { role: "assistant", content: " " }];
  assert.deepEqual(readValue(MESSAGES, rows), [{ role: "assistant", content: " " }]);
  assert.deepEqual(readValue(DIALOGUE, [{ voice: "", text: "Hm." }]), [{ text: "Hm." }]);
});

test("what a field cannot hold stays outside it", () => {
  const cannot = [
    [field("text"), 5],
    [field("text"), null],
    [field("number"), "5"],
    [field("flag"), "true"],
    [field("choice", { options: ["", "low"] }), "high"],
    [field("lines"), "one"],
    [field("lines"), ["one", ""]],
    [field("lines"), ["one\ntwo"]],
    [field("lines"), [1]],
    [MESSAGES, "hello"],
    [MESSAGES, []],
    [MESSAGES, [null]],
    [MESSAGES, [{ content: "who says it?" }]],
    [MESSAGES, [{ role: "tool", content: "no such role" }]],
    [MESSAGES, [{ role: "user", content: [{ type: "text", text: "parts" }] }]],
    [MESSAGES, [{ role: "user", content: "x", name: "more than a row has" }]],
    [DIALOGUE, [{ text: "x", voice: "Nobody" }]],
    [field("file"), "a.png"],
  ];
  for (const [each, value] of cannot) assert.ok(!takes(each, value), `${each.kind}: ${JSON.stringify(value)}`);
});

test("a body is shared out among the fields and the rest, and fields without a value are emptied", () => {
  const fields = [field("text", { name: "input" }), field("number", { name: "temperature" }), MESSAGES, field("file")];
  const tools = [{ type: "function" }];
  const shared = shareOut(fields, { model: "gemini", input: "Hi", temperature: "hot", tools });
  assert.deepEqual(shared.held, { input: "Hi", temperature: "", messages: [{}], file: undefined });
  assert.deepEqual(shared.rest, { model: "gemini", temperature: "hot", tools });
});

test("rows name their controls, other fields have one", () => {
  assert.deepEqual(partsOf(MESSAGES), ["role", "content"]);
  assert.deepEqual(partsOf(DIALOGUE), ["voice", "text"]);
  assert.equal(partsOf(field("text")), undefined);
});

test("a body is a JSON object and nothing else", () => {
  assert.deepEqual(parseObject(' {"a": [1]} '), { a: [1] });
  for (const text of ["", "{", "[]", "null", "5", '"a"', "{} {}"]) assert.equal(parseObject(text), null, text);
});
