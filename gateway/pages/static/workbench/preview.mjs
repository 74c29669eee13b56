// What the request would cost and looks like as code: asked of the platform, which has both at first hand.
import { body } from "./body.mjs";
import { showCode } from "./code.mjs";
import { byId, csrfToken, say, settings, words } from "./page.mjs";
import { previewOf } from "./request.mjs";
import { audioMs, file } from "./upload.mjs";

const AFTER_MS = 300;
let newest = 0;
let timer = 0;

const show = (preview) => {
  const { ceiling, problem, code } = preview;
  byId("ceiling").textContent = ceiling === undefined ? words.noCeiling : say("atMost", { credits: ceiling });
  byId("ceiling").title = problem?.message ?? "";
  showCode(code);
};

// At once; what an older question is answered is not shown any more.
export const preview = async () => {
  clearTimeout(timer);
  const values = body();
  if (values === null) return;
  const number = ++newest;
  try {
    const answer = await fetch(settings.preview, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": csrfToken() },
      body: JSON.stringify(previewOf(settings, values, file(), audioMs())),
    });
    if (answer.ok && number === newest) show(await answer.json());
  } catch {
    // Away for now: the next change asks again.
  }
};

// Once nothing has been changed for a moment.
export const previewSoon = () => {
  clearTimeout(timer);
  timer = setTimeout(preview, AFTER_MS);
};
