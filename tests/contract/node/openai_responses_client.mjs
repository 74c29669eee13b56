// What openai-node's Responses do against a platform: `openai_responses_client.mjs BASE_URL KEY` prints it, as JSON.
import OpenAI from "openai";
import { zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";

const [baseURL, apiKey] = process.argv.slice(2);
const ai = new OpenAI({ baseURL, apiKey });
const model = "gpt";
const Weather = z.object({ city: z.string(), degrees: z.number() });
const tools = [
  {
    type: "function",
    name: "get_weather",
    strict: false,
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
];

async function streamed() {
  const stream = ai.responses.stream({ model, input: "hello" });
  const kinds = [];
  for await (const event of stream) kinds.push(event.type);
  const done = await stream.finalResponse();
  return { kinds, text: done.output_text, usage: done.usage };
}

async function toolRound(slug) {
  const input = [{ role: "user", content: "weather? [[sbx:tool]]" }];
  const asked = await ai.responses.create({ model: slug, input, tools, store: false });
  const call = asked.output.find((item) => item.type === "function_call");
  input.push(...asked.output, { type: "function_call_output", call_id: call.call_id, output: "sunny" });
  const done = await ai.responses.create({ model: slug, input, tools, store: false });
  return { args: JSON.parse(call.arguments), text: done.output_text };
}

async function left() {
  const { data: stream, request_id } = await ai.responses
    .create({ model, input: "[[sbx:tokens=400;gap_ms=20]]", stream: true })
    .withResponse();
  let events = 0;
  for await (const _ of stream) {
    events += 1;
    if (events === 10) stream.controller.abort();
  }
  return request_id;
}

async function refused(work) {
  try {
    await work();
  } catch (error) {
    return { name: error.constructor.name, status: error.status, param: error.param, request_id: error.requestID };
  }
  return null;
}

const created = await ai.responses.create({ model, input: "hello", instructions: "Be brief." }).withResponse();
const text = { format: zodTextFormat(Weather, "weather") };
const parsed = await ai.responses.parse({ model, input: "weather?", text });

process.stdout.write(
  JSON.stringify({
    create: { text: created.data.output_text, usage: created.data.usage, request_id: created.request_id },
    stream: await streamed(),
    parsed: parsed.output_parsed,
    tools: { gpt: await toolRound("gpt"), claude: await toolRound("claude"), gemini: await toolRound("gemini") },
    model: await ai.models.retrieve(model),
    left: await left(),
    unknown_model: await refused(() => ai.responses.create({ model: "no-such-model", input: "hello" })),
    bad_field: await refused(() => ai.responses.create({ model, input: "hello", background: true })),
    retrieved: await refused(() => ai.models.retrieve("no-such-model")),
  }),
);
