"""The workbench in a browser: every endpoint runs, what comes back is shown and played, what was typed is kept."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import media_files as made
import pytest
from playwright.sync_api import Page, expect
from running_platform import RunningPlatform

from gateway.pages.workbench_endpoints import BY_SLUG, ENDPOINTS
from gateway.sandbox.files import png as drawn
from tests.browser.conftest import SignedUp
from tests.browser.looks import assert_little_script, assert_looks_right

ANSWERED_AT_ONCE = [each.slug for each in ENDPOINTS if not each.is_task]
TASKS = [each.slug for each in ENDPOINTS if each.is_task]
BASE_OF_CODE = "http://127.0.0.1"
SOUND_ANSWERS = ("speech", "voice_clone", "music")


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """By endpoint, what it takes."""
    sound, image = tmp_path / "my voice.wav", tmp_path / "sign.png"
    sound.write_bytes(made.wav(2000))
    image.write_bytes(drawn.draw(64, 64, "OPEN", 0))
    return {"vision": image, "voice_clone": sound, "transcription": sound}


def go(page: Page, slug: str, files: dict[str, Path] | None = None) -> None:
    page.goto(f"/workbench?endpoint={slug}")
    if files and slug in files:
        page.locator("input[type=file]").set_input_files(files[slug])


def run(page: Page) -> None:
    """Press Run and wait for the end."""
    page.get_by_role("button", name="Run").click()
    expect(page.locator("#call-stats")).to_be_visible()
    expect(page.get_by_role("button", name="Run")).to_be_enabled()


def said(page: Page) -> str:
    return page.locator("#result .said").inner_text()


def played(page: Page) -> list[float]:
    """Plays the answer's sound; how long it is, and how far it got."""
    found: list[float] = page.locator("#result audio").evaluate(
        """async (each) => {
            each.muted = true;
            if (each.readyState < 1) await new Promise((done) => each.addEventListener("loadedmetadata", done));
            await each.play();
            while (each.currentTime === 0) await new Promise((done) => setTimeout(done, 20));
            return [each.duration, each.currentTime];
        }"""
    )
    return found


@pytest.mark.parametrize("slug", ANSWERED_AT_ONCE)
def test_every_endpoint_runs_as_it_is_opened(
    slug: str, page: Page, signed_in: SignedUp, files: dict[str, Path]
) -> None:
    go(page, slug, files)
    expect(page.locator("#ceiling")).to_contain_text("credits")
    run(page)
    expect(page.locator("#state")).to_have_text("Done")
    if slug in SOUND_ANSWERS:
        length, heard = played(page)
        assert length > 0
        assert heard > 0
    elif slug == "images":
        assert page.locator("#result img").evaluate("each => each.decode().then(() => each.naturalWidth)") > 0
    elif slug == "embeddings":
        assert page.locator("#result .vector rect").count() > 100
    elif slug == "rerank":
        expect(page.locator("#result tbody tr")).to_have_count(2)
    elif slug == "voices":
        expect(page.locator("#result pre")).to_contain_text("Vivian")
    else:
        assert len(said(page)) > 10
    cost = float(page.locator("#cost").inner_text().removesuffix(" credits"))
    at_most = float(page.locator("#ceiling").inner_text().removeprefix("at most ").removesuffix(" credits"))
    assert cost <= at_most
    assert (cost > 0) == (slug != "voices")
    address = page.locator("#receipt").get_attribute("href")
    assert address is not None
    receipt = page.request.get(address)
    assert receipt.status == 200
    assert page.locator("#receipt").inner_text() in receipt.text()


@pytest.mark.parametrize("slug", TASKS)
def test_every_task_of_the_workbench_reaches_its_result(slug: str, page: Page, signed_in: SignedUp) -> None:
    go(page, slug)
    run(page)
    expect(page.locator("#result .task-state .badge")).to_have_text("Succeeded")
    result = page.locator("#result [data-result]").first
    expect(result).to_be_attached()
    if slug in ("music_task", "speech_task"):
        assert (
            played(page)[0] > 0
            if slug == "speech_task"
            else result.evaluate("each => each.preload") == "metadata"
        )
    if slug in ("image_task", "remove_bg", "face_swap"):
        assert result.evaluate("each => each.decode().then(() => each.naturalWidth)") > 0


def test_a_task_is_cancelled_where_it_was_opened(page: Page, signed_in: SignedUp) -> None:
    go(page, "image_task")
    page.locator("#field-prompt").fill("Never [[sbx:task=stuck]]")
    run(page)
    page.locator("#result").get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_role("button", name="Cancel the task").click()
    expect(page.locator("#result .task-state .badge")).to_have_text("Cancelled")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert page.locator("#field-prompt").input_value() == "Never [[sbx:task=stuck]]"


