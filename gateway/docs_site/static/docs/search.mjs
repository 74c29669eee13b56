// The search of the documentation by keyboard: "/" goes to its field, Escape puts away what was found.
const focusField = () => document.getElementById("docs-query").focus();

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest("input, textarea, select");
  if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    focusField();
  }
  if (event.key === "Escape" && event.target.closest(".docs-search")) {
    document.getElementById("docs-found").textContent = "";
    focusField();
  }
});
