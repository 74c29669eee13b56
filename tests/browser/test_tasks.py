"""Tasks in a browser: listed, followed to their end, played, cancelled, told again."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect
from running_platform import RunningPlatform

from tests.browser.conftest import SignedUp
from tests.browser.looks import assert_little_script, assert_looks_right

IMAGES = "/api/v1/images/generations"
MUSIC = "/api/v1/audio/music"
STUCK = "[[sbx:task=stuck]]"


@pytest.fixture
def api(platform: RunningPlatform, member_key: str) -> Iterator[httpx.Client]:
    """The member's account, called with a key."""
    headers = {"Authorization": f"Bearer {member_key}"}
    with httpx.Client(base_url=platform.base_url, headers=headers, trust_env=False, timeout=180) as opened:
        yield opened


def opened(api: httpx.Client, path: str, **body: Any) -> str:
    answer = api.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def test_a_task_is_followed_from_the_list_to_its_picture(
    page: Page, platform: RunningPlatform, signed_in: SignedUp, api: httpx.Client
) -> None:
    opened(api, IMAGES, model="flux-2", prompt="A garden of [[sbx:until=lanterns;task_s=1]] lanterns")
    page.goto("/tasks")
    row = page.get_by_role("row").filter(has_text="A garden of")
    expect(row).to_contain_text("held")
    platform.release("lanterns")
    # Without a reload: the row says so, and shows a small picture of it.
    expect(row).to_contain_text("Succeeded")
    expect(row.locator("img")).to_have_js_property("complete", True)
    assert row.locator("img").evaluate("each => each.naturalWidth") > 0

    row.get_by_role("link").click()
    picture = page.get_by_role("img", name="Result 1:")
    expect(picture).to_be_visible()
    assert picture.evaluate("each => each.naturalWidth") > 0
    expect(page.locator(".life-picture rect")).to_have_count(3)
    with page.expect_download() as started:
        page.get_by_role("link", name="Download").click()
    assert started.value.suggested_filename.endswith("-1.png")
    assert_looks_right(page)
    assert_little_script(page)
    page.get_by_role("link", name="req_").click()
    expect(page.locator("h1")).to_be_visible()


def test_a_song_is_played_and_sought_in(page: Page, signed_in: SignedUp, api: httpx.Client) -> None:
    task_id = opened(api, MUSIC, model="suno", prompt="Walking [[sbx:task_s=0.1]]", title="Walk", style="pop")
    page.goto(f"/tasks/{task_id}")
    player = page.locator("audio").first
    expect(player).to_be_visible()
    heard = player.evaluate(
        """async (each) => {
            each.muted = true;
            await each.play();
            each.currentTime = each.duration - 2;
            await new Promise((done) => each.addEventListener("timeupdate", () => each.currentTime > 27 && done()));
            return [each.duration, each.currentTime];
        }"""
    )
    assert heard[0] > 20
    assert heard[1] > heard[0] - 3


def test_a_task_is_cancelled_by_keyboard_and_gives_its_credits_back(
    page: Page, signed_in: SignedUp, api: httpx.Client
) -> None:
    before = api.get("/api/v1/credits").json()["available"]
    task_id = opened(api, IMAGES, model="flux-2", prompt=f"Never {STUCK}")
    page.goto(f"/tasks/{task_id}")
    expect(page.locator(".task-state .badge")).to_have_text("Running")
    page.get_by_role("button", name="Cancel", exact=True).focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Cancel this task?")
    expect(dialog).to_contain_text("The 5 credits that it holds are released")
    assert_looks_right(page)
    # The state is asked for again meanwhile; the question stays.
    page.wait_for_timeout(1500)
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="Cancel", exact=True).press("Enter")
    dialog.get_by_role("button", name="Cancel the task").press("Enter")
    expect(page.locator("#notices")).to_contain_text("credits were released")
    expect(page.locator(".task-state .badge")).to_have_text("Cancelled")
    assert api.get("/api/v1/credits").json()["available"] == before


def test_a_failed_task_says_why_and_its_callback_is_sent_again(
    page: Page, platform: RunningPlatform, signed_in: SignedUp, api: httpx.Client
) -> None:
    nowhere = f"{platform.sandbox_url}/nowhere"
    task_id = opened(
        api, IMAGES, model="flux-2", prompt="Cat [[sbx:task=fail;task_s=0.1]]", callback_url=nowhere
    )
    page.goto(f"/tasks/{task_id}")
    expect(page.locator(".task-state .notice.error")).to_be_visible()
    page.reload()
    callbacks = page.locator("#task-callbacks")
    # Seldom more than one: it is tried again by itself after seconds, and later after minutes.
    expect(callbacks).to_contain_text(re.compile(r"[1-9] attempt"))
    made = int(re.findall(r"([1-9]) attempt", callbacks.inner_text())[0])
    callbacks.get_by_role("button", name="Send again").click()
    expect(callbacks).to_contain_text(re.compile(rf"[{made + 1}-9] attempts"))
    assert_looks_right(page)


def test_a_result_that_is_gone_says_so(page: Page, signed_in: SignedUp, api: httpx.Client) -> None:
    task_id = opened(api, IMAGES, model="flux-2", prompt="Cat [[sbx:result=404;task_s=0.1]]")
    page.goto(f"/tasks/{task_id}")
    expect(page.get_by_text("This file cannot be shown")).to_be_visible()


def test_the_list_is_filtered_by_its_address(page: Page, signed_in: SignedUp, api: httpx.Client) -> None:
    opened(api, IMAGES, model="seedream-4-5", prompt="A cat [[sbx:task_s=0.1]]")
    opened(
        api,
        MUSIC,
        model="minimax-music",
        prompt="A song of the sea and the sand",
        lyrics="La la la la la la la",
    )
    page.goto("/tasks")
    everything = page.get_by_role("row").count()
    assert everything >= 3
    page.get_by_label("Model").select_option("minimax-music")
    page.wait_for_url("**/tasks?*model=minimax-music*")
    expect(page.get_by_role("row")).to_have_count(2)
    assert_looks_right(page)
    assert_little_script(page)
    page.get_by_label("Kind").select_option("image_task")
    expect(page.get_by_text("No task matches")).to_be_visible()
    page.get_by_role("link", name="Clear filters").click()
    expect(page.get_by_role("row")).to_have_count(everything)


def test_a_new_account_is_told_what_tasks_are(
    page: Page, owner: SignedUp, sign_in: Callable[[SignedUp], None]
) -> None:
    sign_in(owner)
    page.goto("/tasks")
    expect(page.get_by_text("made by tasks")).to_be_visible()
    assert_looks_right(page)
    page.get_by_role("link", name="Make the first one").click()
    expect(page.locator("#workbench-form")).to_be_visible()
