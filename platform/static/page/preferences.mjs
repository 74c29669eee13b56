// What this browser keeps for its visitor in cookies, which the server reads: light or dark, and the time zone.
const YEAR_S = 31536000;

const keep = (name, value) => {
  document.cookie = `${name}=${encodeURIComponent(value)}; path=/; max-age=${YEAR_S}; samesite=lax`;
};

const switchTheme = () => {
  const root = document.documentElement;
  const isDark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
  document.querySelector('meta[name="color-scheme"]').content = root.dataset.theme;
  keep("aio_theme", root.dataset.theme);
  document.dispatchEvent(new CustomEvent("aio:theme"));
};

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-switches-theme]")) switchTheme();
});

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone && !document.cookie.includes(`aio_time_zone=${encodeURIComponent(zone)}`)) keep("aio_time_zone", zone);
