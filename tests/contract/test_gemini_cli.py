"""gemini-cli, unmodified, completes one edit of a file, with a model of any dialect behind it."""

import json
from pathlib import Path
from typing import Any

import pytest
from contract.agents import AFTER, FILE, Workplace, program_of, prompt_of
from running_platform import RunningPlatform, Tenant
from scenarios.asking import Books

pytestmark = pytest.mark.clients
MODELS = ("gemini-pro", "gemini", "claude", "gpt")
DONE = {"text": "I changed it."}
# What a member chooses when it is started for the first time.
SETTINGS = {
    "security": {"auth": {"selectedType": "gemini-api-key"}},
    "privacy": {"usageStatisticsEnabled": False},
    "general": {"enableAutoUpdate": False},
}


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    made = Workplace.under(tmp_path)
    (made.home / ".gemini").mkdir()
    (made.home / ".gemini" / "settings.json").write_text(json.dumps(SETTINGS))
    return made


def run_gemini(place: Workplace, served: RunningPlatform, tenant: Tenant, model: str, prompt: str) -> Any:
    printed = place.run(
        [
            *program_of("@google/gemini-cli", "bundle/gemini.js"),
            *("--model", model, "--prompt", prompt),
            *("--output-format", "json", "--approval-mode", "yolo"),
        ],
        {
            "GOOGLE_GEMINI_BASE_URL": served.base_url,
            "GEMINI_API_KEY": tenant.key,
            "GEMINI_CLI_TRUST_WORKSPACE": "true",
            "NO_COLOR": "1",
        },
    )
    return json.loads(printed)


@pytest.mark.parametrize("model", MODELS)
def test_it_edits_a_file(model: str, place: Workplace, served: RunningPlatform, tenant: Tenant) -> None:
    edit = {
        "file_path": str(place.file),
        "instruction": "Say goodbye.",
        "old_string": "hello",
        "new_string": "goodbye",
    }
    steps = [
        {"tool": "read_file", "arguments": {"file_path": str(place.file)}},
        {"tool": "replace", "arguments": edit},
        DONE,
    ]
    told = run_gemini(place, served, tenant, model, prompt_of(steps))

    assert told["response"] == DONE["text"]
    assert (told["stats"]["tools"]["totalSuccess"], told["stats"]["tools"]["totalFail"]) == (2, 0)
    assert place.file.read_text() == AFTER
    assert place.changed() == [FILE]
    with served.client(tenant) as client:
        books = Books(client)
        receipts = books.calls()
        assert [call["outcome"] for call in receipts] == ["succeeded"] * 3
        assert all(call["capture_microcredits"] > 0 for call in receipts)
        assert books.spent() == sum(call["capture_microcredits"] for call in receipts)
        assert books.refusals() == {}


def test_it_says_that_a_key_is_wrong(place: Workplace, served: RunningPlatform) -> None:
    stranger = Tenant("", "", "aio_" + "a" * 38, "")
    with pytest.raises(AssertionError, match="API key"):
        run_gemini(place, served, stranger, "gemini-pro", "hello")
