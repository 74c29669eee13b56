// What a field's controls hold as a value of the request's body, and back. A field is
//   {name, kind, isNumber, options, rowOptions}
// with the texts that its list offers in `options`, or each of its rows' lists in `rowOptions`. Its controls hold a
// text, or, where a value is a list of objects, one object of texts for each row.

const isText = (value) => typeof value === "string";
const asText = (value) => (value === undefined ? "" : String(value));
const listOrNothing = (list) => (list.length > 0 ? list : undefined);

const rowsKind = ({ choice, text, needsChoice, read }) => ({
  parts: [choice, text],
  read: (rows) => listOrNothing(rows.filter((row) => row[text] !== "").map(read)),
  write: (value) => value ?? [{}],
  fits: (value, { rowOptions }) =>
    Array.isArray(value) &&
    value.length > 0 &&
    value.every(
      (row) =>
        row !== null &&
        typeof row === "object" &&
        isText(row[text]) &&
        (choice in row ? rowOptions.includes(row[choice]) : !needsChoice) &&
        Object.keys(row).every((name) => name === choice || name === text),
    ),
});

const KINDS = {
  text: { read: (held) => held || undefined, write: asText, fits: isText },
  number: {
    read: (held) => (held === "" ? undefined : Number(held)),
    write: asText,
    fits: (value) => typeof value === "number",
  },
  flag: {
    read: (held) => ({ true: true, false: false })[held],
    write: asText,
    fits: (value) => typeof value === "boolean",
  },
  choice: {
    read: (held, { isNumber }) => (held === "" ? undefined : isNumber ? Number(held) : held),
    write: asText,
    fits: (value, { options }) => options.includes(String(value)),
  },
  lines: {
    read: (held) => listOrNothing(held.split("\n").filter((line) => line.trim())),
    write: (value) => (value ?? []).join("\n"),
    fits: (value) =>
      Array.isArray(value) && value.every((line) => isText(line) && line.trim() && !line.includes("\n")),
  },
  messages: rowsKind({
    choice: "role",
    text: "content",
    needsChoice: true,
    read: ({ role, content }) => ({ role, content }),
  }),
  dialogue: rowsKind({
    choice: "voice",
    text: "text",
    needsChoice: false,
    read: ({ voice, text }) => ({ text, ...(voice && { voice }) }),
  }),
  // A file is no part of the body's values.
  file: { read: () => undefined, write: () => undefined, fits: () => false },
};
const SAME_AS = { multiline: "text", url: "text", integer: "number" };
const kindOf = (field) => KINDS[SAME_AS[field.kind] ?? field.kind];

// The names of the controls in each row; nothing for a field that has one control.
export const partsOf = (field) => kindOf(field).parts;

// The value of what the controls hold; undefined where nothing is given.
export const readValue = (field, held) => kindOf(field).read(held, field);

// What the controls hold for that value, empty for undefined; undefined where they are to be left alone.
export const writeValue = (field, value) => kindOf(field).write(value);

// Shares out a body: `held` by a field's name, what each field's controls hold, and `rest`, what no field can hold.
export const shareOut = (fields, values) => {
  const fitting = fields.filter((field) => field.name in values && kindOf(field).fits(values[field.name], field));
  const names = new Set(fitting.map((field) => field.name));
  return {
    held: Object.fromEntries(
      fields.map((field) => [field.name, writeValue(field, names.has(field.name) ? values[field.name] : undefined)]),
    ),
    rest: Object.fromEntries(Object.entries(values).filter(([name]) => !names.has(name))),
  };
};

// A text's object; null where it is no JSON, or no object.
export const parseObject = (text) => {
  try {
    const value = JSON.parse(text);
    return value !== null && typeof value === "object" && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
};
