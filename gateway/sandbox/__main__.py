"""`python -m gateway.sandbox --host 127.0.0.1 --port 0`."""

from __future__ import annotations

import argparse
import sys

from gateway.sandbox.server import Options, run


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and serve until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m gateway.sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: the system chooses; the ready line tells")
    parser.add_argument("--journal", type=int, default=10_000, metavar="N", help="entries kept; 0 keeps none")
    parser.add_argument("--clock", choices=("real", "virtual"), default="real", help="how tasks' time runs")
    parser.add_argument("--task-seconds", type=float, default=2.0, help="how long a task takes on that clock")
    parser.add_argument(
        "--exit-with-parent", action="store_true", help="stop when whoever started it is gone"
    )
    given = parser.parse_args(arguments)
    return run(
        Options(
            host=given.host,
            port=given.port,
            journal=given.journal,
            clock=given.clock,
            task_s=given.task_seconds,
            exit_with_parent=given.exit_with_parent,
        )
    )


if __name__ == "__main__":
    sys.exit(main())
