"""The staff site is for everybody: axe-core finds nothing on any page, light or dark; it fits a phone; its menu works
by keyboard."""

from typing import Any

import pytest
from django.urls import resolve
from playwright.sync_api import Page, expect
from running_platform import RunningPlatform

from accounts.staff import page_registry
from tests.browser.conftest import SignedUp
from tests.browser.looks import SCHEMES, axe_violations
from tests.browser.used_account import Used, use

PAGES = (
    "/staff/",
    "/staff/accounts/",
    "/staff/accounts/{account_id}/",
    "/staff/keys/",
    "/staff/keys/{key_id}/",
    "/staff/calls/",
    "/staff/calls/?request={request_id}",
    "/staff/grants/",
    "/staff/reports/",
    "/staff/reports/calls/?compare=yes",
    "/staff/reports/margin/",
    "/staff/reports/latency/?interval=hour",
    "/staff/reports/refusals/",
    "/staff/reports/conversion/",
    "/staff/reports/top_accounts/",
    "/staff/reports/liability/",
    "/staff/reports/stuck_tasks/",
    "/staff/reports/holds/",
    "/staff/reports/reconciliation/",
    "/staff/tasks/",
    "/staff/tasks/{account_id}/{task_id}/",
    "/staff/deliveries/",
    "/staff/deliveries/{account_id}/{delivery_id}/",
    "/staff/upstreams/",
    "/staff/routes/",
    "/staff/rates/",
    "/staff/costs/",
    "/staff/rates/chat-standard/",
    "/staff/catalog/",
    "/staff/audit/",
    "/staff/accounts/user/",
    "/staff/accounts/user/1/change/",
    "/staff/accounts/plan/",
    "/staff/accounts/plan/standard/change/",
    "/staff/auth/group/",
    "/staff/auth/group/add/",
)
PHONE = {"width": 360, "height": 780}
THEME_IS = "dark => document.documentElement.classList.contains('dark') === dark"
# What staff download rather than look at.
FILES = {"report-csv", "catalog-export"}


@pytest.fixture
def used(platform: RunningPlatform, owner: SignedUp) -> Used:
    """An account with something on each of its pages, and a delivery that failed."""
    return use(platform, owner.account_name, callback_url=f"{platform.sandbox_url}/nowhere")


def test_every_staff_page_is_looked_at() -> None:
    names = {page.name for page in page_registry.registered() if not page.is_action} - FILES
    ids = {"account_id": "acct_0000000000000000", "task_id": "n1abc_flux2", "key_id": "x", "delivery_id": "x"}
    looked_at = {resolve(path.partition("?")[0].format(**ids)).url_name for path in PAGES}
    assert names <= looked_at


def test_every_page_passes_axe_and_fits_a_phone(page: Page, staff: str, owner: SignedUp, used: Used) -> None:
    found: list[Any] = []
    for template in PAGES:
        address = used.path(template, account_id=owner.account_id)
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            # Its theme is chosen when a page is opened.
            answer = page.goto(address)
            assert answer is not None
            assert answer.status == 200, address
            page.wait_for_function(THEME_IS, arg=scheme == "dark")
            for violation in axe_violations(page, scheme):
                nodes = [node["html"][:160] for node in violation["nodes"]]
                found.append((address, scheme, violation["id"], len(nodes), nodes[:2]))
        wide = page.viewport_size
        assert wide is not None
        page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > PHONE["width"]:
            found.append((address, f"{width} px wide on a phone"))
        page.set_viewport_size(wide)
    assert found == [], "\n".join(str(one) for one in found)


def test_the_menu_opens_by_keyboard_and_switches_the_language(page: Page, staff: str) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.goto("/staff/rates/")
    page.get_by_role("button", name="Navigation").press("Enter")
    page.get_by_role("button", name=staff).press("Enter")
    page.get_by_role("button", name="한국어").press("Enter")
    expect(page.locator("html")).to_have_attribute("lang", "ko")
    expect(page.get_by_role("heading", name="요율", level=1)).to_be_visible()
    assert page.url.endswith("/staff/rates/")


def test_a_report_over_time_is_drawn(page: Page, staff: str, used: Used) -> None:
    page.goto("/staff/reports/calls/?interval=minute&compare=yes")
    expect(page.locator("[data-chart] canvas").first).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert download.value.path().read_text().startswith("bucket,calls,")
