"""Credits in Chromium: the ledger's entries lead to what caused them."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import Caller, SignedUp


def test_an_entry_leads_to_its_receipt_and_the_sum_is_what_there_is(
    page: Page, owner: SignedUp, sign_in: Callable[[SignedUp], None], call: Caller
) -> None:
    request_id = call(owner)
    sign_in(owner)
    page.goto("/credits")
    expect(page.locator(".chart canvas")).to_be_visible()
    newest = page.locator("#ledger tbody tr").first
    balance = newest.locator("td").last.inner_text()
    assert page.locator("[data-figure=balance]").inner_text() == balance
    newest.get_by_role("link").press("Enter")
    expect(page.locator("#request-id")).to_have_text(request_id)
    page.get_by_role("button", name="Copy the request id").press("Enter")
    expect(page.locator("#said")).to_have_text("Copied")
