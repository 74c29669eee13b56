"""The staff site is readable to everybody: axe-core finds nothing on any page, light or dark."""

import json

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from running_platform import RunningPlatform

from tests.browser.test_staff_levers import call
from tests.browser.test_staff_levers import staff as staff

PAGES = [
    "/staff/",
    "/staff/accounts/",
    "/staff/keys/",
    "/staff/calls/",
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
    "/staff/deliveries/",
    "/staff/upstreams/",
    "/staff/routes/",
    "/staff/rates/",
    "/staff/costs/",
    "/staff/rates/chat-standard/",
    "/staff/catalog/",
    "/staff/audit/",
    "/staff/accounts/user/",
    "/staff/accounts/plan/",
    "/staff/accounts/plan/standard/change/",
    "/staff/auth/group/",
    "/staff/auth/group/add/",
    "/staff/accounts/user/1/change/",
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_passes_axe(page: Page, platform: RunningPlatform, staff: str, scheme: str) -> None:
    tenant = platform.new_tenant()
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    found = []
    for address in [*PAGES, f"/staff/accounts/{tenant.account_id}/", f"/staff/keys/{tenant.key_id}/"]:
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == 200, address
        page.wait_for_function(
            "document.documentElement.classList.contains('dark') === " + json.dumps(scheme == "dark")
        )
        for violation in Axe().run(page).response["violations"]:
            nodes = [node["html"][:160] for node in violation["nodes"]]
            found.append((address, violation["id"], len(nodes), nodes[:2]))
    assert found == [], "\n".join(str(one) for one in found)


def test_a_report_over_time_is_drawn(page: Page, platform: RunningPlatform, staff: str) -> None:
    tenant = platform.new_tenant()
    assert call(platform, tenant).status_code == 200
    page.goto("/staff/reports/calls/?interval=minute&compare=yes")
    expect(page.locator("[data-chart] canvas").first).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert download.value.path().read_text().startswith("bucket,calls,")
