// What the Vercel AI SDK does against a platform: `vercel_client.mjs BASE_URL KEY openai|compatible`.
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { embed, embedMany, generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";

const [baseURL, apiKey, kind] = process.argv.slice(2);
const provider =
  kind === "openai"
    ? createOpenAI({ baseURL, apiKey })
    : createOpenAICompatible({ name: "aio", baseURL, apiKey, includeUsage: true });
const chat = (slug) => (kind === "openai" ? provider.chat(slug) : provider(slug));
const embedder = kind === "openai" ? provider.embedding("qwen3-embedding") : provider.embeddingModel("qwen3-embedding");
const model = chat("gemini");
const tools = {
  get_weather: tool({
    description: "The weather in a city",
    inputSchema: jsonSchema({ type: "object", properties: { city: { type: "string" } }, required: ["city"] }),
    execute: async ({ city }) => `sunny in ${city}`,
  }),
};

async function streamed(options) {
  const errors = [];
  const result = streamText({ model, onError: ({ error }) => errors.push(String(error)), ...options });
  const parts = [];
  for await (const part of result.textStream) parts.push(part);
  return {
    parts: parts.length,
    text: parts.join(""),
    finish: await result.finishReason,
    usage: await result.usage,
    errors,
  };
}

async function refused(work) {
  try {
    await work();
  } catch (error) {
    return { name: error.name, status: error.statusCode, retryable: error.isRetryable, message: error.message };
  }
  return null;
}

const generated = await generateText({ model, prompt: "hello" });
const withTools = await generateText({
  model,
  tools,
  prompt: "weather? [[sbx:tool]]",
  stopWhen: stepCountIs(3),
});
const toolStream = streamText({ model, tools, prompt: "weather? [[sbx:tool]]", stopWhen: stepCountIs(3) });
const toolStreamText = await toolStream.text;
const toolStreamSteps = await toolStream.steps;
const steps = (all) => all.map((step) => ({ finish: step.finishReason, calls: step.toolCalls.map((c) => c.input) }));

process.stdout.write(
  JSON.stringify({
    generate: { text: generated.text, finish: generated.finishReason, usage: generated.usage },
    stream: await streamed({ prompt: "hello" }),
    tools: { text: withTools.text, steps: steps(withTools.steps) },
    tool_stream: { text: toolStreamText, steps: steps(toolStreamSteps) },
    embed: (await embed({ model: embedder, value: "the harbour" })).embedding,
    embed_many: (await embedMany({ model: embedder, values: ["the harbour", "bananas"] })).embeddings,
    broken_stream: await streamed({ prompt: "[[sbx:stream_error=4;gap_ms=5]]" }),
    unknown_model: await refused(() => generateText({ model: chat("no-such"), prompt: "hello" })),
  }),
);
