// openapi-generator's TypeScript client; prints what it got as JSON.
import { Configuration, OmakaseApi, OpenAIApi, ResponseError } from "./index.js";

const accessToken = process.argv[2];
const openai = new OpenAIApi(new Configuration({ accessToken }));
const answer = await openai.openaiCreateChatCompletion({
  chatCompletionBody: { model: "gemini", messages: [{ role: "user", content: "hello" }] },
});
const text = await new OmakaseApi(new Configuration({ accessToken })).generateText({
  textChatBody: { input: "hello" },
});
const models = await openai.openaiListModels();
let refused = 0;
try {
  await new OmakaseApi(new Configuration({ accessToken: "aio_wrong" })).generateText({
    textChatBody: { input: "hello" },
  });
} catch (error) {
  if (!(error instanceof ResponseError)) throw error;
  refused = error.response.status;
}
console.log(
  JSON.stringify({
    chat: answer.choices[0].message.content,
    tokens: answer.usage?.promptTokens,
    text: text.text,
    models: models.data.map((model) => model.id),
    refused,
  }),
);
