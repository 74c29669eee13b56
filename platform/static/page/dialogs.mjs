// Dialogs: a button with `data-opens`, a dialog's id, opens it, one with `data-closes` closes the dialog it is in, and
// a form with `data-closes-after` does so once htmx has sent it. Focus returns by itself when a dialog closes.
const openWhatIsToBeOpen = () => {
  for (const dialog of document.querySelectorAll("dialog[data-open-now]:not([open])")) dialog.showModal();
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("button, a");
  if (!button) return;
  if (button.dataset.opens) document.getElementById(button.dataset.opens).showModal();
  if ("closes" in button.dataset) button.closest("dialog").close();
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.target.matches?.("[data-closes-after]")) event.target.closest("dialog").close();
});
// A dialog that htmx brings is opened at once.
document.addEventListener("htmx:afterSwap", openWhatIsToBeOpen);
openWhatIsToBeOpen();
