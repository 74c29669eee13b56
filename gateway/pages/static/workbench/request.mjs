// A workbench's request for fetch, and what is asked of the platform about it.

// A form's fields are texts: everything else is written as JSON.
const asTexts = (values) =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]),
  );

// `fileField` is empty where the endpoint takes JSON, and `file` null while none is chosen.
export const requestOf = ({ method, fileField, account }, values, file, csrfToken) => {
  const headers = { "X-CSRFToken": csrfToken, "X-Account": account };
  if (method === "get") return { method: "GET", headers };
  if (!fileField) {
    return {
      method: "POST",
      headers: { ...headers, "Content-Type": "application/json" },
      body: JSON.stringify(values),
    };
  }
  const body = new FormData();
  for (const [name, text] of Object.entries(asTexts(values))) body.append(name, text);
  if (file) body.append(fileField, file, file.name);
  return { method: "POST", headers, body };
};

// Of a file only its description is sent: nothing is uploaded to learn a price. `audioMs` is null while unknown.
export const previewOf = ({ endpoint, fileField }, values, file, audioMs) => ({
  endpoint,
  values: fileField ? asTexts(values) : values,
  file: file && { name: file.name, size_bytes: file.size, content_type: file.type, audio_ms: audioMs },
});

// What a refusal says: in OpenAI's shape `error` is an object, in ours its message.
export const readRefusal = (body) =>
  typeof body.error === "object" && body.error !== null ? body.error : { message: body.error, param: body.param };
