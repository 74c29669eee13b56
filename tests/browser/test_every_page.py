"""What holds for every page: accessible in light and dark, one way to scroll on a phone, little script, strict policy,
all of it by keyboard, and Korean throughout."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page
from running_platform import RunningPlatform

from gateway.catalog import ENDPOINTS
from tests.browser.conftest import SignedUp
from tests.browser.used_account import PROMPT, Used, use

PUBLIC = (
    "/auth/login/",
    "/auth/signup/",
    "/auth/password/reset/",
    "/auth/password/reset/done/",
    "/docs",
    "/docs/authentication",
    "/docs/models",
    "/docs/prices",
    "/docs/tasks",
    "/docs/callbacks",
    "/docs/streaming",
    "/docs/errors",
    "/docs/limits",
    "/docs/idempotency",
    "/docs/openapi",
    "/docs/changelog",
    "/docs/endpoints/chat",
    "/docs/endpoints/tts",
    "/docs/endpoints/images-generations",
    "/docs/endpoints/usage",
    "/docs/search?q=model",
    "/no-such-page",
)
MEMBERS = (
    "/overview",
    "/keys",
    "/keys/new",
    "/keys/{key_id}/change",
    "/keys/{key_id}/rotate",
    "/keys/{key_id}/revoke",
    "/usage",
    "/usage?group_by=model",
    "/usage/calls",
    "/usage/calls/{request_id}",
    "/tasks",
    "/tasks/{task_id}",
    "/credits",
    "/workbench",
    "/callbacks",
    "/team",
    "/settings",
    "/settings/security",
    "/audit",
    "/auth/email/",
    "/auth/password/change/",
    "/auth/2fa/",
    "/auth/sessions/",
    "/usage/calls/req_00000000000000000000000000000000",
)
# What the account's own data, plans and catalog are called.
NAMES = {"production", "standard", "sandbox", "opening credits", "callbacks", "usage", PROMPT, *ENDPOINTS}
MAX_SCRIPT_BYTES = 150_000
PHONE = {"width": 360, "height": 780}
WIDE = {"width": 1280, "height": 900}
MAX_TABS = 400
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
  .filter((each) => each.initiatorType === "script" || each.name.endsWith(".js"))
  .reduce((sum, each) => sum + each.decodedBodySize, 0)"""
# What a page says, outside of code and of what is marked as not to be translated.
WORDS = """() => {
  const left = "code, pre, kbd, script, style, textarea, .mono, time, [translate=no], option[lang], .brand"
    + ", .person-mail";
  const isValue = (each) => each.tagName === "OPTION" && each.value === each.textContent.trim();
  const words = [];
  const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (parent && !parent.closest(left) && !isValue(parent)) words.push(walker.currentNode.textContent);
  }
  for (const each of document.querySelectorAll("[aria-label], [placeholder], [title], [alt]"))
    if (!each.closest(left))
      for (const name of ["aria-label", "placeholder", "title", "alt"])
        if (each.getAttribute(name)) words.push(each.getAttribute(name));
  return words.map((each) => each.replace(/\\s+/g, " ").trim()).filter((each) => each);
}"""
LATIN, HANGUL = re.compile(r"[A-Za-z]{2,}"), re.compile(r"[가-힣]")
# Names, units and words of the trade, which Korean developers read as they are.
KEPT = re.compile(
    r"AIO platform|API in One|Omakase API|OpenAI|JavaScript|Python( \((openai|httpx)\))?|curl|CSV|JSON|YAML|English"
    r"|Endpoint|Upstream|Workbench|Rerank|Operation|Docs|URL|UTC|API|IP|TOTP|id|min|ms|s|p\d\d|\.env"
    r"|[\d.,:+\-–% ×/]*(ms|s|min|MB|GB|KB|kB|px)?( \d+ s)?|(\d{3} · )?(application|audio|image|text|multipart)/[\w.\-]+"
    r"|(GET|POST|PUT|PATCH|DELETE)( /\S+)?|(/\S+)|https?://\S+|\S+@\S+|(aio|key|req|acct|evt|whsec)_\S*"
    r"|[A-Z]\w+(/[\w+\-]+)+|[A-Z]{2,4}|v\d+|(Upstream )[\d.]+ m?s|404|Idempotency-Key|X-Account|Mozilla/.*|flux-2"
    r"|[\d.]+/\d+ [0-9a-f:]+/\d+"
)
BETWEEN = re.compile(r" · |, | \| |: ")


