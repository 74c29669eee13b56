"""A key's life in the browser: made, used, revoked and refused; rotated with both at work for a while."""

import re
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect
from running_platform import RunningPlatform

from tests.browser.conftest import SignedUp
from tests.browser.looks import assert_looks_right

CALL = {"model": "gemini", "messages": [{"role": "user", "content": "Hello!"}]}


@pytest.fixture
def keys_page(page: Page, owner: SignedUp, sign_in: Callable[[SignedUp], None]) -> Page:
    sign_in(owner)
    page.goto("/keys")
    return page


def make_key(page: Page, name: str) -> str:
    """Through the dialog, with a cap; its text."""
    page.get_by_role("link", name="New key").click()
    page.get_by_label("Name").fill(name)
    page.get_by_label("Credits a month").fill("50")
    page.get_by_role("button", name="Make the key").click()
    key_text = page.locator("#made-key").inner_text()
    assert re.fullmatch(r"aio_[0-9A-Za-z]{38}", key_text)
    return key_text


def call_with(platform: RunningPlatform, key_text: str) -> int:
    with httpx.Client(base_url=platform.base_url, trust_env=False, timeout=180) as client:
        headers = {"Authorization": f"Bearer {key_text}"}
        return client.post("/v1/chat/completions", json=CALL, headers=headers).status_code


def test_a_key_is_made_used_revoked_and_refused(keys_page: Page, platform: RunningPlatform) -> None:
    page = keys_page
    key_text = make_key(page, "billing")
    page.get_by_role("button", name="Copy the key").click()
    expect(page.locator("#said")).to_have_text("Copied")
    page.get_by_role("link", name="I have it").click()
    expect(page.get_by_role("rowheader", name=re.compile("billing"))).to_be_visible()
    assert key_text not in page.content()

    assert call_with(platform, key_text) == 200
    page.reload()
    expect(page.locator("tbody tr").first).not_to_contain_text("Never")
    page.get_by_role("link", name="Revoke billing").click()
    expect(page.get_by_role("dialog")).to_contain_text("It made 1 call in the last 7 days")
    page.get_by_role("button", name="Revoke the key").click()
    expect(page.locator("#notices")).to_contain_text("billing is revoked")
    assert call_with(platform, key_text) == 401
    page.get_by_text("1 revoked or expired key").click()
    expect(page.get_by_role("region", name="Revoked and expired keys")).to_contain_text("billing")


def test_both_keys_work_while_a_rotation_overlaps(keys_page: Page, platform: RunningPlatform) -> None:
    page = keys_page
    old = make_key(page, "rolling")
    page.get_by_role("link", name="I have it").click()
    page.get_by_role("link", name="Rotate rolling").click()
    page.get_by_label("Overlap").select_option("3600")
    page.get_by_role("button", name="Make the new key").click()
    new = page.locator("#made-key").inner_text()
    assert new != old
    assert (call_with(platform, old), call_with(platform, new)) == (200, 200)


def test_a_mistake_stays_in_the_dialog_with_what_was_typed(keys_page: Page) -> None:
    page = keys_page
    page.get_by_role("link", name="New key").click()
    page.get_by_label("Name").fill("typo")
    page.get_by_label("Credits a day").fill("much")
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_role("dialog").locator(".problem")).to_be_visible()
    expect(page.get_by_label("Name")).to_have_value("typo")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_new_key_is_shown_as_it_should_be(keys_page: Page) -> None:
    make_key(keys_page, "shown")
    assert_looks_right(keys_page)
