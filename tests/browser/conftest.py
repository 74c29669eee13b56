"""Real Chromium against a whole running platform. Every page that a test opens must keep the page's own rules:
no script error, nothing refused by the Content-Security-Policy, nothing asked of another host."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright
from running_platform import RunningPlatform

PASSWORD = "correct-horse-battery"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# Nothing of the browser's own may ask other hosts: this machine refuses them, and tests must not depend on it.
CHROMIUM_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
_numbers = count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if CHROMIUM is None and not os.environ.get("AIO_REQUIRE_CHROMIUM"):
                item.add_marker(pytest.mark.skip(reason="Chromium is not installed (Debian: chromium)"))


@dataclass(frozen=True)
class SignedUp:
    """A person with a password, owner of an account with 1,000 credits."""

    email: str
    password: str
    account_id: str
    account_name: str


@dataclass
class Caller:
    """Makes calls with a key of somebody's account; each returns its request id once it is answered."""

    platform: RunningPlatform
    _keys: dict[str, str] = field(default_factory=dict)

    def __call__(self, owner: SignedUp) -> str:
        answer = httpx.post(
            f"{self.platform.base_url}/api/chat",
            json={"input": "Hello!"},
            headers={"Authorization": f"Bearer {self.key_of(owner)}"},
            timeout=60,
            trust_env=False,
        )
        assert answer.status_code == 200, answer.text
        return answer.headers["x-request-id"]

    def key_of(self, owner: SignedUp) -> str:
        if owner.account_name not in self._keys:
            issued = self.platform.manage_json("issue_key", owner.account_name)
            self._keys[owner.account_name] = issued["key"]
        return self._keys[owner.account_name]


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    # Results of tasks, and callbacks, are on this machine.
    environment = {"AIO_PRIVATE_URL_NETWORKS": "127.0.0.0/8"}
    running = RunningPlatform(tmp_path_factory.mktemp("pages"), environment=environment)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """For one file: Playwright keeps an event loop running, in which the next file's async tests could not start."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def context(chromium: Browser, platform: RunningPlatform) -> Iterator[BrowserContext]:
    """A visitor without cookies."""
    opened = chromium.new_context(base_url=platform.base_url, locale="en-US", timezone_id="Asia/Seoul")
    opened.set_default_timeout(10_000)
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext, platform: RunningPlatform) -> Iterator[Page]:
    """A tab; at the end it must have been free of script errors, refused content and other hosts."""
    opened = context.new_page()
    broken: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            broken.append(message.text)

    def watch(request: Request) -> None:
        if not request.url.startswith((platform.base_url, "data:", "blob:", "about:")):
            broken.append(f"asked another host: {request.url}")

    opened.on("console", hear)
    opened.on("pageerror", lambda error: broken.append(str(error)))
    opened.on("request", watch)
    yield opened
    assert broken == []


@pytest.fixture(scope="session")
def new_owner(platform: RunningPlatform) -> Callable[[], SignedUp]:
    """Makes a person who owns an account of their own."""

    def make() -> SignedUp:
        number = f"{os.getpid()}-{next(_numbers)}"
        name, email = f"Team {number}", f"owner-{number}@example.test"
        made = json.loads(
            platform.manage(
                "create_account", name, "--plan", "standard", "--credits", "1000", "--owner", email, "--json"
            )
        )
        set_password(platform, email)
        return SignedUp(email, PASSWORD, made["id"], name)

    return make


@pytest.fixture(scope="session")
def call(platform: RunningPlatform) -> Caller:
    return Caller(platform)


@pytest.fixture
def owner(new_owner: Callable[[], SignedUp]) -> SignedUp:
    return new_owner()


@pytest.fixture
def sign_in(page: Page) -> Callable[[SignedUp], None]:
    """Signs in through the form; the tab is then on the overview."""

    def through_the_form(person: SignedUp) -> None:
        page.goto("/auth/login/")
        page.locator("input[name=login]").fill(person.email)
        page.locator("input[name=password]").fill(person.password)
        page.locator("input[name=password]").press("Enter")
        page.wait_for_url("**/overview")

    return through_the_form


@pytest.fixture(scope="module")
def member(new_owner: Callable[[], SignedUp]) -> SignedUp:
    """One owner for all of a module's tests, where none of them minds the others."""
    return new_owner()


@pytest.fixture(scope="module")
def member_key(platform: RunningPlatform, member: SignedUp) -> str:
    """A key of that owner's account."""
    return str(platform.manage_json("issue_key", member.account_name)["key"])


@pytest.fixture(scope="module")
def member_cookies(chromium: Browser, platform: RunningPlatform, member: SignedUp) -> list[Any]:
    """That owner, signed in once."""
    context = chromium.new_context(base_url=platform.base_url)
    page = context.new_page()
    page.goto("/auth/login/")
    page.locator("input[name=login]").fill(member.email)
    page.locator("input[name=password]").fill(member.password)
    page.locator("input[name=password]").press("Enter")
    page.wait_for_url("**/overview")
    cookies: list[Any] = context.cookies()
    context.close()
    return cookies


@pytest.fixture
def signed_in(page: Page, member: SignedUp, member_cookies: list[Any]) -> SignedUp:
    """The tab is the module's owner's."""
    page.context.add_cookies(member_cookies)
    return member


def set_password(platform: RunningPlatform, email: str, password: str = PASSWORD) -> None:
    """Give that person a password and a verified address."""
    platform.manage(
        "shell",
        "-c",
        "from accounts.models import User; from allauth.account.models import EmailAddress; "
        f"user = User.objects.get(email={email!r}); user.set_password({password!r}); user.save(); "
        "EmailAddress.objects.update_or_create("
        "user=user, email=user.email, defaults={'verified': True, 'primary': True})",
    )
