"""`rebuild_rollups`: makes the sums of the usage events anew, beside a running platform."""

from argparse import ArgumentParser
from typing import Any

from aio_platform.command import Answer, ScriptableCommand
from aio_platform.terminal.progress import ProgressLine
from aio_platform.timestamps import utc_text
from usage import rollups


class Command(ScriptableCommand):
    help = "Make the sums behind summaries and reports anew from the usage events. Slow reads, right ones, meanwhile."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--quiet", action="store_true", help="show no progress")

    def perform(self, options: dict[str, Any]) -> Answer:
        line = ProgressLine(self.stderr, "events summed", quiet=options["quiet"])
        events = rollups.rebuild(lambda progress: line.show(progress.events, progress.of_about))
        line.end()
        up_to = rollups.rolled_up_to()
        data = {"events": events, "rolled_up_to": up_to and utc_text(up_to)}
        return Answer(text=f"{events:,} events are summed.", data=data)
