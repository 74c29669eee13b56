"""Command-line agents, each in a home and a git repository of its own, and what it is told to do by a script.

The model is the sandbox's: it plays the script's steps, whatever the agent says to it (`gateway/sandbox/README.md`).
"""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contract.conftest import NODE_DIRECTORY

FILE = "greeting.txt"
BEFORE, AFTER = "hello\n", "goodbye\n"
AGENT_TIMEOUT_S = 180


@dataclass(frozen=True)
class Workplace:
    """A repository with one committed file, and an empty home."""

    repository: Path
    home: Path

    @classmethod
    def under(cls, directory: Path) -> "Workplace":
        place = cls(directory / "repository", directory / "home")
        place.repository.mkdir()
        place.home.mkdir()
        (place.repository / FILE).write_text(BEFORE)
        place.git("init", "--quiet")
        place.git("add", FILE)
        place.git(
            "-c", "user.name=A", "-c", "user.email=a@example.test", "commit", "--quiet", "-m", "Say hello"
        )
        return place

    @property
    def file(self) -> Path:
        return self.repository / FILE

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.repository, capture_output=True, text=True, check=True
        )
        return done.stdout

    def changed(self) -> list[str]:
        """The files that differ from what was committed, untracked ones too."""
        return [line[3:] for line in self.git("status", "--porcelain").splitlines()]

    def run(self, command: list[str], settings: dict[str, str]) -> str:
        """What the agent prints; one that fails fails the test. It sees nothing of this machine's settings."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.home), "LANG": "C.UTF-8", **settings}
        done = subprocess.run(
            command,
            cwd=self.repository,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=AGENT_TIMEOUT_S,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout


def prompt_of(steps: list[dict[str, Any]]) -> str:
    """A prompt that has the model take these steps."""
    script = json.dumps(steps).replace("]]", "] ]")
    return f"Change the greeting. [[sbx:script={script} ]]"


def program_of(package: str, script: str) -> list[str]:
    """How a JavaScript agent is started."""
    node = shutil.which("node")
    assert node is not None, "these tests need Node.js 20 or newer"
    file = NODE_DIRECTORY / "node_modules" / package / script
    assert file.exists(), f"no {file}: run `make test-clients`, which installs it"
    return [node, str(file)]
