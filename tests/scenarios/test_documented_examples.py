"""The OpenAPI document's examples in curl, Python and JavaScript: every one of them is run, as it is printed."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from running_platform import RunningPlatform, Tenant

from gateway.docs_site import samples as samples_of_guides
from gateway.openapi.examples import KEY_ID, REQUEST_ID, TASK_ID, example_of
from gateway.openapi.openai_samples import openai_call_of, openai_python
from gateway.openapi.presentation import IMAGE_FILE, SPEECH_FILE, Example, presented_views

pytestmark = pytest.mark.slow
LANGUAGES = ("curl", "Python", "JavaScript")
AT_ONCE = 3
# A delivery takes a task that has ended and a server that is told: its examples are run where those are tested.
NOT_RUN_HERE = "{delivery_id}"
TIMEOUT_S = 180


@dataclass(frozen=True)
class Sample:
    operation: str
    source: str
    save_as: str | None
    example: Any


@pytest.fixture(scope="module")
def documented(platform: RunningPlatform) -> dict[str, Any]:
    """The paths of /api/schema."""
    answer = httpx.get(f"{platform.base_url}/api/schema", trust_env=False, timeout=60)
    found: dict[str, Any] = yaml.safe_load(answer.text)["paths"]
    return found


@pytest.fixture(scope="module")
def reader(platform: RunningPlatform) -> Tenant:
    """Who reads the document, with a key that may look after keys."""
    return platform.new_tenant(credits="100000", key_options=("--manage-keys",))


@pytest.fixture(scope="module")
def files(platform: RunningPlatform, reader: Tenant, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that examples upload, made by the examples that make them."""
    directory = tmp_path_factory.mktemp("files")
    with platform.client(reader) as client:
        for path, name in (("/api/tts", SPEECH_FILE), ("/api/t2i", IMAGE_FILE)):
            answer = client.post(path, json=dict((example_of("post", path) or Example()).json or {}))
            assert answer.status_code == 200
            (directory / name).write_bytes(answer.content)
    return directory


@pytest.fixture(scope="module")
def identified(platform: RunningPlatform, reader: Tenant) -> Callable[[str], str]:
    """Puts ids that there are in the place of the document's: a fresh key each time, for some examples end it."""

    def put(source: str) -> str:
        with platform.client(reader) as client:
            if KEY_ID in source:
                made = client.post("/api/v1/keys", json={"name": "for an example"})
                source = source.replace(KEY_ID, made.json()["id"])
            if REQUEST_ID in source:
                called = client.post("/api/chat", json={"input": "a call with a receipt"})
                source = source.replace(REQUEST_ID, called.headers["X-Request-Id"])
            if TASK_ID in source:
                task = client.post(
                    "/api/v1/images/generations",
                    json={"model": "flux-2", "prompt": "[[sbx:task=stuck]] a garden"},
                )
                source = source.replace(TASK_ID, task.json()["data"]["task_id"])
        return source

    return put


def samples(documented: dict[str, Any], language: str) -> Iterator[Sample]:
    for path, methods in documented.items():
        if NOT_RUN_HERE in path:
            continue
        for method, operation in methods.items():
            (source,) = [
                sample["source"] for sample in operation["x-codeSamples"] if sample["label"] == language
            ]
            example = example_of(method, path)
            save_as = None if example is None else example.save_as
            yield Sample(f"{method.upper()} {path}", source, save_as, example)


def command(language: str, source: str, directory: Path) -> list[str]:
    if language == "curl":
        return ["sh", "-c", source]
    if language == "Python":
        (directory / "example.py").write_text(source)
        return [sys.executable, "-I", "example.py"]
    (directory / "example.mjs").write_text(source)
    return ["node", "example.mjs"]


def complaint(
    sample: Sample, language: str, platform: RunningPlatform, reader: Tenant, files: Path, source: str
) -> str | None:
    """What is wrong with an example, None where it did what it says."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        for file in files.iterdir():
            (directory / file.name).symlink_to(file)
        if sample.save_as is not None:
            (directory / sample.save_as).unlink(missing_ok=True)
        completed = subprocess.run(
            command(language, source, directory),
            cwd=directory,
            env=os.environ
            | {"AIO_BASE_URL": platform.base_url, "AIO_API_KEY": reader.key, "NO_PROXY": "127.0.0.1"},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
        if completed.returncode != 0:
            return f"{sample.operation}: {completed.stderr}{completed.stdout}\n{source}"
        if sample.save_as is not None:
            saved = directory / sample.save_as
            return None if saved.stat().st_size > 50 else f"{sample.operation}: nothing was saved"
        if language == "curl":
            json.loads(completed.stdout)
        return None if completed.stdout.strip() else f"{sample.operation}: nothing was printed"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_example_runs_as_it_is_printed(
    language: str,
    documented: dict[str, Any],
    platform: RunningPlatform,
    reader: Tenant,
    files: Path,
    identified: Callable[[str], str],
) -> None:
    if language == "JavaScript" and shutil.which("node") is None:
        pytest.skip("there is no Node.js on this machine")
    found = list(samples(documented, language))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        complaints = pool.map(
            lambda sample: complaint(sample, language, platform, reader, files, identified(sample.source)),
            found,
        )
        wrong = [each for each in complaints if each is not None]
    assert wrong == [], "\n\n".join(wrong)
    assert len(found) > 30


@pytest.mark.parametrize(
    "address", [path for method, path in presented_views() if openai_call_of(method, path)] + ["/v1/models"]
)
def test_every_example_with_openai_s_client_runs_as_it_is_printed(
    address: str, platform: RunningPlatform, reader: Tenant, files: Path
) -> None:
    method = "get" if address == "/v1/models" else "post"
    example = example_of(method, address) or Example()
    source = openai_python(method, address, example)
    assert source is not None
    sample = Sample(address, source, example.save_as, example)

    assert complaint(sample, "Python", platform, reader, files, source) is None


@pytest.mark.parametrize("name", ["stream", "poll_task"])
def test_the_programs_of_the_guides_run_as_they_are_printed(
    name: str, platform: RunningPlatform, reader: Tenant, files: Path, tmp_path: Path
) -> None:
    for program in samples_of_guides.program(name):
        if program.language == "javascript" and shutil.which("node") is None:
            continue
        language = {"curl": "sh", "javascript": "JavaScript"}.get(program.language, "Python")
        completed = subprocess.run(
            command("curl" if language == "sh" else language, program.source, tmp_path),
            cwd=tmp_path,
            env=os.environ
            | {"AIO_BASE_URL": platform.base_url, "AIO_API_KEY": reader.key, "NO_PROXY": "127.0.0.1"},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
        assert completed.returncode == 0, f"{program.label}: {completed.stderr}"
        assert completed.stdout.strip(), program.label


def test_every_operation_has_an_example_in_each_language(documented: dict[str, Any]) -> None:
    for path, methods in documented.items():
        for method, operation in methods.items():
            labels = tuple(sample["label"] for sample in operation["x-codeSamples"])
            assert labels == LANGUAGES, f"{method} {path}"


def test_every_body_has_an_example(documented: dict[str, Any]) -> None:
    without = [
        f"{method.upper()} {path}"
        for path, methods in documented.items()
        for method, operation in methods.items()
        if "requestBody" in operation and example_of(method, path) is None
    ]
    assert without == []