def test_a_stream_is_shown_as_it_comes_and_stopped(page: Page, signed_in: SignedUp) -> None:
    go(page, "chat")
    page.locator("[data-part=content]").fill("[[sbx:chunks=1500;gap_ms=50;tokens=3000]] go on")
    page.get_by_role("button", name="Run").click()
    expect(page.locator("#result .said")).not_to_be_empty()
    first = said(page)
    expect(page.locator("#stop")).to_be_visible()
    page.wait_for_function(
        "before => document.querySelector('#result .said').innerText.length > before", arg=len(first)
    )
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped.")).to_be_visible()
    assert said(page).startswith(first)
    expect(page.locator("#cost")).to_have_text("see the receipt")
    # The same form runs again.
    page.locator("[data-part=content]").fill("hello")
    run(page)
    assert "hello" in said(page)


def test_a_problem_is_told_at_its_field_and_nothing_typed_is_lost(page: Page, signed_in: SignedUp) -> None:
    go(page, "text_chat")
    page.locator("#field-input").fill("A long thought")
    page.locator("#field-temperature").fill("9")
    run(page)
    expect(page.locator("#problem-temperature")).to_contain_text("less than or equal to 2")
    expect(page.locator("#field-temperature")).to_be_focused()
    expect(page.locator("#field-temperature")).to_have_attribute("aria-invalid", "true")
    assert page.locator("#field-input").input_value() == "A long thought"
    assert_looks_right(page)
    page.locator("#field-temperature").fill("0.2")
    run(page)
    expect(page.locator("#problem-temperature")).to_be_hidden()


def test_what_was_typed_survives_a_reload_and_other_endpoints(page: Page, signed_in: SignedUp) -> None:
    go(page, "chat")
    page.locator("[data-part=content]").fill("Not to be lost")
    page.get_by_role("button", name="Add a message").click()
    page.locator("[data-part=content]").nth(1).fill("Nor this")
    page.locator("[data-part=role]").nth(1).select_option("assistant")
    page.get_by_label("Endpoint").select_option("images")
    page.wait_for_url("**endpoint=images")
    page.locator("#field-prompt").fill("A cat")
    page.get_by_label("Endpoint").select_option("chat")
    page.wait_for_url("**endpoint=chat")
    assert page.locator("[data-part=content]").evaluate_all("all => all.map(each => each.value)") == [
        "Not to be lost", "Nor this",
    ]  # fmt: skip
    assert page.locator("[data-part=role]").nth(1).input_value() == "assistant"
    page.get_by_label("Model").select_option("sbx-chat")
    page.wait_for_url("**model=sbx-chat*")
    assert page.locator("[data-part=content]").first.input_value() == "Not to be lost"


def test_what_no_field_holds_is_written_as_json_and_kept(page: Page, signed_in: SignedUp) -> None:
    go(page, "chat")
    page.get_by_role("button", name="JSON").click()
    body = json.loads(page.locator("#json").input_value())
    tool = {
        "type": "function",
        "function": {"name": "look", "parameters": {"type": "object", "properties": {}}},
    }
    body |= {"tools": [tool], "temperature": 0.5, "stream": False}
    body["messages"] = [{"role": "user", "content": "[[sbx:tool=look]] please"}]
    page.locator("#json").fill(json.dumps(body))
    page.get_by_role("button", name="Form").click()
    assert page.locator("#field-temperature").input_value() == "0.5"
    page.locator("#field-temperature").fill("0.25")
    page.get_by_role("button", name="JSON").click()
    sent = json.loads(page.locator("#json").input_value())
    assert (sent["tools"], sent["temperature"]) == ([tool], 0.25)
    run(page)
    expect(page.locator("#result pre")).to_contain_text('"look"')
    page.locator("#json").fill("{")
    expect(page.locator("#json-problem")).to_be_visible()
    page.get_by_role("button", name="Run").click()
    expect(page.locator("#json")).to_be_focused()
    assert_looks_right(page)


def test_a_dropped_file_is_shown_before_it_is_sent(page: Page, signed_in: SignedUp) -> None:
    go(page, "vision")
    dropped = page.evaluate_handle(
        """(bytes) => {
            const carried = new DataTransfer();
            carried.items.add(new File([new Uint8Array(bytes)], "sign.png", { type: "image/png" }));
            return carried;
        }""",
        list(drawn.draw(64, 64, "OPEN", 0)),
    )
    page.dispatch_event(".drop", "drop", {"dataTransfer": dropped})
    expect(page.get_by_role("img", name="sign.png")).to_be_visible()
    expect(page.locator("#code")).to_contain_text("image=@sign.png")
    run(page)
    assert said(page)


def test_a_file_over_the_limit_is_not_sent(page: Page, signed_in: SignedUp) -> None:
    go(page, "vision")
    page.locator("#workbench-form").evaluate("each => (each.dataset.sizeLimit = '10')")
    page.locator("input[type=file]").set_input_files(
        {"name": "a.png", "mimeType": "image/png", "buffer": drawn.draw(64, 64, "OPEN", 0)}
    )
    expect(page.locator("#problem-image")).to_contain_text("larger")


