"""Usage in Chromium: calls come in by themselves, filters stay, and files hold the API's figures."""

import csv
from collections.abc import Callable
from pathlib import Path

import httpx
from playwright.sync_api import Page, expect
from running_platform import RunningPlatform

from tests.browser.conftest import Caller, SignedUp

SignIn = Callable[[SignedUp], None]
LOOKS_EVERY_S = 1


def get_from_api(platform: RunningPlatform, key: str, path: str) -> httpx.Response:
    return httpx.get(
        platform.base_url + path, headers={"Authorization": f"Bearer {key}"}, trust_env=False, timeout=60
    )


def test_a_call_comes_in_above_without_a_reload_and_pause_holds_it_back(
    page: Page, owner: SignedUp, sign_in: SignIn, call: Caller
) -> None:
    first = call(owner)
    sign_in(owner)
    page.goto("/usage/calls")
    rows = page.locator("#calls tr")
    expect(rows).to_have_count(1)
    expect(page.locator("#live")).to_have_attribute("hx-trigger", f"every {LOOKS_EVERY_S}s")
    kept = rows.first.element_handle()

    second = call(owner)
    expect(page.locator(f"#{second}")).to_be_visible()
    assert [row.get_attribute("id") for row in rows.all()] == [second, first]
    assert kept is not None
    assert kept.evaluate("row => row.isConnected"), "rows that were there stay the same elements"

    page.get_by_role("button", name="Pause").press("Enter")
    third = call(owner)
    page.wait_for_timeout(2_000 * LOOKS_EVERY_S)
    expect(page.locator(f"#{third}")).to_have_count(0)
    page.get_by_role("button", name="Pause").press("Enter")
    expect(page.locator(f"#{third}")).to_be_visible()

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
