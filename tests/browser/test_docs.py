"""The documentation in a browser: read, searched, copied from, on a phone and by keyboard."""

from pathlib import Path

from playwright.sync_api import Browser, Page, expect
from running_platform import RunningPlatform

from tests.browser.conftest import PATIENCE_MS


def test_on_a_phone_all_pages_are_behind_a_button(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 780})
    page.goto("/docs")
    expect(page.get_by_role("link", name="Voice clone")).to_be_hidden()
    page.get_by_role("button", name="All pages").click()
    expect(page.get_by_role("link", name="Voice clone")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_the_language_of_examples_is_chosen_by_keyboard_and_kept(page: Page) -> None:
    page.goto("/docs/endpoints/tts")
    page.locator("#synthesize_speech-curl").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#synthesize_speech-httpx-source")).to_be_visible()
    expect(page.locator("#synthesize_speech-curl-source")).to_be_hidden()
    expect(page.locator("#list_speakers-httpx-source")).to_be_visible()
    page.goto("/docs/endpoints/chat")
    expect(page.locator("#generate_text-httpx-source")).to_be_visible()


def test_search_answers_while_one_types_and_leads_to_the_page(page: Page) -> None:
    page.goto("/docs")
    page.keyboard.press("/")
    page.keyboard.type("audio_duration")
    page.locator("#docs-found").get_by_role("link", name="Text to music").click()
    page.wait_for_url("**/docs/endpoints/t2m")
    page.keyboard.press("/")
    page.keyboard.type("webhook")
    expect(page.locator("#docs-found").get_by_role("link").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#docs-found")).to_be_empty()


def test_an_operation_of_the_openapi_document_is_read_in_place(page: Page) -> None:
    page.goto("/docs/openapi")
    page.locator("summary", has_text="/api/t2m").click()
    expect(page.locator("details[open] .param-name", has_text="audio_duration")).to_be_visible()


def test_the_openapi_document_is_downloaded(page: Page, tmp_path: Path) -> None:
    page.goto("/docs/openapi")
    with page.expect_download() as started:
        page.get_by_role("link", name="JSON").click()
    started.value.save_as(tmp_path / "openapi.json")
    assert (tmp_path / "openapi.json").read_bytes().startswith(b"{")


def test_code_is_copied_as_it_is_shown(page: Page, platform: RunningPlatform) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/docs/endpoints/chat")
    page.get_by_role("button", name="Copy curl · POST /api/chat").click()
    expect(page.locator("#said")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator("#generate_text-curl-source").text_content()
    assert f"{platform.base_url}/api/chat" in copied


def test_without_script_the_pages_still_work(chromium: Browser, platform: RunningPlatform) -> None:
    context = chromium.new_context(base_url=platform.base_url, java_script_enabled=False)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto("/docs/endpoints/chat")
    page.get_by_text("JavaScript", exact=True).click()
    expect(page.locator("#generate_text-javascript-source")).to_be_visible()
    page.get_by_label("Search the docs").fill("idempotency")
    page.get_by_label("Search the docs").press("Enter")
    expect(page.locator("main").get_by_role("link", name="Idempotency").first).to_be_visible()
    context.close()
