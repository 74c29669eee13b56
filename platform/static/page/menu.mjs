// The menu: the page one is on is marked, and on a phone a button with `data-toggles`, an element's id, unfolds it.
const linkOfThisPage = () => {
  const here = location.pathname;
  let best = null;
  for (const link of document.querySelectorAll(".menu nav a")) {
    const path = new URL(link.href).pathname;
    const leadsHere = here === path || here.startsWith(path + "/");
    if (leadsHere && (!best || path.length > best.path.length)) best = { link, path };
  }
  return best?.link;
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-toggles]");
  if (!button) return;
  const isOpen = document.getElementById(button.dataset.toggles).classList.toggle("open");
  button.setAttribute("aria-expanded", String(isOpen));
});
linkOfThisPage()?.setAttribute("aria-current", "page");
