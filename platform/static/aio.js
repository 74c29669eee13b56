// What pages need beyond htmx: copy buttons, dialogs, the menu, the theme, selects that submit their form.
// Everything is found by data attributes and works on parts that htmx swaps in later.
"use strict";
(() => {
  const YEAR_S = 31536000;
  const said = () => document.getElementById("said");
  const say = (text) => {
    said().textContent = "";
    requestAnimationFrame(() => (said().textContent = text));
  };
  const keep = (name, value) => {
    document.cookie = `${name}=${encodeURIComponent(value)}; path=/; max-age=${YEAR_S}; samesite=lax`;
  };

  const copyFrom = async (button) => {
    const source = document.getElementById(button.dataset.copies);
    const text = "value" in source ? source.value : source.textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Without clipboard access (plain HTTP on another host): the selection still copies.
      const range = document.createRange();
      range.selectNodeContents(source);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      if (!document.execCommand("copy")) {
        say(document.body.dataset.copyFailed);
        return;
      }
    }
    say(document.body.dataset.copied);
    button.classList.add("done");
    setTimeout(() => button.classList.remove("done"), 1500);
  };

  const switchTheme = () => {
    const root = document.documentElement;
    const dark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    document.querySelector('meta[name="color-scheme"]').content = root.dataset.theme;
    keep("aio_theme", root.dataset.theme);
    document.dispatchEvent(new CustomEvent("aio:theme"));
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button, a");
    if (!button) return;
    if (button.dataset.copies) copyFrom(button);
    if ("switchesTheme" in button.dataset) switchTheme();
    if (button.dataset.opens) document.getElementById(button.dataset.opens).showModal();
    if ("closes" in button.dataset) button.closest("dialog").close();
    if (button.dataset.toggles) {
      const open = document.getElementById(button.dataset.toggles).classList.toggle("open");
      button.setAttribute("aria-expanded", String(open));
    }
  });

  document.addEventListener("change", (event) => {
    if ("submits" in event.target.dataset) event.target.form.requestSubmit();
  });

  // A dialog that htmx brings is opened at once; focus returns by itself when it closes.
  document.addEventListener("htmx:afterSwap", () => {
    for (const dialog of document.querySelectorAll("dialog[data-open-now]:not([open])")) dialog.showModal();
  });
  // A refusal is swapped in too: its notice says what to do.
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.xhr.status >= 400 && event.detail.xhr.getResponseHeader("HX-Retarget")) {
      event.detail.shouldSwap = true;
      event.detail.isError = false;
    }
  });

  const markCurrentPage = () => {
    const here = location.pathname;
    let best = null;
    for (const link of document.querySelectorAll(".menu nav a")) {
      const path = new URL(link.href).pathname;
      if ((here === path || here.startsWith(path + "/")) && (!best || path.length > best.path.length)) best = { link, path };
    }
    if (best) best.link.setAttribute("aria-current", "page");
  };

  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && !document.cookie.includes(`aio_time_zone=${encodeURIComponent(zone)}`)) keep("aio_time_zone", zone);
  markCurrentPage();
  for (const dialog of document.querySelectorAll("dialog[data-open-now]:not([open])")) dialog.showModal();
})();
