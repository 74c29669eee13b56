// Problems, each at its field.
import { isOnJson } from "./body.mjs";
import { boxOf, controlOf, rowsOf } from "./fields.mjs";
import { byId, form } from "./page.mjs";

export const clearProblems = () => {
  for (const problem of form.querySelectorAll(".problem")) problem.hidden = true;
  for (const invalid of form.querySelectorAll("[aria-invalid]")) invalid.removeAttribute("aria-invalid");
};

const tell = (problem, control, message) => {
  problem.textContent = message;
  problem.hidden = false;
  control.setAttribute("aria-invalid", "true");
  control.closest("details")?.setAttribute("open", "");
  control.focus();
};

// `param` is the API's: a field's name, or "messages.2" for the third of its rows. In the JSON tab all are told there.
export const showProblem = (param, message) => {
  if (isOnJson()) {
    tell(byId("json-problem"), byId("json"), message);
    return;
  }
  const [name, place] = String(param ?? "").split(".");
  const box = boxOf(name);
  if (!box) return;
  const row = Number.isInteger(Number(place)) ? rowsOf(box)[Number(place)] : undefined;
  tell(box.querySelector(".problem"), row?.querySelector("textarea") ?? controlOf(box), message);
};
