"""A team in the browser: somebody is invited, joins, and may do what their role may."""

from collections.abc import Callable

from playwright.sync_api import Browser, Page, expect
from running_platform import RunningPlatform

from tests.browser.conftest import PATIENCE_MS, SignedUp
from tests.browser.test_sign_in import newest_mail


def test_an_invitation_is_accepted_by_signing_up_and_the_role_holds(
    page: Page,
    chromium: Browser,
    platform: RunningPlatform,
    owner: SignedUp,
    sign_in: Callable[[SignedUp], None],
) -> None:
    sign_in(owner)
    page.goto("/team")
    page.get_by_label("E-mail address").fill("viewer@invited.test")
    page.get_by_label("Role", exact=True).select_option("viewer")
    page.get_by_role("button", name="Invite").click()
    link = page.locator(".invitation code").inner_text()
    assert link in newest_mail(platform, "viewer@invited.test")

    guest = chromium.new_context(base_url=platform.base_url, locale="en-US").new_page()
    guest.context.set_default_timeout(PATIENCE_MS)
    guest.goto(link)
    guest.get_by_role("link", name="Sign up and join").click()
    expect(guest.get_by_label("Email")).to_have_value("viewer@invited.test")
    guest.get_by_label("Password").fill("correct-horse-battery")
    guest.get_by_role("button", name="Sign Up").click()
    guest.wait_for_url("**/overview")
    expect(guest.locator(".account-name")).to_have_text(owner.account_name)
    guest.goto("/keys")
    expect(guest.get_by_role("link", name="New key")).to_have_count(0)
    answer = guest.goto("/keys/new")
    assert answer is not None
    assert answer.status == 403

    page.reload()
    row = page.get_by_role("row").filter(has_text="viewer@invited.test")
    row.get_by_label("Role of viewer@invited.test").select_option("developer")
    row.get_by_role("button", name="Save").click()
    expect(page.locator("#notices")).to_contain_text("has another role now")
    guest.goto("/keys/new")
    expect(guest.get_by_role("heading", name="New API key")).to_be_visible()
    assert guest.goto("/audit").status == 403  # type: ignore[union-attr]

    page.get_by_role("button", name="Remove viewer@invited.test").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.locator("#notices")).to_contain_text("is no longer a member")
    guest.goto("/keys")
    expect(guest.get_by_role("heading", name="You belong to no account")).to_be_visible()
    guest.get_by_role("button", name="Open an account").click()
    guest.wait_for_url("**/overview")
    guest.context.close()

    page.goto("/audit")
    for action in ("Invited a member", "Joined", "Changed a role", "Removed a member"):
        expect(page.get_by_role("rowheader", name=action).first).to_be_visible()


def test_the_chosen_time_zone_is_kept_over_the_browsers(
    page: Page, owner: SignedUp, sign_in: Callable[[SignedUp], None]
) -> None:
    sign_in(owner)
    page.goto("/settings")
    expect(page.get_by_text("Times are shown in Asia/Seoul now.")).to_be_visible()
    page.get_by_label("Time zone").select_option("Europe/Berlin")
    page.get_by_role("button", name="Save").first.click()
    expect(page.get_by_text("Times are shown in Europe/Berlin now.")).to_be_visible()
