"""aider, unmodified, completes one edit of a file: it calls no tools, but reads the file out of what is said."""

import os
from pathlib import Path

import pytest
from contract.agents import AFTER, FILE, Workplace
from running_platform import RunningPlatform, Tenant
from scenarios.asking import Books

pytestmark = pytest.mark.clients
ROOT = Path(__file__).resolve().parents[2]
AIDER = Path(os.environ.get("AIO_AIDER", ROOT / ".venv" / "aider" / "bin" / "aider"))
WHOLE_FILE = f"{FILE}\n```\n{AFTER}```\n"


@pytest.mark.parametrize("model", ["gemini", "claude"])
def test_aider_edits_a_file(model: str, tmp_path: Path, served: RunningPlatform, tenant: Tenant) -> None:
    assert AIDER.exists(), f"no {AIDER}: run `make test-clients`, which installs it"
    place = Workplace.under(tmp_path)
    prompt = place.home / "prompt.txt"
    prompt.write_text(f"Change the greeting. [[sbx:text={WHOLE_FILE}]]")
    place.run(
        [
            str(AIDER),
            *("--model", f"openai/{model}", "--weak-model", f"openai/{model}", "--edit-format", "whole"),
            *("--message-file", str(prompt), "--yes-always", "--no-auto-commits", "--no-gitignore"),
            *("--map-tokens", "0", "--chat-history-file", str(place.home / "history.md")),
            *("--input-history-file", str(place.home / "input.txt"), "--no-fancy-input", "--no-pretty"),
            *("--no-check-update", "--analytics-disable", "--no-show-model-warnings", FILE),
        ],
        {"OPENAI_API_BASE": f"{served.base_url}/v1", "OPENAI_API_KEY": tenant.key},
    )

    assert place.file.read_text() == AFTER
    assert place.changed() == [FILE]
    with served.client(tenant) as client:
        books = Books(client)
        assert {call["outcome"] for call in books.calls()} == {"succeeded"}
        assert books.spent() == sum(call["capture_microcredits"] for call in books.calls()) > 0
