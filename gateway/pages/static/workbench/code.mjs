// The same request as code, in the language that was chosen last.
import { byId, element } from "./page.mjs";

const KEY = "workbench-language";
let language = localStorage.getItem(KEY) ?? "curl";
let samples = [];

const buttonOf = (sample) => {
  const button = element("button", { type: "button", textContent: sample.label });
  button.dataset.language = sample.language;
  button.setAttribute("aria-pressed", String(sample.language === language));
  return button;
};

const show = () => {
  const buttons = samples.map(buttonOf);
  const focused = document.activeElement?.dataset?.language;
  byId("languages").replaceChildren(...buttons);
  buttons.find((button) => button.dataset.language === focused)?.focus();
  const chosen = samples.find((sample) => sample.language === language) ?? samples[0];
  byId("code").textContent = chosen?.source ?? "";
};

// Samples of {language, label, source}.
export const showCode = (given) => {
  samples = given;
  show();
};

export const chooseLanguage = (chosen) => {
  language = chosen;
  localStorage.setItem(KEY, language);
  show();
};
