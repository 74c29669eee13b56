"""Usage in Chromium: calls come in by themselves, filters stay, and files hold the API's figures."""

import csv
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from running_platform import RunningPlatform

from tests.browser.conftest import Caller, SignedUp

SignIn = Callable[[SignedUp], None]
SHOWN_WITHIN_MS = 2_000


def get_from_api(platform: RunningPlatform, key: str, path: str) -> httpx.Response:
    return httpx.get(platform.base_url + path, headers={"Authorization": f"Bearer {key}"}, trust_env=False)


def test_a_call_comes_in_above_without_a_reload_and_pause_holds_it_back(
    page: Page, owner: SignedUp, sign_in: SignIn, call: Caller
) -> None:
    first = call(owner)
    sign_in(owner)
    page.goto("/usage/calls")
    rows = page.locator("#calls tr")
    expect(rows).to_have_count(1)
    kept = rows.first.element_handle()

    second = call(owner)
    expect(page.locator(f"#{second}")).to_be_visible(timeout=SHOWN_WITHIN_MS)
    assert [row.get_attribute("id") for row in rows.all()] == [second, first]
    assert kept is not None
    assert kept.evaluate("row => row.isConnected"), "rows that were there stay the same elements"

    page.get_by_role("button", name="Pause").press("Enter")
    third = call(owner)
    page.wait_for_timeout(SHOWN_WITHIN_MS)
    expect(page.locator(f"#{third}")).to_have_count(0)
    page.get_by_role("button", name="Pause").press("Enter")
    expect(page.locator(f"#{third}")).to_be_visible(timeout=SHOWN_WITHIN_MS)

    page.locator(f"#{second} a").press("Enter")
    expect(page.locator("#request-id")).to_have_text(second)


def test_filters_are_in_the_address_and_outlive_a_reload(
    page: Page, owner: SignedUp, sign_in: SignIn, call: Caller
) -> None:
    call(owner)
    sign_in(owner)
    page.goto("/usage")
    page.get_by_label("Group by").select_option("endpoint")
    page.wait_for_url("**/usage?*group_by=endpoint*")
    expect(page.locator("#view .chart canvas").first).to_be_visible()
    page.get_by_role("radio", name="24 hours").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**/usage?*period=7d*")
    page.get_by_label("Model").select_option(index=1)
    page.wait_for_url("**model=*")
    expect(page.locator("#groups tbody th")).to_have_text(["chat"])
    address = page.url
    assert "key=" not in address
    page.reload()
    assert page.url == address
    assert page.get_by_label("Group by").input_value() == "endpoint"
    assert page.get_by_label("Model").input_value() != ""
    expect(page.get_by_role("radio", name="7 days")).to_be_checked()
    expect(page.locator("#groups tbody th")).to_have_text(["chat"])


def test_a_field_that_is_wrong_is_named_where_one_looks(
    page: Page, owner: SignedUp, sign_in: SignIn, call: Caller
) -> None:
    call(owner)
    sign_in(owner)
    page.goto("/usage/calls")
    page.get_by_label("Cost over (credits)").fill("cheap")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("cost_over")
    page.get_by_label("Cost over (credits)").fill("0")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_files_hold_the_apis_figures(
    page: Page, owner: SignedUp, sign_in: SignIn, call: Caller, platform: RunningPlatform, tmp_path: Path
) -> None:
    for _ in range(3):
        call(owner)
    sign_in(owner)
    page.goto("/usage/calls")
    calls = download(page, tmp_path)
    api = get_from_api(platform, call.key_of(owner), "/api/v1/usage").json()["data"]
    assert [(row["request_id"], row["cost"]) for row in calls] == [
        (event["request_id"], event["cost"]) for event in api
    ]
    page.goto("/usage")
    query = page.locator("#api-line").text_content()
    assert query is not None
    sums = download(page, tmp_path)
    told = get_from_api(platform, call.key_of(owner), query.removeprefix("GET ")).json()["data"]
    assert [(row["bucket"], row["model"], row["cost"], row["calls"]) for row in sums] == [
        (row["bucket"], row["model"], row["cost"], str(row["calls"])) for row in told
    ]


def download(page: Page, directory: Path) -> list[dict[str, str]]:
    with page.expect_download() as waited:
        page.get_by_role("link", name="CSV").click()
    path = directory / waited.value.suggested_filename
    waited.value.save_as(path)
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    page: Page, owner: SignedUp, sign_in: SignIn, call: Caller, scheme: str
) -> None:
    sign_in(owner)
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    found = look(page, "/overview")
    request_id = call(owner)
    paths = (
        "/overview",
        "/usage",
        "/usage?measure=p95&group_by=none",
        "/usage?group_by=wrong",
        "/usage/calls",
        f"/usage/calls/{request_id}",
        "/usage/calls/req_018f0000000070008000000000000000",
        "/credits",
    )
    for path in paths:
        found += look(page, path)
    assert found == []


def look(page: Page, path: str) -> list[str]:
    """What axe-core finds on the page, and whether a narrow phone has to scroll it sideways."""
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(path)
    results = Axe().run(page)
    found = [
        f"{path}: {one['id']}: {one['nodes'][0]['html'][:200]}" for one in results.response["violations"]
    ]
    page.set_viewport_size({"width": 360, "height": 740})
    page.wait_for_timeout(300)  # charts are drawn anew a moment after the width has changed
    beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [*found, f"{path}: {beyond} px wider than a phone"] if beyond > 0 else found
