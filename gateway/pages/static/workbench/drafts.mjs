// What was typed outlives reloads and changes of endpoint, in this tab only.
import { bodyOrForm, isOnJson, takeUp } from "./body.mjs";
import { settings } from "./page.mjs";

const KEY = `workbench:${settings.account}:${settings.endpoint}`;

export const keep = () => {
  try {
    const draft = { model: settings.model, values: bodyOrForm(), json: isOnJson() };
    sessionStorage.setItem(KEY, JSON.stringify(draft));
  } catch {
    // A full store loses nothing that is on the page.
  }
};

export const restore = () => {
  const draft = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  if (draft) takeUp(draft);
};
