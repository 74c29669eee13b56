// How times, answers and texts with places are written.

export const duration = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`);

// "at most {credits} credits" with its places filled in.
export const fillIn = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

// JSON that is read by people: indented, a list of numbers on one line.
export const readableJson = (value) =>
  JSON.stringify(value, null, 2).replace(/\[[\s\d.,eE+-]+\]/g, (numbers) => numbers.replace(/\s+/g, " "));

const ENDINGS = { "audio/mpeg": "mp3", "image/jpeg": "jpg" };

// What a downloaded answer of that content type is called.
export const fileName = (contentType) =>
  `answer.${ENDINGS[contentType] ?? contentType.split("/")[1].replace("x-", "")}`;

// A content type without its parameters.
export const plainType = (header) => (header ?? "").split(";")[0].trim();
