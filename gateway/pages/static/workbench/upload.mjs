// The file: dropped or chosen, and shown before it is sent.
import { element, form, player, settings, words } from "./page.mjs";
import { clearProblems, showProblem } from "./problems.mjs";

const drop = form.querySelector(".drop");
const input = drop?.querySelector("input");
let shownAt = null;
let lengthMs = null;

// Null while none is chosen.
export const file = () => input?.files[0] ?? null;
export const isTooLarge = () => file() !== null && file().size > Number(settings.sizeLimit);

// How long the file sounds; null while the browser does not know.
export const audioMs = () => lengthMs;

const soundOf = (given, onChange) => {
  const made = player(shownAt, given.name);
  made.addEventListener("loadedmetadata", () => {
    if (Number.isFinite(made.duration)) lengthMs = Math.ceil(made.duration * 1000);
    onChange();
  });
  return made;
};

const show = (onChange) => {
  const place = drop.querySelector(".drop-preview");
  place.replaceChildren();
  lengthMs = null;
  if (shownAt) URL.revokeObjectURL(shownAt);
  shownAt = null;
  clearProblems();
  const given = file();
  if (!given) return;
  if (isTooLarge()) showProblem(settings.fileField, words.tooLarge);
  shownAt = URL.createObjectURL(given);
  const [kind] = given.type.split("/");
  if (kind === "image") place.append(element("img", { src: shownAt, alt: given.name }));
  if (kind === "audio" || kind === "video") place.append(soundOf(given, onChange));
};

// From now on files can be dropped and chosen; `onChange` is called when there is another, or more is known of it.
export const openUpload = (onChange) => {
  if (!drop) return;
  const take = () => {
    show(onChange);
    onChange();
  };
  input.addEventListener("change", take);
  for (const name of ["dragenter", "dragover"])
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    if (!event.dataTransfer.files.length) return;
    input.files = event.dataTransfer.files;
    take();
  });
};