def test_it_runs_by_keyboard_alone(page: Page, signed_in: SignedUp) -> None:
    go(page, "text_chat")
    page.locator("#field-input").focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("By hand")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#result .said")).to_contain_text("By hand")


def test_who_was_signed_out_is_told_and_loses_nothing(page: Page, signed_in: SignedUp) -> None:
    go(page, "text_chat")
    page.locator("#field-input").fill("Still here")
    page.context.clear_cookies(name="sessionid")
    run(page)
    expect(page.get_by_text("You are signed out")).to_be_visible()
    assert page.locator("#field-input").input_value() == "Still here"


def test_a_viewer_sees_everything_and_runs_nothing(
    page: Page, platform: RunningPlatform, owner: SignedUp, sign_in: Callable[[SignedUp], None]
) -> None:
    sign_in(owner)
    platform.manage(
        "shell", "-c",
        "from accounts.models import Membership;"
        f" Membership.objects.filter(user__email={owner.email!r}).update(role='viewer')",
    )  # fmt: skip
    go(page, "chat")
    expect(page.get_by_role("button", name="Run")).to_be_disabled()
    token = page.evaluate("JSON.parse(document.body.getAttribute('hx-headers'))['X-CSRFToken']")
    for path, body in (
        ("/api/chat", {"input": "hello"}),
        ("/api/v1/images/generations", {"model": "flux-2", "prompt": "a cat"}),
    ):
        refused = page.request.post(path, data=body, headers={"X-CSRFToken": token})
        assert refused.status == 403, path


def program(page: Page, label: str, naming: str) -> str:
    """The code in that language, once it names that."""
    page.locator("#languages").get_by_role("button", name=label).click()
    expect(page.locator("#code")).to_contain_text(naming)
    return page.locator("#code").inner_text()


def ran(command: list[str], key: str, directory: Path) -> str:
    done = subprocess.run(
        command, cwd=directory, env=os.environ | {"AIO_API_KEY": key, "NO_PROXY": "*"}, capture_output=True,
        timeout=240, check=True,
    )  # fmt: skip
    return done.stdout.decode(errors="replace")


@pytest.mark.parametrize("slug", ["chat", "text_chat", "vision", "embeddings", "transcription", "image_task"])
def test_the_copied_curl_does_what_the_workbench_did(
    slug: str, page: Page, member_key: str, signed_in: SignedUp, files: dict[str, Path]
) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    go(page, slug, files)
    run(page)
    program(page, "curl", files[slug].name if slug in files else BASE_OF_CODE)
    page.get_by_role("button", name="Copy the code").click()
    expect(page.locator("#said")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "sessionid" not in copied
    directory = files[slug].parent if slug in files else Path.cwd()
    answer = ran(["bash", "-c", copied], member_key, directory)
    if slug == "chat":
        assert answer.count("data: ") > 2
        assert "[DONE]" in answer
        return
    shape = set(json.loads(answer))
    expected: dict[str, set[str]] = {
        "text_chat": {"text"}, "vision": {"text"}, "embeddings": {"embeddingVector"},
    }  # fmt: skip
    assert shape >= expected.get(slug, {"text"} if slug == "transcription" else {"id", "data"})


@pytest.mark.parametrize("slug", ["chat", "speech", "voice_clone"])
@pytest.mark.parametrize("label", ["Python (httpx)", "Python (openai)"])
def test_the_copied_python_does_too(
    slug: str, label: str, page: Page, member_key: str, signed_in: SignedUp, files: dict[str, Path],
    tmp_path: Path,
) -> None:  # fmt: skip
    pytest.importorskip("openai")
    go(page, slug, files)
    run(page)
    naming = files[slug].name if slug in files else BASE_OF_CODE
    written = ran([sys.executable, "-c", program(page, label, naming)], member_key, tmp_path)
    if slug == "chat":
        assert "Summarize this incident report" in written.replace('"', "") or "data: " in written
    else:
        saved = {"speech": "speech.wav", "voice_clone": "clone.wav"}[slug]
        assert (tmp_path / saved).read_bytes()[:4] == b"RIFF"


@pytest.mark.parametrize("slug", ["chat", "voice_clone", "speech_task"])
def test_the_page_looks_right_with_an_answer_and_without(
    slug: str, page: Page, signed_in: SignedUp, files: dict[str, Path]
) -> None:
    go(page, slug, files)
    expect(page.locator("#ceiling")).to_contain_text("credits")
    assert_looks_right(page)
    assert_little_script(page)
    run(page)
    if BY_SLUG[slug].is_task:
        expect(page.locator("#result .task-state .badge")).to_have_text("Succeeded")
    assert_looks_right(page)


def test_a_screen_reader_is_told_of_the_running_and_the_end(page: Page, signed_in: SignedUp) -> None:
    go(page, "text_chat")
    state: Any = page.locator("#state")
    expect(state).to_have_attribute("role", "status")
    run(page)
    expect(state).to_have_text("Done")
    expect(page.locator("#result")).to_have_attribute("aria-busy", "false")
