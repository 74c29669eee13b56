// One choice of language holds for all examples, and is kept for the next page.
const YEAR_S = 31536000;

document.addEventListener("change", (event) => {
  if (!event.target.closest(".code-tabs") || event.target.type !== "radio") return;
  const language = event.target.value;
  for (const other of document.querySelectorAll(`.code-tabs input[value="${language}"]`)) other.checked = true;
  document.cookie = `aio_code=${language}; path=/docs; max-age=${YEAR_S}; samesite=lax`;
});
