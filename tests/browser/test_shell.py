"""The frame of every page: sign-in, navigation, theme and language."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import SignedUp, fill_sign_in_form


def test_who_is_not_signed_in_is_sent_to_sign_in_and_back(page: Page, owner: SignedUp) -> None:
    page.goto("/keys")
    page.wait_for_url("**/auth/login/?next=/keys")
    fill_sign_in_form(page, owner.email)
    page.wait_for_url("**/keys")


def test_the_theme_is_switched_and_kept(
    page: Page, owner: SignedUp, sign_in: Callable[[SignedUp], None]
) -> None:
    sign_in(owner)
    page.get_by_role("button", name="Light or dark").click()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    page.reload()
    assert page.locator("html").get_attribute("data-theme") == "dark"


def test_the_language_is_switched_and_kept(
    page: Page, owner: SignedUp, sign_in: Callable[[SignedUp], None]
) -> None:
    sign_in(owner)
    page.get_by_label("Language").select_option("ko")
    expect(page.locator("html")).to_have_attribute("lang", "ko")
    page.goto("/keys")
    expect(page.locator("html")).to_have_attribute("lang", "ko")


def test_the_page_one_is_on_is_marked_in_the_navigation(
    page: Page, owner: SignedUp, sign_in: Callable[[SignedUp], None]
) -> None:
    sign_in(owner)
    page.goto("/keys")
    expect(page.get_by_role("link", name="API keys")).to_have_attribute("aria-current", "page")
