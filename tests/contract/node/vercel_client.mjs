// What the Vercel AI SDK does against a platform: `vercel_client.mjs BASE_URL KEY openai|compatible|responses|anthropic`.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { embed, embedMany, generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";

// It would say on the same output what a provider does not know, as the output limit of our models.
globalThis.AI_SDK_LOG_WARNINGS = false;
const [baseURL, apiKey, kind] = process.argv.slice(2);
const openai = createOpenAI({ baseURL, apiKey });
const compatible = createOpenAICompatible({ name: "aio", baseURL, apiKey, includeUsage: true });
const anthropic = createAnthropic({ baseURL, apiKey });
const chat = { openai: openai.chat, compatible, responses: openai.responses, anthropic }[kind];
const embedder =
  kind === "compatible" ? compatible.embeddingModel("qwen3-embedding") : openai.embedding("qwen3-embedding");
const model = chat({ openai: "gemini", compatible: "gemini", responses: "gpt", anthropic: "claude" }[kind]);
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
    broken_stream: await streamed({ prompt: "[[sbx:stream_error=12;gap_ms=5;tokens=200]]" }),
    unknown_model: await refused(() => generateText({ model: chat("no-such"), prompt: "hello" })),
  }),
);
