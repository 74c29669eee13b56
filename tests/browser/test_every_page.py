"""What holds for every page: accessible in light and dark, one way to scroll on a phone, little script, strict policy,
and all of it by keyboard."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from running_platform import RunningPlatform

from tests.browser.conftest import SignedUp
from tests.browser.every_page import MEMBERS, PUBLIC, WIDE, Visitor, visiting
from tests.browser.looks import SCHEMES, axe_violations

MAX_SCRIPT_BYTES = 150_000
PHONE = {"width": 360, "height": 780}
MAX_TABS = 400
# A page with more has one for each address of the API, all made of the same parts.
MOST_OPENED = 24
CSP = {"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"}
# Everything that can be used and is seen; of a group of radio buttons the keyboard stops at one.
MARK_WHAT_CAN_BE_USED = """() => {
  const groups = new Set();
  let count = 0;
  for (const each of document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")) {
    if (each.disabled || each.type === "hidden" || each.tabIndex < 0) continue;
    if (!each.checkVisibility({ visibilityProperty: true })) continue;
    if (each.type === "radio") {
      if (groups.has(each.name)) continue;
      groups.add(each.name);
      const group = [...document.getElementsByName(each.name)];
      (group.find((radio) => radio.checked) ?? each).dataset.usable = String(count++);
    } else each.dataset.usable = String(count++);
  }
  return count;
}"""
WHERE_THE_FOCUS_IS = """() => {
  const here = document.activeElement;
  if (!here || here === document.body) return null;
  const shows = (each) => each && getComputedStyle(each).outlineStyle !== "none";
  return {
    number: here.dataset.usable ?? null,
    isVisible: shows(here) || shows(here.nextElementSibling) || shows(here.closest("label")),
    what: here.outerHTML.slice(0, 120),
  };
}"""
UNVISITED = """(seen) => [...document.querySelectorAll("[data-usable]")]
  .filter((each) => !seen.includes(each.dataset.usable)).map((each) => each.outerHTML.slice(0, 120))"""
SCRIPT_BYTES = """() => performance.getEntriesByType("resource")
  .filter((each) => each.initiatorType === "script" || /\\.m?js$/.test(each.name))
  .reduce((sum, each) => sum + each.decodedBodySize, 0)"""


@pytest.fixture(scope="module")
def visitor(
    chromium: Browser, platform: RunningPlatform, new_owner: Callable[[], SignedUp]
) -> Iterator[Visitor]:
    with visiting(chromium, platform, new_owner, "en-US") as found:
        yield found


def complaints(page: Page, path: str, base_url: str) -> list[str]:
    """Everything that is wrong with a page."""
    wrong: list[str] = []

    def watch(request: Any) -> None:
        if not request.url.startswith((base_url, "data:", "blob:")):
            wrong.append(f"asks another host: {request.url}")

    def hear(error: Any) -> None:
        wrong.append(f"script error: {error}")

    page.on("request", watch)
    page.on("pageerror", hear)
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    page.emulate_media(color_scheme="light")
    answer = page.goto(path)
    assert answer is not None
    page.wait_for_load_state("load")
    policy = {each.strip() for each in answer.headers.get("content-security-policy", "").split(";")}
    if not policy >= CSP:
        wrong.append(f"the policy lacks {CSP - policy}")
    script_bytes = page.evaluate(SCRIPT_BYTES)
    if script_bytes > MAX_SCRIPT_BYTES:
        wrong.append(f"{script_bytes} bytes of script")
    wrong += by_keyboard(page)
    for details in page.locator("main details").all()[:MOST_OPENED]:
        details.evaluate("each => each.open = true")
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        wrong += [
            f"{scheme}: {found['id']} {[node['target'] for node in found['nodes']][:3]}"
            for found in axe_violations(page, scheme)
        ]
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    width = page.evaluate("document.documentElement.scrollWidth")
    if width > PHONE["width"]:
        wrong.append(f"{width} px wide on a phone")
    page.remove_listener("request", watch)
    page.remove_listener("pageerror", hear)
    return wrong


def by_keyboard(page: Page) -> list[str]:
    """What Tab does not get to, or where one cannot see that it has."""
    count = page.evaluate(MARK_WHAT_CAN_BE_USED)
    page.evaluate("document.activeElement?.blur(); window.scrollTo(0, 0)")
    seen: list[str] = []
    unseen: list[str] = []
    for _ in range(min(2 * count + 20, MAX_TABS)):
        page.keyboard.press("Tab")
        here = page.evaluate(WHERE_THE_FOCUS_IS)
        if here is None or here["number"] is None:
            continue
        # The parts of a date are a stop each.
        if seen and here["number"] == seen[-1]:
            continue
        if here["number"] in seen:
            break
        seen.append(here["number"])
        if not here["isVisible"]:
            unseen.append(f"no visible focus on {here['what']}")
    return unseen + [f"not reached by Tab: {each}" for each in page.evaluate(UNVISITED, seen)]


@pytest.mark.parametrize("path", [*PUBLIC, *MEMBERS])
def test_a_page_keeps_every_rule(path: str, visitor: Visitor, platform: RunningPlatform) -> None:
    wrong = complaints(visitor.tab(path), visitor.used.path(path), platform.base_url)
    assert wrong == [], "\n".join(wrong)
