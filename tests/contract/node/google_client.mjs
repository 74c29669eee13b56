// What @google/genai and the Vercel AI SDK's Google provider do against a platform: `google_client.mjs BASE_URL KEY MODEL`.
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { GoogleGenAI } from "@google/genai";
import { embedMany, generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";

const [baseUrl, apiKey, model] = process.argv.slice(2);
const ai = new GoogleGenAI({ apiKey, httpOptions: { baseUrl } });
const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const tools = [{ functionDeclarations: [{ name: "get_weather", parametersJsonSchema: schema }] }];

async function streamed(contents) {
  const parts = [];
  for await (const chunk of await ai.models.generateContentStream({ model, contents })) parts.push(chunk.text ?? "");
  return { parts: parts.length, text: parts.join("") };
}

async function refused(work) {
  try {
    await work();
  } catch (error) {
    return { name: error.name, status: error.status ?? null };
  }
  return null;
}

async function toolRound() {
  const question = { role: "user", parts: [{ text: "weather? [[sbx:tool]]" }] };
  const asked = await ai.models.generateContent({ model, contents: [question], config: { tools } });
  const [call] = asked.functionCalls;
  const response = { output: `sunny in ${call.args.city}` };
  const result = { role: "user", parts: [{ functionResponse: { id: call.id, name: call.name, response } }] };
  const contents = [question, asked.candidates[0].content, result];
  const done = await ai.models.generateContent({ model, contents, config: { tools } });
  return { name: call.name, text: done.text };
}

async function listed() {
  const names = [];
  for await (const each of await ai.models.list({ config: { pageSize: 3 } })) names.push(each.name);
  return names;
}

const generated = await ai.models.generateContent({ model, contents: "hello" });
const stranger = new GoogleGenAI({ apiKey: "aio_" + "a".repeat(38), httpOptions: { baseUrl } });
const provider = createGoogleGenerativeAI({ apiKey, baseURL: `${baseUrl}/v1beta` });
const vercelTools = {
  get_weather: tool({ inputSchema: jsonSchema(schema), execute: async ({ city }) => `sunny in ${city}` }),
};
const plain = await generateText({ model: provider(model), prompt: "hello" });
const withTools = await generateText({
  model: provider(model),
  tools: vercelTools,
  prompt: "weather? [[sbx:tool]]",
  stopWhen: stepCountIs(3),
});
const stream = streamText({ model: provider(model), prompt: "hello" });
const embedder = provider.textEmbeddingModel("qwen3-embedding");
const { embeddings } = await embedMany({ model: embedder, values: ["one", "two"] });

process.stdout.write(
  JSON.stringify({
    genai: {
      generate: { text: generated.text, model: generated.modelVersion, usage: generated.usageMetadata },
      stream: await streamed("hello"),
      tool: await toolRound(),
      count: (await ai.models.countTokens({ model, contents: "hello" })).totalTokens,
      embed: (await ai.models.embedContent({ model: "qwen3-embedding", contents: ["one", "two"] })).embeddings.length,
      list: await listed(),
      noKey: await refused(() => stranger.models.generateContent({ model, contents: "hello" })),
      noModel: await refused(() => ai.models.generateContent({ model: "no-such-model", contents: "hello" })),
      broken: await refused(() => streamed("[[sbx:tokens=400;reset_after=9000]]")),
    },
    vercel: {
      generate: { text: plain.text, finish: plain.finishReason, usage: plain.usage },
      tool: { text: withTools.text, steps: withTools.steps.length },
      stream: { text: await stream.text, finish: await stream.finishReason },
      embed: embeddings.length,
    },
  }),
);
