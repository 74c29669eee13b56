"""Every page in Korean says everything in Korean."""

from collections.abc import Callable, Iterator

import pytest
from left_in_english import is_english
from playwright.sync_api import Browser
from running_platform import RunningPlatform

from gateway.endpoints import ENDPOINT_NAMES
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
    *ENDPOINT_NAMES,
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
