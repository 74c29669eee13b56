"""Real Chromium against a whole running platform. Every page that a test opens must keep the page's own rules:
no script error, nothing refused by the Content-Security-Policy, nothing asked of another host."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    expect,
    sync_playwright,
)
from running_platform import RunningPlatform

PASSWORD = "correct-horse-battery"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# Nothing of the browser's own may ask other hosts: this machine refuses them, and tests must not depend on it.
CHROMIUM_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
# Nothing is about how quick a page is: what comes about on a busy machine comes about.
PATIENCE_MS = 120_000
expect.set_options(timeout=PATIENCE_MS)
OWNERS_AT_ONCE = 8
_numbers = count(1)
_open_browser = ExitStack()
NEXT_TEST = pytest.StashKey[pytest.Item | None]()


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
    session: str


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
            timeout=180,
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
    running = RunningPlatform(tmp_path_factory.mktemp("pages"), workers=1, environment=environment)
    running.start()
    yield running
    running.stop()


@cache
def launched() -> Browser:
    """The browser for all files of this folder that are run in a row: to start one takes some seconds."""
    playwright = _open_browser.enter_context(sync_playwright())
    _open_browser.callback(launched.cache_clear)
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS, timeout=PATIENCE_MS)
    _open_browser.callback(browser.close)
    return browser


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    item.session.stash[NEXT_TEST] = nextitem


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    session.stash[NEXT_TEST] = None


@pytest.fixture(scope="module")
def chromium(request: pytest.FixtureRequest) -> Iterator[Browser]:
    yield launched()
    # Playwright keeps an event loop running, in which async tests of other folders could not start.
    following = request.session.stash[NEXT_TEST]
    if following is None or Path(__file__).parent not in following.path.parents:
        _open_browser.close()


@pytest.fixture
def context(chromium: Browser, platform: RunningPlatform) -> Iterator[BrowserContext]:
    """A visitor without cookies."""
    opened = chromium.new_context(base_url=platform.base_url, locale="en-US", timezone_id="Asia/Seoul")
    opened.set_default_timeout(PATIENCE_MS)
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


MAKE_OWNERS = """
import json
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.auth.hashers import make_password
from allauth.account.models import EmailAddress
from accounts.models import User
from usage.ledger.grants import open_account
made = []
hashed = make_password({password!r})
for number in {numbers}:
    name, email = f"Team {{number}}", f"owner-{{number}}@example.test"
    account, _ = open_account(name, "standard", email, 1000 * 10**6)
    user = User.objects.get(email=email)
    user.password = hashed
    user.save()
    EmailAddress.objects.update_or_create(user=user, email=email, defaults=dict(verified=True, primary=True))
    session = SessionStore()
    session["_auth_user_id"] = str(user.pk)
    session["_auth_user_backend"] = settings.AUTHENTICATION_BACKENDS[0]
    session["_auth_user_hash"] = user.get_session_auth_hash()
    session.create()
    made.append([email, {password!r}, account.public_id, name, session.session_key])
print(json.dumps(made))
"""


@pytest.fixture(scope="session")
def new_owner(platform: RunningPlatform) -> Callable[[], SignedUp]:
    """Gives a person who owns an account of their own. They are made many at a time: one takes as long as eight."""
    made: list[SignedUp] = []

    def take() -> SignedUp:
        if not made:
            numbers = [f"{os.getpid()}-{next(_numbers)}" for _ in range(OWNERS_AT_ONCE)]
            script = MAKE_OWNERS.format(numbers=numbers, password=PASSWORD)
            rows = json.loads(platform.manage("shell", "--no-imports", "-c", script))
            made.extend(SignedUp(*row) for row in rows)
        return made.pop()

    return take


@pytest.fixture(scope="session")
def call(platform: RunningPlatform) -> Caller:
    return Caller(platform)


@pytest.fixture
def owner(new_owner: Callable[[], SignedUp]) -> SignedUp:
    return new_owner()


@pytest.fixture
def sign_in(page: Page, platform: RunningPlatform) -> Callable[[SignedUp], None]:
    """Makes the tab that person's, without the form (which is tested where it is the matter), on the overview."""

    def with_session(person: SignedUp) -> None:
        take_session(page.context, platform, person)
        page.goto("/overview")

    return with_session


@pytest.fixture(scope="module")
def member(new_owner: Callable[[], SignedUp]) -> SignedUp:
    """One owner for all of a module's tests, where none of them minds the others."""
    return new_owner()


@pytest.fixture(scope="module")
def member_key(platform: RunningPlatform, member: SignedUp) -> str:
    """A key of that owner's account."""
    return str(platform.manage_json("issue_key", member.account_name)["key"])


@pytest.fixture
def signed_in(page: Page, platform: RunningPlatform, member: SignedUp) -> SignedUp:
    """The tab is the module's owner's."""
    take_session(page.context, platform, member)
    return member


@pytest.fixture
def staff(page: Page, platform: RunningPlatform) -> str:
    """A superuser, signed in through the members' sign-in page; their address."""
    email = f"root-{uuid4().hex[:8]}@staff.test"
    platform.manage("create_staff", email, "--superuser", stdin=f"{PASSWORD}\n")
    page.goto("/staff/")
    page.wait_for_url("**/auth/login/?next=/staff/")
    fill_sign_in_form(page, email)
    page.wait_for_url("**/staff/")
    return email


def take_session(context: BrowserContext, platform: RunningPlatform, person: SignedUp) -> None:
    """From now on the person is signed in there."""
    context.add_cookies([{"name": "sessionid", "value": person.session, "url": platform.base_url}])


def fill_sign_in_form(page: Page, email: str, password: str = PASSWORD) -> None:
    """Send the sign-in form that the tab shows; waiting for what comes is the caller's."""
    page.locator("input[name=login]").fill(email)
    page.locator("input[name=password]").fill(password)
    page.locator("input[name=password]").press("Enter")


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
