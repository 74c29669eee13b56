// What openai-node does against a platform: `openai_client.mjs BASE_URL KEY` prints what it got, as JSON.
import OpenAI, { toFile } from "openai";

const [baseURL, apiKey] = process.argv.slice(2);
const ai = new OpenAI({ baseURL, apiKey });
const model = "gemini";
const say = (content) => [{ role: "user", content }];
const tools = [
  {
    type: "function",
    function: {
      name: "get_weather",
      parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
    },
  },
];

async function streamed(options) {
  const stream = await ai.chat.completions.create({ model, stream: true, ...options });
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  const usage = chunks.at(-1).usage ?? null;
  const text = chunks.map((chunk) => chunk.choices[0]?.delta?.content ?? "").join("");
  return { chunks: chunks.length, text, usage };
}

async function toolRound() {
  const messages = say("weather? [[sbx:tool]]");
  const asked = await ai.chat.completions.create({ model, messages, tools });
  const [call] = asked.choices[0].message.tool_calls;
  const done = await ai.chat.completions.create({
    model,
    tools,
    messages: [...messages, asked.choices[0].message, { role: "tool", tool_call_id: call.id, content: "sunny" }],
  });
  return {
    finish: asked.choices[0].finish_reason,
    args: JSON.parse(call.function.arguments),
    text: done.choices[0].message.content,
  };
}

async function toolStream() {
  const runner = ai.chat.completions.stream({ model, messages: say("weather? [[sbx:tool]]"), tools });
  const done = await runner.finalChatCompletion();
  return JSON.parse(done.choices[0].message.tool_calls[0].function.arguments);
}

async function refused(work) {
  try {
    await work();
  } catch (error) {
    return { name: error.constructor.name, status: error.status, type: error.type, request_id: error.requestID };
  }
  return null;
}

const completed = await ai.chat.completions.create({ model, messages: say("hello") }).withResponse();
const input = "the harbour";
const byDefault = await ai.embeddings.create({ model: "qwen3-embedding", input });
const asFloats = await ai.embeddings.create({ model: "qwen3-embedding", input, encoding_format: "float" });
const image = await ai.images.generate({ model: "gpt-image-1", prompt: "a cat", size: "256x128" });
const spoken = await ai.audio.speech.create({
  model: "tts-1",
  voice: "alloy",
  input: "Good morning.",
  response_format: "wav",
});
const sound = Buffer.from(await spoken.arrayBuffer());
const heard = await ai.audio.transcriptions.create({ model: "whisper-1", file: await toFile(sound, "a.wav") });
const listed = [];
for await (const found of ai.models.list()) listed.push(found.id);

const printed = {
  completion: {
    text: completed.data.choices[0].message.content,
    usage: completed.data.usage,
    request_id: completed.request_id,
  },
  stream: await streamed({ messages: say("hello") }),
  stream_usage: await streamed({ messages: say("hello"), stream_options: { include_usage: true } }),
  tools: await toolRound(),
  tool_stream: await toolStream(),
  embedding_default: Array.from(byDefault.data[0].embedding),
  embedding_floats: asFloats.data[0].embedding,
  image: image.data[0].b64_json.slice(0, 64),
  speech_type: spoken.headers.get("content-type"),
  speech_bytes: sound.length,
  transcript: heard.text,
  models: listed,
  unknown_model: await refused(() => ai.chat.completions.create({ model: "no-such", messages: say("hello") })),
  bad_key: await refused(() =>
    new OpenAI({ baseURL, apiKey: "aio_" + "a".repeat(38) }).chat.completions.create({ model, messages: say("a") }),
  ),
};
process.stdout.write(JSON.stringify(printed));
