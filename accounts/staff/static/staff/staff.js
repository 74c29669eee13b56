// Unfold scrolls the navigation and a list in boxes of one name; a screen reader needs two, in its user's language.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const names = document.getElementById("page")?.dataset;
  for (const box of document.querySelectorAll("[data-simplebar]"))
    box.dataset.simplebarAriaLabel = box.id === "nav-sidebar-apps" ? names.navigation : names.rows;
});
