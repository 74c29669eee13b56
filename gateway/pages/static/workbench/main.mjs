// The workbench: reads a form into a request, runs it with the member's session, shows what comes back as it comes.
import { followJson, showTab } from "./body.mjs";
import { chooseLanguage } from "./code.mjs";
import { keep, restore } from "./drafts.mjs";
import { addRow, rowsOf } from "./fields.mjs";
import { byId, form } from "./page.mjs";
import { preview, previewSoon } from "./preview.mjs";
import { run, stop } from "./run.mjs";
import { openUpload } from "./upload.mjs";

const takeChange = () => {
  keep();
  previewSoon();
};

const removeRow = (row, box) => {
  row.remove();
  if (rowsOf(box).length === 0) addRow(box);
  box.querySelector("[data-adds-row]").focus();
};

form.addEventListener("submit", (event) => {
  event.preventDefault();
  run();
});
form.addEventListener("input", (event) => {
  if (event.target === byId("json")) followJson();
  takeChange();
});
form.addEventListener("click", (event) => {
  const button = event.target.closest("[data-adds-row], [data-removes-row]");
  if (!button) return;
  const box = button.closest("[data-field]");
  if ("addsRow" in button.dataset) addRow(box).querySelector("textarea").focus();
  else removeRow(button.closest(".row"), box);
  takeChange();
});
byId("stop").addEventListener("click", stop);
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  run();
});
document.addEventListener("click", (event) => {
  const { shows, language } = event.target.closest("button")?.dataset ?? {};
  if (shows) {
    showTab(shows);
    keep();
  }
  if (language) chooseLanguage(language);
});

openUpload(previewSoon);
restore();
preview();
