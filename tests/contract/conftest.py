"""A running platform with a short time limit, for other people's clients.

Clients that are not the platform's own dev dependencies run as programs in environments of their own, which
`make test-clients` installs; a program prints what it got as JSON, and the tests look at that.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from running_platform import RunningPlatform, Tenant
from scenarios.asking import TenantPool


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    directory = tmp_path_factory.mktemp("contract")
    running = RunningPlatform(directory, workers=1, environment={"AIO_CHAT_TIME_LIMIT_S": "20"}).start()
    yield running
    running.assert_books_agree()
    assert running.stop() == 0


@pytest.fixture(scope="session")
def served_tenants(served: RunningPlatform) -> TenantPool:
    return TenantPool(served)


@pytest.fixture
def tenant(served_tenants: TenantPool) -> Tenant:
    return served_tenants.take()


HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CLIENTS_PYTHON = Path(os.environ.get("AIO_CLIENTS_PYTHON", ROOT / ".venv" / "clients" / "bin" / "python"))
NODE_DIRECTORY = Path(os.environ.get("AIO_CLIENTS_NODE", HERE / "node"))
PROGRAM_TIMEOUT_S = 600
_OTHERS_SETTINGS = ("ANTHROPIC_", "CLAUDE", "CODEX_", "GEMINI_", "GOOGLE_", "OPENAI_", "LANG", "PYTHON")


def run_python_client(program: str, *arguments: str) -> dict[str, Any]:
    """What a program of `programs/` prints."""
    assert CLIENTS_PYTHON.exists(), f"no {CLIENTS_PYTHON}: run `make test-clients`, which installs it"
    return printed([str(CLIENTS_PYTHON), str(HERE / "programs" / program), *arguments])


def run_node_client(program: str, *arguments: str) -> dict[str, Any]:
    """What a program of `node/` prints."""
    node = shutil.which("node")
    assert node is not None, "these tests need Node.js 20 or newer"
    installed = (NODE_DIRECTORY / "node_modules").is_dir()
    assert installed, f"no packages in {NODE_DIRECTORY}: run `make test-clients`, which installs them"
    return printed([node, str(NODE_DIRECTORY / program), *arguments])


def printed(command: list[str], environment_too: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What a program prints as JSON; a program that fails fails the test."""
    # Clients must not take a proxy or somebody's key from the environment.
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().endswith("_PROXY") and not name.startswith(_OTHERS_SETTINGS)
    }
    completed = subprocess.run(
        command,
        env=environment | {"LANG": "C.UTF-8", "LANGSMITH_TRACING": "false"} | dict(environment_too or {}),
        capture_output=True,
        text=True,
        timeout=PROGRAM_TIMEOUT_S,
    )
    assert completed.returncode == 0, completed.stderr
    sys.stderr.write(completed.stderr)
    printed: dict[str, Any] = json.loads(completed.stdout)
    return printed
