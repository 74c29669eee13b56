"""What every page must keep to: axe's rules in light and dark, a phone's width, and little script."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

MOST_SCRIPT_BYTES = 150_000
PHONE_WIDTH = 360
SCHEMES = ("light", "dark")
# A scheme is other colours and nothing else: what does not look at colours is looked at in one.
COLOUR_RULES = ["color-contrast", "link-in-text-block"]


def axe_violations(page: Page, scheme: str) -> list[dict[str, Any]]:
    """What axe finds wrong with the page, which is in that scheme: by every rule in the first, by colours in others."""
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if scheme != SCHEMES[0]:
        options["runOnly"] = {"type": "rule", "values": COLOUR_RULES}
    violations: list[dict[str, Any]] = Axe().run(page, options=options).response["violations"]
    return violations


def assert_looks_right(page: Page) -> None:
    """As the page is now, with everything open: light and dark, wide and on a phone."""
    for details in page.locator("main details").all():
        details.evaluate("each => each.open = true")
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        violations = axe_violations(page, scheme)
        assert violations == [], (scheme, [(each["id"], each["nodes"][0]["html"]) for each in violations])
    wide = page.viewport_size
    assert wide is not None
    page.set_viewport_size({"width": PHONE_WIDTH, "height": 780})
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE_WIDTH
    page.set_viewport_size(wide)


def assert_little_script(page: Page) -> None:
    """All script that the page asked for, modules that others import too, as it lies on our disk."""
    sizes = page.evaluate(
        """async () => {
          const asked = performance.getEntriesByType("resource").map(each => each.name);
          const scripts = [...document.scripts].map(each => each.src);
          const addresses = new Set([...scripts, ...asked].filter(each => /\\.m?js$/.test(each)));
          const size = async (address) => (await (await fetch(address)).arrayBuffer()).byteLength;
          return Promise.all([...addresses].map(size));
        }"""
    )
    assert 0 < sum(sizes) <= MOST_SCRIPT_BYTES, sizes
