// What Anthropic's TypeScript SDK does against a platform: `anthropic_client.mjs BASE_URL KEY` prints it, as JSON.
import Anthropic from "@anthropic-ai/sdk";

const [baseURL, apiKey] = process.argv.slice(2);
const ai = new Anthropic({ baseURL, apiKey, authToken: null });
const once = new Anthropic({ baseURL, apiKey, authToken: null, maxRetries: 0 });
const asking = (content, more = {}) => ({
  model: "claude",
  max_tokens: 500,
  messages: [{ role: "user", content }],
  ...more,
});
const tools = [
  {
    name: "get_weather",
    description: "The weather in a city.",
    input_schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
];

async function streamed(more) {
  const stream = ai.messages.stream(asking("hello", more));
  const kinds = [];
  for await (const event of stream) kinds.push(event.type);
  return { kinds, message: await stream.finalMessage(), request_id: stream.request_id };
}

async function toolRound(model) {
  const asked = asking("weather? [[sbx:tool]]", { model, tools });
  const called = await ai.messages.create(asked);
  const use = called.content.find((block) => block.type === "tool_use");
  asked.messages.push(
    { role: "assistant", content: called.content },
    { role: "user", content: [{ type: "tool_result", tool_use_id: use.id, content: "sunny" }] },
  );
  const done = await ai.messages.create(asked);
  return { stop: called.stop_reason, input: use.input, then: done.stop_reason, text: done.content[0].text };
}

async function left() {
  const stream = ai.messages.stream(asking("[[sbx:tokens=400;gap_ms=20]]"));
  let words = 0;
  stream.on("text", () => {
    words += 1;
    if (words === 5) stream.abort();
  });
  const raised = await refused(() => stream.done());
  return { ...raised, request_id: stream.request_id };
}

async function refused(work) {
  try {
    await work();
  } catch (error) {
    return {
      name: error.constructor.name,
      status: error.status,
      type: error.error?.error?.type,
      request_id: error.requestID,
    };
  }
  return null;
}

const created = await ai.messages.create(asking("hello", { system: "Be brief." }));
const listed = [];
for await (const found of ai.models.list()) listed.push(found.id);

process.stdout.write(
  JSON.stringify({
    create: { ...created, request_id: created._request_id },
    stream: await streamed({}),
    thinking: await streamed({ max_tokens: 2000, thinking: { type: "enabled", budget_tokens: 1024 } }),
    stream_tool: await streamed({ tools, tool_choice: { type: "any" } }),
    tools: { claude: await toolRound("claude"), gemini: await toolRound("gemini"), gpt: await toolRound("gpt") },
    beta: (await ai.beta.messages.create(asking("hello", { betas: ["context-management-2025-06-27"] }))).stop_reason,
    count: (await ai.messages.countTokens({ model: "claude", messages: asking("12345678").messages })).input_tokens,
    models: listed,
    left: await left(),
    broken: await refused(() => ai.messages.stream(asking("[[sbx:stream_error=6;gap_ms=5]]")).finalMessage()),
    unknown_model: await refused(() => once.messages.create(asking("hello", { model: "no-such-model" }))),
    bad_field: await refused(() => once.messages.create(asking("hello", { temperature: 2 }))),
    bad_key: await refused(() =>
      new Anthropic({ baseURL, apiKey: "aio_" + "a".repeat(38), authToken: null }).messages.create(asking("hello")),
    ),
    upstream: await refused(() => once.messages.create(asking("[[sbx:status=500]]"))),
  }),
);
