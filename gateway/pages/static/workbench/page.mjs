// The page's parts, its settings, and what it says in the visitor's language.
import { fillIn } from "./formats.mjs";

export const byId = (id) => document.getElementById(id);

export const form = byId("workbench-form");

// The form's data attributes: what the endpoint is and takes, and addresses of the platform.
export const settings = form.dataset;

export const words = JSON.parse(byId("words").textContent);
export const say = (name, values) => fillIn(words[name], values);

export const csrfToken = () => JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];

// A new element. Answers come in as `textContent` or children, never as HTML.
export const element = (tag, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};

export const player = (address, label) => {
  const made = element("audio", { src: address, controls: true });
  made.setAttribute("aria-label", label);
  return made;
};
