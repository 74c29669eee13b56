// The request's body: written in the form or, what no field can hold too, in the JSON tab.
import { boxOf, fieldValues, fillFields } from "./fields.mjs";
import { parseObject } from "./form_values.mjs";
import { byId, settings, words } from "./page.mjs";

const json = byId("json");
// What was written as JSON and no field can hold.
let rest = {};

export const isOnJson = () => json !== null && !byId("json-tab").hidden;

const formBody = () => (settings.method === "get" ? {} : { model: settings.model, ...rest, ...fieldValues() });

// What would be sent; null while what is written is no JSON object.
export const body = () => (isOnJson() ? parseObject(json.value) : formBody());

// The body as it is written, for keeping: what the form holds while the JSON is none.
export const bodyOrForm = () => body() ?? formBody();

const fill = (values) => {
  rest = fillFields(values);
  if (rest.model === settings.model) delete rest.model;
};

// `tab` is "form" or "json".
export const showTab = (tab) => {
  const showsJson = tab === "json" && json !== null;
  if (json) {
    if (showsJson && !isOnJson()) json.value = JSON.stringify(formBody(), null, 2);
    byId("json-tab").hidden = !showsJson;
  }
  byId("fields").hidden = showsJson;
  for (const button of document.querySelectorAll("[data-shows]"))
    button.setAttribute("aria-pressed", String(button.dataset.shows === (showsJson ? "json" : "form")));
};

// After typing in the JSON tab: says whether it is JSON, and fills the form with it.
export const followJson = () => {
  const values = parseObject(json.value);
  byId("json-problem").textContent = words.badJson;
  byId("json-problem").hidden = values !== null;
  json.toggleAttribute("aria-invalid", values === null);
  if (values) fill(values);
};

// Takes up a body that was kept, of another endpoint's model perhaps: then only what has a field here.
export const takeUp = (kept) => {
  const isKnown = (name) => boxOf(name) || (kept.model === settings.model && name !== "model");
  fill(Object.fromEntries(Object.entries(kept.values).filter(([name]) => isKnown(name))));
  if (kept.json) showTab("json");
};
