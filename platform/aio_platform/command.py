"""What our commands share: `--json` for scripts, one line on standard error for what went wrong, and what is said."""

import json
from abc import abstractmethod
from argparse import ArgumentParser
from dataclasses import dataclass
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.utils import OperationalError, ProgrammingError

from aio_platform.errors import PlatformError


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command did: in words, and as the JSON object that `--json` prints."""

    text: str
    data: dict[str, Any]


class ScriptableCommand(BaseCommand):
    """A command that answers, or ends with exit code 1 and one line that says why. Works beside a server."""

    # The checks load every view; these commands need none, and scripts call them in loops.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="answer with one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            answer = self.perform(options)
        except PlatformError as error:
            raise CommandError(error.message) from error
        except OperationalError as error:
            raise CommandError(f"The database does not answer: {_first_line(error)}") from error
        except ProgrammingError as error:
            raise CommandError(f"Run `manage.py migrate` first: {_first_line(error)}") from error
        self.stdout.write(json.dumps(answer.data) if options["json"] else answer.text)

    @abstractmethod
    def perform(self, options: dict[str, Any]) -> Answer:
        """Do what the command is for. Raises PlatformError for what the operator has to know."""


class StartCommand(BaseCommand):
    """A command that `serve` consists of: it tells what it does as it goes."""

    requires_system_checks = ()

    def say(self, text: str) -> None:
        """A line for the operator, at once."""
        self.stdout.write(f"aio: {text}")
        self.stdout.flush()


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
