"""Requests made from /api/schema by schemathesis, in all its phases: nothing of ours breaks, every answer is as told.

Two of its checks are left out. `positive_data_acceptance` takes whatever a schema allows for what must be accepted,
and schemas cannot say that a language is known or that a file is a sound. `unsupported_method` wants 405 before
everything else, and a request whose account does not exist is told that first.

How long an answer or the making of a request takes is nothing it looks at: a busy machine is waited for.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from running_platform import RunningPlatform, Tenant

HERE = Path(__file__).resolve().parent
# Longer than every time limit of the platform's: what takes longer hangs.
REQUEST_TIMEOUT_S = 240
GIVE_UP_S = 3600
LEFT_OUT = "positive_data_acceptance,unsupported_method"
PHASES = ("examples", "coverage", "fuzzing", "stateful")
# Every mount and every family of endpoints; what is added later is fuzzed by being in the schema.
MUST_BE_FUZZED = {
    "POST /api/chat",
    "POST /llm/v1/chat/completions",
    "POST /api/embedding",
    "POST /api/rerank",
    "GET /api/tts",
    "POST /api/tts",
    "POST /api/stt",
    "POST /api/voice-clone",
    "POST /api/image2text",
    "POST /api/t2m",
    "POST /api/t2i",
    "POST /api/v1/chat/completions",
    "GET /api/v1/models",
    "POST /v1/chat/completions",
    "POST /v1/completions",
    "POST /v1/embeddings",
    "POST /v1/rerank",
    "POST /v1/moderations",
    "POST /v1/images/generations",
    "POST /v1/images/edits",
    "POST /v1/audio/speech",
    "POST /v1/audio/transcriptions",
    "POST /v1/audio/translations",
    "GET /v1/models",
    "POST /v1beta/models/{model}:generateContent",
    "POST /v1beta/models/{model}:streamGenerateContent",
    "POST /v1beta/models/{model}:countTokens",
    "POST /v1beta/models/{model}:embedContent",
    "POST /v1beta/models/{model}:batchEmbedContents",
    "GET /v1beta/models",
    "GET /api/v1/keys",
    "POST /api/v1/keys",
    "PATCH /api/v1/keys/{key_id}",
    "DELETE /api/v1/keys/{key_id}",
    "GET /api/v1/credits",
    "GET /api/v1/usage",
    "GET /api/v1/usage/summary",
    "GET /api/v1/usage/{request_id}",
    "GET /api/v1/usage/export.csv",
}


@pytest.fixture(scope="module")
def open_platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    """Without the limits that a stream of wrong keys and of new ones would meet."""
    running = RunningPlatform(
        tmp_path_factory.mktemp("fuzz"),
        environment={
            "AIO_KEYS_ISSUED_PER_MEMBER": "1000000/h",
            "AIO_KEY_GUESSES_PER_ADDRESS": "1000000/m",
        },
    ).start()
    yield running
    running.assert_books_agree()
    assert running.stop() == 0


@pytest.fixture(scope="module")
def staff(open_platform: RunningPlatform) -> Tenant:
    return open_platform.new_tenant(credits="1000000", key_options=("--manage-keys",))


def fuzz(
    platform: RunningPlatform,
    tenant: Tenant,
    directory: Path,
    *,
    examples: int,
    seed: int,
    seconds: int | None = None,
) -> dict[str, Any]:
    """What schemathesis found, as its own report says it; with `seconds` it begins anew until they are over."""
    report = directory / "fuzz.json"
    completed = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            "run",
            f"{platform.base_url}/api/schema",
            f"--header=Authorization: Bearer {tenant.key}",
            "--checks=all",
            f"--exclude-checks={LEFT_OUT}",
            f"--phases={','.join(PHASES)}",
            *([f"--max-time={seconds}"] if seconds else []),
            f"--request-timeout={REQUEST_TIMEOUT_S}",
            "--suppress-health-check=too_slow",
            f"--max-examples={examples}",
            f"--seed={seed}",
            "--continue-on-failure",
            "--warnings=off",
            "--report=json",
            f"--report-json-path={report}",
        ],
        cwd=directory,
        env=os.environ
        | {
            "SCHEMATHESIS_HOOKS": "schema_fuzz_hooks",
            "PYTHONPATH": str(HERE),
            "FUZZ_OWN_KEY_ID": tenant.key_id,
            "NO_PROXY": "127.0.0.1",
        },
        capture_output=True,
        text=True,
        timeout=GIVE_UP_S,
    )
    assert report.exists(), completed.stdout + completed.stderr
    found: dict[str, Any] = json.loads(report.read_text())
    found["output"] = completed.stdout
    return found


def assert_nothing_was_found(found: dict[str, Any]) -> None:
    assert found["failures"] == [], found["output"][-20_000:]
    assert found["errors"] == [], found["output"][-20_000:]
    operations = found["operations"]
    assert operations["tested"] == operations["total"] > 0
    assert {name: found["phases"][name]["status"] for name in PHASES} == dict.fromkeys(PHASES, "success")
    print(f"{found['test_cases']['generated']} cases for {operations['tested']} operations, nothing found")


@pytest.mark.slow
def test_requests_from_the_schema_find_nothing(
    open_platform: RunningPlatform, staff: Tenant, tmp_path: Path
) -> None:
    """So many for each operation, however long that takes."""
    found = fuzz(open_platform, staff, tmp_path, examples=2, seed=1)

    assert_nothing_was_found(found)
    assert found["test_cases"]["generated"] > 300
    with open_platform.client(staff) as client:
        assert client.get("/api/v1/credits").status_code == 200, "its own key survived"


@pytest.mark.prove
@pytest.mark.parametrize("seed", [2, 3])
def test_five_minutes_of_them_find_nothing(
    seed: int, open_platform: RunningPlatform, staff: Tenant, tmp_path: Path
) -> None:
    found = fuzz(open_platform, staff, tmp_path, seconds=300, examples=200, seed=seed)

    assert_nothing_was_found(found)


@pytest.mark.slow
def test_every_endpoint_and_mount_is_fuzzed(open_platform: RunningPlatform) -> None:
    answer = httpx.get(f"{open_platform.base_url}/api/schema", trust_env=False, timeout=60)
    described = {
        f"{method.upper()} {path}"
        for path, methods in yaml.safe_load(answer.text)["paths"].items()
        for method in methods
    }

    assert described >= MUST_BE_FUZZED
