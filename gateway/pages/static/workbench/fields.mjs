// The form's fields on the page: what their controls hold is read and written, and rows come and go.
import { partsOf, readValue, shareOut } from "./form_values.mjs";
import { form } from "./page.mjs";

const boxes = [...form.querySelectorAll("[data-field]")];

export const boxOf = (name) => boxes.find((box) => box.dataset.field === name);
export const controlOf = (box) => box.querySelector("input, select, textarea");
export const rowsOf = (box) => [...box.querySelectorAll(".rows > .row")];

const partOf = (row, name) => row.querySelector(`[data-part="${name}"]`);
const textsOf = (list) => [...(list?.options ?? [])].map((option) => option.value);

// As form_values.mjs takes it.
const fieldOf = (box) => {
  const { field: name, kind, choiceType } = box.dataset;
  return {
    name,
    kind,
    isNumber: choiceType === "number",
    options: textsOf(controlOf(box)),
    rowOptions: textsOf(box.querySelector("template")?.content.querySelector("select")),
  };
};

const holding = (box, field) => {
  const parts = partsOf(field);
  if (!parts) return controlOf(box).value;
  return rowsOf(box).map((row) => Object.fromEntries(parts.map((name) => [name, partOf(row, name).value])));
};

export const addRow = (box, texts = {}) => {
  const row = box.querySelector("template").content.firstElementChild.cloneNode(true);
  for (const [name, text] of Object.entries(texts)) partOf(row, name).value = text;
  box.querySelector(".rows").append(row);
  return row;
};

const hold = (box, field, held) => {
  if (held === undefined) return;
  if (!partsOf(field)) {
    controlOf(box).value = held;
    return;
  }
  for (const row of rowsOf(box)) row.remove();
  for (const texts of held) addRow(box, texts);
};

// The value of each field in which something is given.
export const fieldValues = () =>
  Object.fromEntries(
    boxes
      .map((box) => [box.dataset.field, readValue(fieldOf(box), holding(box, fieldOf(box)))])
      .filter(([, value]) => value !== undefined),
  );

// Fills all fields, those that are not in `values` with nothing; returns the values that no field can hold.
export const fillFields = (values) => {
  const fields = boxes.map(fieldOf);
  const { held, rest } = shareOut(fields, values);
  boxes.forEach((box, place) => hold(box, fields[place], held[fields[place].name]));
  return rest;
};