@dataclass(frozen=True)
class Visitor:
    """The signed-in owner of a used account, and what their pages name."""

    person: SignedUp
    used: Used
    storage: Any


@pytest.fixture(scope="module")
def visitor(platform: RunningPlatform, chromium: Browser, new_owner: Callable[[], SignedUp]) -> Visitor:
    person = new_owner()
    used = use(platform, person.account_name)
    context = chromium.new_context(base_url=platform.base_url, timezone_id="Asia/Seoul")
    page = context.new_page()
    page.goto("/auth/login/")
    page.locator("input[name=login]").fill(person.email)
    page.locator("input[name=password]").fill(person.password)
    page.locator("input[name=password]").press("Enter")
    page.wait_for_url("**/overview")
    storage = context.storage_state()
    context.close()
    return Visitor(person, used, storage)


def opened(
    chromium: Browser, platform: RunningPlatform, language: str, storage: Any = None
) -> BrowserContext:
    context = chromium.new_context(
        base_url=platform.base_url,
        locale={"en": "en-US", "ko": "ko-KR"}[language],
        timezone_id="Asia/Seoul",
        viewport=WIDE,  # type: ignore[arg-type]
        storage_state=storage,
    )
    context.set_default_timeout(15_000)
    return context


@pytest.fixture(scope="module")
def tabs(
    chromium: Browser, platform: RunningPlatform, visitor: Visitor
) -> Iterator[Callable[[str, bool], Page]]:
    """A tab for each language, signed in or not."""
    contexts = {
        (language, signed_in): opened(chromium, platform, language, visitor.storage if signed_in else None)
        for language in ("en", "ko")
        for signed_in in (False, True)
    }
    pages = {key: context.new_page() for key, context in contexts.items()}
    yield lambda language, signed_in: pages[language, signed_in]
    for context in contexts.values():
        context.close()


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
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        wrong += [
            f"{scheme}: {found['id']} {[node['target'] for node in found['nodes']][:3]}"
            for found in Axe().run(page).response["violations"]
        ]
    wrong += by_keyboard(page)
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
def test_a_page_keeps_every_rule(
    path: str, tabs: Callable[[str, bool], Page], visitor: Visitor, platform: RunningPlatform
) -> None:
    page = tabs("en", path in MEMBERS)

    wrong = complaints(page, visitor.used.path(path), platform.base_url)
    assert wrong == [], "\n".join(wrong)


@pytest.mark.parametrize("path", [*PUBLIC, *MEMBERS])
def test_no_english_is_left_in_korean(path: str, tabs: Callable[[str, bool], Page], visitor: Visitor) -> None:
    page = tabs("ko", path in MEMBERS)
    page.goto(visitor.used.path(path))
    page.wait_for_load_state("load")
    data = {visitor.person.email, visitor.person.account_name, *NAMES, *visitor.used.names}

    left = sorted(text for text in set(page.evaluate(WORDS)) if is_english(text, data))
    assert left == [], "\n".join(left)


def is_english(text: str, data: set[str]) -> bool:
    """Whether a text of a Korean page has words that are neither Korean, nor a name, nor the page's data."""
    if not LATIN.search(text) or HANGUL.search(text):
        return False
    if KEPT.fullmatch(text):
        return False
    for name in sorted(data, key=len, reverse=True):
        text = text.replace(name, " ")
    pieces = [piece.strip(" ()") for piece in BETWEEN.split(text)]
    return not all(KEPT.fullmatch(piece) or not LATIN.search(piece) for piece in pieces)
