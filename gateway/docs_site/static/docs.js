// The documentation: one choice of language holds for all examples, and "/" goes to the search field.
"use strict";
(() => {
  const YEAR_S = 31536000;

  document.addEventListener("change", (event) => {
    if (!event.target.closest(".code-tabs") || event.target.type !== "radio") return;
    const language = event.target.value;
    for (const other of document.querySelectorAll(`.code-tabs input[value="${language}"]`)) other.checked = true;
    document.cookie = `aio_code=${language}; path=/docs; max-age=${YEAR_S}; samesite=lax`;
  });

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      document.getElementById("docs-query").focus();
    }
    if (event.key === "Escape" && event.target.closest(".docs-search")) {
      document.getElementById("docs-found").textContent = "";
      document.getElementById("docs-query").focus();
    }
  });
})();
