"""From a new account to its first call, and back from it: the checklist, the receipt, the figures."""

import re
import subprocess
from collections.abc import Callable

from playwright.sync_api import Page, expect
from running_platform import RunningPlatform

from tests.browser.conftest import Caller, SignedUp
from tests.browser.looks import assert_looks_right

SignIn = Callable[[SignedUp], None]


def run_curl(line: str) -> str:
    """What the copied line prints, run as it stands by a shell."""
    # A proxy of the machine's must not come between; everything here is on loopback.
    ran = subprocess.run(
        ["bash", "-c", line + " --noproxy '*' -sS"], capture_output=True, text=True, timeout=240
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_the_first_call_is_a_key_and_a_pasted_line_away(
    page: Page, owner: SignedUp, sign_in: SignIn, platform: RunningPlatform
) -> None:
    sign_in(owner)
    expect(page.get_by_text("Waiting for your first call")).to_be_visible()
    assert_looks_right(page)
    page.get_by_role("button", name="Make a key").click()
    line = page.locator("#curl-line")
    expect(line).to_contain_text(page.locator("#new-key").inner_text())
    expect(line).to_contain_text(f"{platform.base_url}/api/chat")

    assert '"text"' in run_curl(line.inner_text())
    expect(page.get_by_text("Your first call has arrived")).to_be_visible()

    page.get_by_role("link", name="See its receipt").click()
    expect(page.get_by_role("heading", name="Receipt")).to_be_visible()
    expect(page.get_by_text("Succeeded")).to_be_visible()
    request_id = page.locator("#request-id").inner_text()
    assert re.fullmatch(r"req_[0-9a-f]{32}", request_id)
    assert page.url.endswith(request_id)
    charged = page.locator("[data-figure=capture]").inner_text()

    page.goto("/overview")
    expect(page.get_by_role("heading", name="Top models")).to_be_visible()
    expect(page.locator(".chart canvas").first).to_be_visible()
    spent = 1000 - float(page.locator("[data-figure=available]").inner_text().replace(",", ""))
    assert round(spent, 6) == float(charged)


def test_the_period_is_in_the_address_and_chosen_by_keyboard(
    page: Page, owner: SignedUp, sign_in: SignIn, call: Caller
) -> None:
    call(owner)
    sign_in(owner)
    day = page.get_by_role("link", name="24 hours")
    day.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/overview?period=24h")
    expect(page.get_by_role("link", name="24 hours")).to_have_attribute("aria-current", "true")
    page.reload()
    expect(page.get_by_role("link", name="24 hours")).to_have_attribute("aria-current", "true")
