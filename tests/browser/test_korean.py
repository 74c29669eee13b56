"""Every page in Korean says everything in Korean."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser
from running_platform import RunningPlatform

from gateway.catalog import ENDPOINTS
from tests.browser.conftest import SignedUp
from tests.browser.every_page import MEMBERS, PUBLIC, Visitor, visiting
from tests.browser.used_account import PROMPT

# What the account's own data, plans and catalog are called.
NAMES = {
    "production",
    "standard",
    "sandbox",
    "opening credits",
    "callbacks",
    "usage",
    "task.succeeded",
    PROMPT,
    *ENDPOINTS,
}
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


@pytest.fixture(scope="module")
def visitor(
    chromium: Browser, platform: RunningPlatform, new_owner: Callable[[], SignedUp]
) -> Iterator[Visitor]:
    with visiting(chromium, platform, new_owner, "ko-KR") as found:
        yield found


@pytest.mark.parametrize("path", [*PUBLIC, *MEMBERS])
def test_no_english_is_left_in_korean(path: str, visitor: Visitor) -> None:
    page = visitor.tab(path)
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
