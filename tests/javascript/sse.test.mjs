// Server-sent events are the same however their bytes arrive; the Python side is held to the same streams
// (tests/gateway/adapters/shared/test_sse.py).
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { EventParser, eventsOf } from "../../gateway/pages/static/workbench/sse.mjs";

const STREAMS = JSON.parse(readFileSync(new URL("../event_streams.json", import.meta.url), "utf8"));
const said = (stream) => stream.events.map(([, data]) => data).filter((data) => data !== "");

const streamOf = (pieces) =>
  new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece);
      controller.close();
    },
  });

const read = async (pieces) => {
  const events = [];
  for await (const some of eventsOf(streamOf(pieces))) events.push(...some);
  return events.filter((data) => data !== "");
};

for (const stream of STREAMS) {
  const bytes = new TextEncoder().encode(stream.text);

  test(`${stream.what}: at once`, async () => {
    assert.deepEqual(await read([bytes]), said(stream));
  });

  test(`${stream.what}: byte by byte`, async () => {
    assert.deepEqual(await read([...bytes].map((byte) => Uint8Array.of(byte))), said(stream));
  });

  test(`${stream.what}: in two pieces, wherever they are cut, with an empty one between`, async () => {
    for (let cut = 0; cut <= bytes.length; cut++) {
      const pieces = [bytes.slice(0, cut), new Uint8Array(), bytes.slice(cut)];
      assert.deepEqual(await read(pieces), said(stream), `cut at ${cut}`);
    }
  });
}

test("an event is there as soon as its line has ended twice", () => {
  const parser = new EventParser();
  assert.deepEqual(parser.take("data: a\r"), []);
  assert.deepEqual(parser.take("\r"), ["a"]);
  assert.deepEqual(parser.take("\n"), []);
  assert.deepEqual(parser.take("data: b\n\n"), ["b"]);
  assert.deepEqual(parser.end(), []);
});

test("data that is empty is an event, and a comment is none", () => {
  const parser = new EventParser();
  assert.deepEqual(parser.take(": ping\n\ndata\n\ndata:\n\ndata: x\n\n"), ["", "", "x"]);
});

test("a long event in many pieces is read in time linear in its length", () => {
  const parser = new EventParser();
  const piece = "x".repeat(1000);
  parser.take("data: ");
  for (let count = 0; count < 20_000; count++) assert.deepEqual(parser.take(piece), []);
  const [event] = parser.take("\n\n");
  assert.equal(event.length, 20_000_000);
});

test("whoever stops reading early cancels the stream", async () => {
  let isCancelled = false;
  const endless = new ReadableStream({
    pull: (controller) => controller.enqueue(new TextEncoder().encode("data: a\n\n")),
    cancel: () => (isCancelled = true),
  });
  for await (const events of eventsOf(endless)) if (events.length > 0) break;
  await new Promise((resolve) => setTimeout(resolve));
  assert.ok(isCancelled);
});

test("a stream that breaks off throws what broke it", async () => {
  let reads = 0;
  const broken = new ReadableStream({
    pull(controller) {
      if (reads++ > 0) controller.error(new Error("reset"));
      else controller.enqueue(new TextEncoder().encode("data: a\n\nda"));
    },
  });
  const events = [];
  await assert.rejects(async () => {
    for await (const some of eventsOf(broken)) events.push(...some);
  }, /reset/);
  assert.deepEqual(events, ["a"]);
});
