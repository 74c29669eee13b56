// One run at a time: the request is sent with the member's session, and how long it took and what it cost is said.
import { showAnswer } from "./answer_view.mjs";
import { body } from "./body.mjs";
import { keep } from "./drafts.mjs";
import { duration } from "./formats.mjs";
import { byId, csrfToken, say, settings, words } from "./page.mjs";
import { preview } from "./preview.mjs";
import { clearProblems, showProblem } from "./problems.mjs";
import { requestOf } from "./request.mjs";
import { clearResult, problemNotice, result } from "./result.mjs";
import { BrokenStream } from "./stream_view.mjs";
import { file, isTooLarge } from "./upload.mjs";

let controller = null;

const showState = (text) => {
  const isRunning = controller !== null;
  byId("state").textContent = text;
  byId("state").classList.toggle("runs", isRunning);
  byId("stop").hidden = !isRunning;
  byId("run").disabled = isRunning;
  result.setAttribute("aria-busy", String(isRunning));
};

const costText = ({ isHeld, cost }) => {
  if (isHeld) return words.held;
  return cost === null ? words.seeReceipt : say("credits", { credits: cost });
};

const showFigures = (run) => {
  byId("call-stats").hidden = false;
  byId("cost").textContent = costText(run);
  byId("first-byte").textContent = duration((run.firstTokenAt ?? run.firstByteAt ?? run.endedAt) - run.startedAt);
  byId("total").textContent = duration(run.endedAt - run.startedAt);
  byId("receipt").textContent = run.requestId ?? "–";
  if (run.requestId) byId("receipt").href = settings.receipt.replace("REQUEST", run.requestId);
};

const showFailure = (error) => {
  if (error.name === "AbortError") result.append(problemNotice("warning", words.stopped));
  else result.append(problemNotice("error", error instanceof BrokenStream ? error.message : words.unreachable));
};

// Sends the body and shows what comes back; returns the state to tell at the end. What is learnt goes into `run`.
const send = async (sent, run) => {
  try {
    const request = requestOf(settings, sent, file(), csrfToken());
    const answer = await fetch(settings.path, { ...request, signal: controller.signal });
    run.firstByteAt = performance.now();
    run.requestId = answer.headers.get("X-Request-Id");
    run.cost = answer.headers.get("X-Credits-Consumed");
    showState(words.receiving);
    await showAnswer(answer, sent, run);
    return answer.ok ? words.done : `${answer.status}`;
  } catch (error) {
    showFailure(error);
    return "";
  }
};

// Nothing happens where one is running already, or the member may not run anything.
export const run = async () => {
  if (controller || byId("run").disabled) return;
  clearProblems();
  const sent = body();
  if (sent === null) return showProblem("", words.badJson);
  if (isTooLarge()) return showProblem(settings.fileField, words.tooLarge);
  keep();
  preview();
  clearResult();
  byId("call-stats").hidden = true;
  controller = new AbortController();
  showState(words.running);
  const outcome = { startedAt: performance.now(), cost: null, requestId: null, isHeld: false };
  const state = await send(sent, outcome);
  outcome.endedAt = performance.now();
  controller = null;
  showState(state);
  showFigures(outcome);
};

export const stop = () => controller?.abort();
