"""Clients generated from /api/schema build as they come and make calls: Python (two generators), TypeScript, Go.

openapi-generator needs Java, its Go client Go (Debian: default-jre-headless, golang-go).
"""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from contract.conftest import CLIENTS_PYTHON, HERE, NODE_DIRECTORY, printed
from running_platform import RunningPlatform, Tenant
from scenarios.asking import tokens

pytestmark = pytest.mark.clients
PROGRAMS = HERE / "generated"
CLIENTS_BIN = CLIENTS_PYTHON.parent


@pytest.fixture(scope="module")
def document(served: RunningPlatform, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """/api/schema as it is served."""
    answer = httpx.get(f"{served.base_url}/api/schema", trust_env=False, timeout=60)
    assert answer.status_code == 200
    file = tmp_path_factory.mktemp("schema") / "openapi.yaml"
    file.write_bytes(answer.content)
    return file


def needed(program: str, package: str) -> str:
    found = shutil.which(program)
    assert found is not None, f"these tests need {program} (Debian: {package})"
    return found


def ran(*command: str, cwd: Path) -> None:
    completed = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=600)
    assert completed.returncode == 0, f"{command}: {completed.stdout}{completed.stderr}"


def generate(document: Path, generator: str, into: Path, **properties: str) -> None:
    needed("java", "default-jre-headless")
    options = ",".join(f"{name}={value}" for name, value in properties.items())
    ran(
        str(CLIENTS_BIN / "openapi-generator-cli"),
        *("generate", "--input-spec", str(document), "--generator-name", generator),
        *("--output", str(into), "--git-user-id", "aio", "--git-repo-id", "client"),
        *(("--additional-properties", options) if options else ()),
        cwd=into,
    )


def python_client(document: Path, served: RunningPlatform, tenant: Tenant, into: Path) -> dict[str, Any]:
    generate(document, "python", into, packageName="aio_client")
    program = PROGRAMS / "python_program.py"
    return printed([str(CLIENTS_PYTHON), str(program), tenant.key], {"PYTHONPATH": str(into)})


def openapi_python_client(
    document: Path, served: RunningPlatform, tenant: Tenant, into: Path
) -> dict[str, Any]:
    (into / "config.yaml").write_text(
        "post_hooks: []\n"
        "content_type_overrides:\n"
        + "".join(
            f"  {kind}: application/octet-stream\n"
            for kind in ("image/png", "audio/wav", "audio/mpeg", "audio/pcm")
        )
    )
    ran(
        str(CLIENTS_BIN / "openapi-python-client"),
        *("generate", "--path", str(document), "--output-path", str(into / "made")),
        *("--config", str(into / "config.yaml"), "--fail-on-warning"),
        cwd=into,
    )
    program = PROGRAMS / "openapi_python_program.py"
    return printed(
        [str(CLIENTS_PYTHON), str(program), served.base_url, tenant.key], {"PYTHONPATH": str(into / "made")}
    )


def typescript_client(document: Path, served: RunningPlatform, tenant: Tenant, into: Path) -> dict[str, Any]:
    generate(document, "typescript-fetch", into, importFileExtension=".js")
    shutil.copy(PROGRAMS / "typescript_program.ts", into / "program.ts")
    (into / "package.json").write_text('{"type": "module"}')
    # Generated sources ask for no types of Node's own but `process`, which the program uses.
    (into / "node.d.ts").write_text("declare const process: { argv: string[] };\n")
    compiler = NODE_DIRECTORY / "node_modules" / "typescript" / "bin" / "tsc"
    assert compiler.exists(), f"no {compiler}: run `make test-clients`, which installs it"
    node = needed("node", "nodejs")
    ran(
        *(node, str(compiler), "--strict", "--target", "es2022", "--module", "nodenext"),
        *("--lib", "es2022,dom", "--outDir", "built", "program.ts", "node.d.ts"),
        cwd=into,
    )
    (into / "built" / "package.json").write_text('{"type": "module"}')
    return printed([node, str(into / "built" / "program.js"), tenant.key])


def go_client(document: Path, served: RunningPlatform, tenant: Tenant, into: Path) -> dict[str, Any]:
    go = needed("go", "golang-go")
    generate(document, "go", into, packageName="aio", enumClassPrefix="true")
    program = into / "cmd" / "program" / "main.go"
    program.parent.mkdir(parents=True)
    shutil.copy(PROGRAMS / "go_program.go", program)
    ran(go, "vet", ".", "./cmd/program", cwd=into)
    ran(go, "build", "-o", str(into / "program"), "./cmd/program", cwd=into)
    return printed([str(into / "program"), tenant.key])


@pytest.mark.parametrize("client", [python_client, openapi_python_client, typescript_client, go_client])
def test_a_generated_client_builds_and_calls(
    client: Callable[[Path, RunningPlatform, Tenant, Path], dict[str, Any]],
    document: Path,
    served: RunningPlatform,
    tenant: Tenant,
    tmp_path: Path,
) -> None:
    got = client(document, served, tenant, tmp_path)

    assert got["chat"].startswith("You said: hello")
    assert got["tokens"] == tokens("hello")
    assert got["text"].startswith("You said: hello")
    assert "gemini" in got["models"]
    assert got["refused"] == 401
