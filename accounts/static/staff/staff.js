// Unfold scrolls the navigation and a list in boxes of one name; a screen reader needs two.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  document.getElementById("nav-sidebar-apps")?.setAttribute("data-simplebar-aria-label", "Navigation");
});
