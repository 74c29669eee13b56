"""Sign-up, sign-in by password, app code and passkey, and a forgotten password, as people do them."""

import base64
import hashlib
import hmac
import struct
import time
from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from running_platform import RunningPlatform

from tests.browser.conftest import PASSWORD, PATIENCE_MS, SignedUp

SIGN_IN_PAGES = [
    "/auth/password/change/",
    "/auth/email/",
    "/auth/sessions/",
    "/auth/2fa/",
    "/auth/2fa/webauthn/",
    "/auth/2fa/webauthn/add/",
    "/auth/2fa/totp/activate/",
]


def sign_up(page: Page, email: str) -> None:
    page.goto("/")
    page.get_by_role("link", name="Sign up").first.click()
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign Up").click()
    page.wait_for_url("**/overview")


def sign_in_with(page: Page, email: str, password: str) -> None:
    page.goto("/auth/login/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign In", exact=True).click()


def sign_out(page: Page) -> None:
    page.goto("/auth/logout/")
    page.locator("main").get_by_role("button", name="Sign Out").click()
    page.wait_for_url("**/")


def reauthenticate(page: Page) -> None:
    """Where a page asks for the password again, give it."""
    if "/reauthenticate" in page.url:
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Confirm").click()
        page.wait_for_url(lambda address: "/reauthenticate" not in address)


def newest_mail(platform: RunningPlatform, to: str) -> str:
    """The body of the newest mail to that address, from the files that stand in for a mail server."""
    found = []
    for file in sorted((platform.data_dir / "mail").iterdir(), key=lambda path: path.stat().st_mtime_ns):
        for text in file.read_bytes().split(b"-" * 79):
            message = message_from_bytes(text.strip(), policy=default)
            if message["To"] == to:
                found.append(str(message.get_content()))
    return found[-1]


def app_code(secret: str) -> str:
    """What an authenticator app shows now (RFC 6238)."""
    counter = struct.pack(">Q", int(time.time()) // 30)
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    mac = hmac.new(key, counter, hashlib.sha1).digest()
    number = struct.unpack(">I", mac[mac[-1] & 15 :][:4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"


def enter_app_code(page: Page, label: str, button: str, secret: str) -> None:
    """What the app shows; where that has just become old, what it shows next."""
    for _ in range(2):
        page.get_by_label(label).fill(app_code(secret))
        with page.expect_navigation():
            page.get_by_role("button", name=button).click()
        if page.locator(".errorlist").count() == 0:
            return


def test_who_signs_up_is_on_the_overview_of_an_account_with_trial_credits(page: Page) -> None:
    sign_up(page, "newcomer@people.test")
    expect(page.locator(".account-name")).to_have_text("newcomer")
    expect(page.get_by_text("100", exact=True).first).to_be_visible()


def test_a_forgotten_password_is_reset_by_the_link_in_the_mail(page: Page, platform: RunningPlatform) -> None:
    sign_up(page, "forgetful@people.test")
    sign_out(page)
    page.goto("/auth/login/")
    page.get_by_role("link", name="Forgot your password?").click()
    page.get_by_label("Email").fill("forgetful@people.test")
    page.get_by_role("button", name="Reset My Password").click()
    page.wait_for_url("**/reset/done/")
    link = next(
        word for word in newest_mail(platform, "forgetful@people.test").split() if "/reset/key/" in word
    )
    page.goto(link)
    page.get_by_label("New Password", exact=True).fill("another-horse-battery")
    page.get_by_label("New Password (again)").fill("another-horse-battery")
    page.get_by_role("button", name="Change Password").click()
    page.wait_for_url("**/reset/key/done/")
    sign_in_with(page, "forgetful@people.test", "another-horse-battery")
    page.wait_for_url("**/overview")


def test_with_an_authenticator_app_the_password_is_not_enough(page: Page) -> None:
    sign_up(page, "careful@people.test")
    page.goto("/settings/security")
    page.get_by_role("link", name="Activate").click()
    reauthenticate(page)
    expect(page.locator("img.qr")).to_be_visible()
    secret = page.locator("#authenticator_secret").input_value()
    enter_app_code(page, "Authenticator code", "Activate", secret)
    page.wait_for_url("**/recovery-codes/")
    sign_out(page)

    sign_in_with(page, "careful@people.test", PASSWORD)
    page.wait_for_url("**/2fa/authenticate/")
    page.get_by_label("Code").fill("000000")
    page.get_by_role("button", name="Sign In").click()
    expect(page.locator(".errorlist")).to_be_visible()
    enter_app_code(page, "Code", "Sign In", secret)
    page.wait_for_url("**/overview")


@pytest.fixture
def tab_with_authenticator(chromium: Browser, platform: RunningPlatform) -> Iterator[Page]:
    """A tab whose computer has a fingerprint reader. Passkeys need a name, not an address, as origin."""
    context = chromium.new_context(base_url=f"http://localhost:{platform.port}", locale="en-US")
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    broken: list[str] = []
    page.on("console", lambda message: broken.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: broken.append(str(error)))
    devtools = context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    yield page
    context.close()
    assert broken == []


def test_a_passkey_signs_in_without_a_password(tab_with_authenticator: Page) -> None:
    page = tab_with_authenticator
    sign_up(page, "keyholder@people.test")
    page.goto("/settings/security")
    page.get_by_role("link", name="Add a passkey").click()
    reauthenticate(page)
    page.get_by_label("Name").fill("My laptop")
    page.get_by_label("Passwordless").check()
    page.get_by_role("button", name="Add").click()
    page.wait_for_url("**/recovery-codes/")
    page.goto("/auth/2fa/webauthn/")
    expect(page.get_by_role("rowheader", name="My laptop")).to_be_visible()
    sign_out(page)
    page.goto("/auth/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url("**/overview")
    expect(page.locator(".person-mail")).to_have_text("keyholder@people.test")


def test_other_browsers_are_signed_out_from_here(
    page: Page, platform: RunningPlatform, chromium: Browser, owner: SignedUp
) -> None:
    elsewhere = chromium.new_context(base_url=platform.base_url).new_page()
    elsewhere.context.set_default_timeout(PATIENCE_MS)
    for tab in (elsewhere, page):
        sign_in_with(tab, owner.email, owner.password)
        tab.wait_for_url("**/overview")
    # A page that asks for nothing by itself: one that does leaves for the sign-in on its own, at any moment.
    elsewhere.goto("/docs")
    page.goto("/settings/security")
    page.get_by_role("link", name="Sign out elsewhere").click()
    expect(page.locator("tbody tr")).to_have_count(2)
    page.get_by_role("button", name="Sign Out Other Sessions").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    elsewhere.goto("/keys")
    elsewhere.wait_for_url("**/auth/login/**")
    elsewhere.context.close()


def test_every_page_about_ones_sign_in_wears_our_look_and_keeps_its_rules(
    page: Page, owner: SignedUp, sign_in: Callable[[SignedUp], None]
) -> None:
    sign_in(owner)
    for address in SIGN_IN_PAGES:
        page.goto(address)
        reauthenticate(page)
        assert page.url.endswith(address), page.url
        expect(page.locator(".shell h1")).to_have_text("Settings")
        expect(page.get_by_role("navigation", name="Settings")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address


def test_mails_are_for_their_owner_alone(page: Page, platform: RunningPlatform) -> None:
    sign_up(page, "private@people.test")
    mail_dir: Path = platform.data_dir / "mail"
    assert mail_dir.stat().st_mode & 0o077 == 0
