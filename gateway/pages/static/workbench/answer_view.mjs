// Shows an answer by what it is: words as they come, a task, JSON, text or a file, or a refusal at its field. Answers
// come into the page as text, or as files of their own type.
import { fileName, plainType } from "./formats.mjs";
import { showJson } from "./json_view.mjs";
import { element, player, settings, words } from "./page.mjs";
import { showProblem } from "./problems.mjs";
import { readRefusal } from "./request.mjs";
import { addressOf, downloadLink, problemNotice, result, writing } from "./result.mjs";
import { showStream } from "./stream_view.mjs";

const SIGNED_OUT = 401;

const showRefusal = async (answer) => {
  const refusal = readRefusal(await answer.json().catch(() => ({})));
  const message = answer.status === SIGNED_OUT ? words.signedOut : (refusal.message ?? words.failed);
  result.append(problemNotice("error", `${answer.status} · ${message}`));
  if (refusal.param) showProblem(refusal.param, message);
};

const showFile = async (answer, type) => {
  const blob = new Blob([await answer.arrayBuffer()], { type });
  const [kind] = type.split("/");
  if (kind === "image") result.append(element("img", { src: addressOf(blob), alt: words.image }));
  if (kind === "audio") result.append(player(addressOf(blob), words.sound));
  result.append(downloadLink(blob, fileName(type)));
};

// The task's own part of a page, which asks for itself again until the task has ended.
const showTask = ({ data }) => {
  for (const warning of data.warnings ?? [])
    result.append(element("div", { className: "notice warning", textContent: warning }));
  result.append(element("div", { id: "task-place" }));
  const address = settings.panel.replace("TASK", encodeURIComponent(data.task_id));
  htmx.ajax("GET", address, { target: "#task-place", swap: "innerHTML" });
};

// `sent` is the body of the request. Notes in `run` what the answer says of its cost, and when its first token came.
// Throws BrokenStream, and whatever fetch throws for an answer that breaks off.
export const showAnswer = async (answer, sent, run) => {
  const type = plainType(answer.headers.get("Content-Type"));
  if (!answer.ok) {
    run.cost ??= "0";
    await showRefusal(answer);
  } else if (type === "text/event-stream") await showStream(answer, run);
  else if (settings.isTask) {
    run.isHeld = true;
    showTask(await answer.json());
  } else if (type === "application/json") showJson(await answer.json(), sent);
  else if (type.startsWith("text/")) result.append(writing(await answer.text()));
  else await showFile(answer, type);
};
