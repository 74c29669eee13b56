"""Promise: nobody pays for a made-up answer unknowingly. `serve` is started again and again over one database."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from running_platform import ROOT, RunningPlatform, free_port

HEADER = "X-AIO-Sandbox"
MADE_UP = "/v1/chat/completions"
REAL = """
[upstreams.real]
base_url = "http://127.0.0.1:{port}"
{key}
[rates.real-chat]
tokens_in = {{ credits = "0.5", per = 1000 }}
tokens_out = {{ credits = "1.5", per = 1000 }}

[[models]]
slug = "real-model"
owned_by = "acme"
created = 2026-01-31

[[routes]]
endpoint = "chat"
model = "real-model"
upstream = "real"
adapter = "openai_chat"
rate = "real-chat"
max_output_tokens = 4096
{more}
"""
SHIPPED = ROOT / "gateway" / "catalogs" / "sandbox.toml"


@pytest.fixture(scope="module")
def real_port() -> Iterator[int]:
    """A model server of somebody else's: the sandbox's program, at an address that a catalog gives as its own."""
    port = free_port()
    server = subprocess.Popen([sys.executable, "-m", "gateway.sandbox", f"--port={port}"], cwd=ROOT)
    while True:
        try:
            httpx.get(f"http://127.0.0.1:{port}/__sandbox/journal", trust_env=False, timeout=60)
            break
        except httpx.TransportError:
            assert server.poll() is None
    yield port
    server.terminate()
    server.wait()


def real_catalog(directory: Path, port: int, *, key: str = "", beside: str = "") -> Path:
    file = directory / "catalog.toml"
    file.write_text(beside + REAL.format(port=port, key=key, more="" if beside else "default = true"))
    return file


def ask(platform: RunningPlatform, key: str, model: str, path: str = MADE_UP) -> httpx.Response:
    body = {"model": model, "messages": [{"role": "user", "content": "Hello!"}], "stream": False}
    with platform.client() as client:
        return client.post(path, json=body, headers={"Authorization": f"Bearer {key}"})


def refused_start(platform: RunningPlatform) -> str:
    """What a start prints that comes to nothing: reasons, and never a traceback."""
    with pytest.raises(AssertionError, match="did not start"):
        platform.start()
    assert platform.process is not None
    assert platform.process.wait(timeout=240) == 1
    assert "Traceback" not in platform.printed
    assert "Nothing was started" in platform.printed
    return platform.printed


def test_a_restart_keeps_the_catalog_and_the_sandbox_is_never_beside_real_servers_unasked(
    tmp_path_factory: pytest.TempPathFactory, real_port: int
) -> None:
    directory = tmp_path_factory.mktemp("restarts")
    platform = RunningPlatform(directory, workers=1, chooses_sandbox=False).start()
    key = platform.demo_key()
    try:
        assert "answers are made up by the sandbox" in platform.printed
        assert ask(platform, key, "gemini").headers[HEADER] == "true"

        platform.manage("load_catalog", str(real_catalog(directory, real_port)))
        assert HEADER not in ask(platform, key, "real-model").headers
        assert ask(platform, key, "gemini").status_code == 404
        assert platform.stop() == 0

        platform.start()  # as it stands in a unit file: without AIO_CATALOG
        assert platform.process_ids("manage.py sandbox") == []
        answer = ask(platform, key, "real-model")
        assert (answer.status_code, HEADER in answer.headers) == (200, False)
        assert ask(platform, key, "gemini").status_code == 404

        # A copy of the shipped catalog with a server of one's own beside the sandbox: loaded, and again at a start.
        both = real_catalog(directory, real_port, beside=SHIPPED.read_text())
        refused = platform.manage("load_catalog", str(both), check=False)
        assert refused == ""
        assert platform.stop() == 0
        said = platform.manage("load_catalog", str(both))
        assert "calls to the sandbox (sandbox, kie, " in said
        platform.start()
        assert "beside real servers (real): it is not started" in platform.printed
        assert platform.process_ids("manage.py sandbox") == []
        assert ask(platform, key, "real-model").status_code == 200
        switched_off = ask(platform, key, "gemini")
        assert (switched_off.status_code, "is switched off" in switched_off.text) == (503, True)
        assert platform.stop() == 0

        platform.environment["AIO_SANDBOX"] = "1"
        platform.start()
        assert len(platform.process_ids("manage.py sandbox")) == 1
        assert ask(platform, key, "gemini").headers[HEADER] == "true"
        assert HEADER not in ask(platform, key, "real-model").headers
    finally:
        assert platform.stop() == 0


def test_a_catalog_that_is_mixed_while_the_sandbox_runs_gets_no_made_up_answers(
    tmp_path_factory: pytest.TempPathFactory, real_port: int
) -> None:
    directory = tmp_path_factory.mktemp("mixed")
    platform = RunningPlatform(directory, workers=2, chooses_sandbox=False).start()
    key = platform.demo_key()
    try:
        needs_a_key = real_catalog(
            directory, real_port, key='api_key = "env:REAL_KEY"', beside=SHIPPED.read_text()
        )
        # Every process refuses it, so it is not in force, and the command says so.
        failed = subprocess.run(
            [sys.executable, "manage.py", "load_catalog", str(needs_a_key)],
            cwd=ROOT,
            env=platform._environment(),
            capture_output=True,
            text=True,
        )
        assert failed.returncode == 1
        assert "REAL_KEY is not set in this process (gateway, process " in failed.stderr
        assert ask(platform, key, "gemini").status_code == 200

        platform.manage("load_catalog", str(real_catalog(directory, real_port, beside=SHIPPED.read_text())))
        assert ask(platform, key, "real-model").status_code == 200
        assert ask(platform, key, "gemini").status_code == 503
        exported = platform.manage("export_catalog")
        assert exported == (directory / "catalog.toml").read_text()
    finally:
        assert platform.stop() == 0


def test_aio_catalog_is_loaded_where_it_changed_and_may_be_taken_away(
    tmp_path_factory: pytest.TempPathFactory, real_port: int
) -> None:
    directory = tmp_path_factory.mktemp("named")
    file = directory / "named.toml"
    platform = RunningPlatform(
        directory, workers=1, chooses_sandbox=False, environment={"AIO_CATALOG": str(file)}
    )
    assert f"{file}:1: cannot be read: No such file or directory" in refused_start(platform)
    file.write_text("[upstreams.real\n")
    assert f"{file}:1: " in refused_start(platform)
    file.write_text(real_catalog(directory, real_port, key='api_key = "env:REAL_KEY"').read_text())
    assert "the environment variable REAL_KEY is not set in this process" in refused_start(platform)

    platform.environment["REAL_KEY"] = "sk-real"
    platform.start()
    assert '"model": "real-model"' in platform.printed  # the first call that is shown can be made
    key = platform.demo_key()
    assert ask(platform, key, "real-model").status_code == 200
    assert platform.stop() == 0

    del platform.environment["AIO_CATALOG"]
    platform.start()
    assert ask(platform, key, "real-model").status_code == 200
    assert platform.stop() == 0

    del platform.environment["REAL_KEY"]
    said = refused_start(platform)
    assert "upstreams.real.api_key: the environment variable REAL_KEY is not set in this process" in said
    assert "sk-real" not in platform.log.read_text()
