// The requests that the workbench sends.
import assert from "node:assert/strict";
import { test } from "node:test";

import { previewOf, readRefusal, requestOf } from "../../gateway/pages/static/workbench/request.mjs";

const JSON_ENDPOINT = { method: "post", fileField: "", account: "acc_1", endpoint: "chat" };
const FORM_ENDPOINT = { method: "post", fileField: "image", account: "acc_1", endpoint: "vision" };
const HEADERS = { "X-CSRFToken": "token", "X-Account": "acc_1" };
const file = () => Object.assign(new Blob(["abc"], { type: "image/png" }), { name: "sign.png" });

test("a body is JSON, and asking without one has none", () => {
  assert.deepEqual(requestOf(JSON_ENDPOINT, { input: "안녕", stream: true }, null, "token"), {
    method: "POST",
    headers: { ...HEADERS, "Content-Type": "application/json" },
    body: '{"input":"안녕","stream":true}',
  });
  assert.deepEqual(requestOf({ ...JSON_ENDPOINT, method: "get" }, {}, null, "token"), {
    method: "GET",
    headers: HEADERS,
  });
});

test("a form has texts, JSON for what is no text, and the file with its name", async () => {
  const request = requestOf(FORM_ENDPOINT, { question: "What?", max_tokens: 5, languages: ["ko"] }, file(), "token");
  assert.deepEqual([request.method, request.headers], ["POST", HEADERS]);
  const { image, ...texts } = Object.fromEntries(request.body);
  assert.deepEqual(texts, { question: "What?", max_tokens: "5", languages: '["ko"]' });
  assert.equal(image.name, "sign.png");
  assert.equal(await image.text(), "abc");
});

test("a form without a file has none", () => {
  assert.deepEqual([...requestOf(FORM_ENDPOINT, { question: "What?" }, null, "token").body.keys()], ["question"]);
});

test("a preview describes the file and does not send it", () => {
  assert.deepEqual(previewOf(FORM_ENDPOINT, { max_tokens: 5 }, file(), 2000), {
    endpoint: "vision",
    values: { max_tokens: "5" },
    file: { name: "sign.png", size_bytes: 3, content_type: "image/png", audio_ms: 2000 },
  });
  assert.deepEqual(previewOf(JSON_ENDPOINT, { max_tokens: 5 }, null, null), {
    endpoint: "chat",
    values: { max_tokens: 5 },
    file: null,
  });
});

test("a refusal is read in either shape", () => {
  const openai = { error: { message: "too hot", param: "temperature", code: "invalid" } };
  assert.deepEqual(readRefusal(openai), openai.error);
  assert.deepEqual(readRefusal({ error: "too hot", param: "temperature" }), { message: "too hot", param: "temperature" });
  assert.deepEqual(readRefusal({}), { message: undefined, param: undefined });
  assert.deepEqual(readRefusal({ error: null }), { message: null, param: undefined });
});
