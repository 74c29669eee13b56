// The place where an answer is shown, and addresses of what is in it.
import { byId, element, words } from "./page.mjs";

export const result = byId("result");
let addresses = [];

// An address of the blob's for as long as the answer is shown.
export const addressOf = (blob) => {
  const address = URL.createObjectURL(blob);
  addresses.push(address);
  return address;
};

export const clearResult = () => {
  addresses.forEach((address) => URL.revokeObjectURL(address));
  addresses = [];
  result.replaceChildren();
};

export const downloadLink = (blob, name) =>
  element("a", { className: "button", href: addressOf(blob), download: name, textContent: words.download });

export const writing = (text = "") => element("div", { className: "said", textContent: text });

// `look` is "error" or "warning"; a problem is read out at once.
export const problemNotice = (look, message) =>
  element("div", { className: `notice ${look}`, role: "alert", textContent: message });
