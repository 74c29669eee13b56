// The filters of usage and calls: fields of an own range are shown with it, and the address holds only what was chosen.
document.addEventListener("change", (event) => {
  const form = event.target.closest("form.filters");
  if (!form || event.target.name !== "period") return;
  const range = form.querySelector("#range");
  range.hidden = !event.target.dataset.reveals;
  if (!range.hidden) range.querySelector("input").focus();
});

// Fields that nobody filled in stay out of the address, and an own range out of another period's.
document.addEventListener("htmx:configRequest", (event) => {
  if (!("skipsEmpty" in event.detail.elt.dataset)) return;
  const given = event.detail.formData;
  if (given.get("period") !== "custom") ["since", "until"].forEach((name) => given.delete(name));
  for (const [name, value] of [...given.entries()]) if (value === "") given.delete(name);
});
