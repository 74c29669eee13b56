const answer = await fetch(`${process.env.AIO_BASE_URL}/v1/chat/completions`, {
  method: "POST",
  headers: { Authorization: `Bearer ${process.env.AIO_API_KEY}`, "Content-Type": "application/json" },
  body: JSON.stringify({ model: "gemini", messages: [{ role: "user", content: "Hello!" }], stream: true }),
});
if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);
let unread = "";
for await (const text of answer.body.pipeThrough(new TextDecoderStream())) {
  const lines = (unread + text).split("\n");
  unread = lines.pop();
  for (const line of lines) {
    // Comments start with a colon; they only keep the connection awake.
    if (!line.startsWith("data: ") || line === "data: [DONE]") continue;
    const chunk = JSON.parse(line.slice("data: ".length));
    if (chunk.error) throw new Error(chunk.error.message);
    for (const choice of chunk.choices) process.stdout.write(choice.delta.content ?? "");
    if ("credits_consumed" in chunk) console.log("\ncredits:", chunk.credits_consumed);
  }
}
