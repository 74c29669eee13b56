const url = `${process.env.AIO_BASE_URL}/api/v1`;
const headers = { Authorization: `Bearer ${process.env.AIO_API_KEY}`, "Content-Type": "application/json" };

const opened = await fetch(`${url}/images/generations`, {
  method: "POST",
  headers,
  body: JSON.stringify({ model: "flux-2", prompt: "A garden in spring" }),
});
if (!opened.ok) throw new Error(`${opened.status}: ${await opened.text()}`);
const { task_id } = (await opened.json()).data;
let task;
do {
  await new Promise((resolve) => setTimeout(resolve, 2000));
  task = (await (await fetch(`${url}/tasks/${task_id}`, { headers })).json()).data;
} while (task.status === "IN_PROGRESS");
console.log(task.status, task.consumed_credits, task.response ?? task.error_message);
