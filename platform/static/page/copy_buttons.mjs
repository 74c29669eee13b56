// Buttons with `data-copies`, an element's id: they copy its value or its text, and say so to a screen reader.
const DONE_FOR_MS = 1500;

const say = (text) => {
  const place = document.getElementById("said");
  place.textContent = "";
  requestAnimationFrame(() => (place.textContent = text));
};

// Without clipboard access (plain HTTP on another host) the selection still copies. Whether it did.
const copySelection = (source) => {
  const range = document.createRange();
  range.selectNodeContents(source);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
  return document.execCommand("copy");
};

const copyFrom = async (button) => {
  const source = document.getElementById(button.dataset.copies);
  try {
    await navigator.clipboard.writeText("value" in source ? source.value : source.textContent);
  } catch {
    if (!copySelection(source)) {
      say(document.body.dataset.copyFailed);
      return;
    }
  }
  say(document.body.dataset.copied);
  button.classList.add("done");
  setTimeout(() => button.classList.remove("done"), DONE_FOR_MS);
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copies]");
  if (button) copyFrom(button);
});
