"""What has to happen to the books by the clock: holds and grants expire, events are summed, answers forgotten."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from django.db import Error as DatabaseError
from django.db import connection

from usage import rollups
from usage.ledger import grants
from usage.metrics import CHORES

log = structlog.get_logger(__name__)
EXPIRE_AT_ONCE = 1000
FORGET_AT_ONCE = 1000
MONTHS_AHEAD = 3
# More in one turn means that the sums were far behind; the other chores still get their turns in between.
ROLL_UP_AT_ONCE = 20_000


@dataclass(slots=True)
class Chore:
    """Something done every `every_s` seconds; doing it twice, or in two processes, harms nothing."""

    name: str
    every_s: float
    do: Callable[[], int]
    at_once: int | None = None
    due_at: float = 0.0


def chores() -> list[Chore]:
    """Everything the books need done by the clock."""
    return [
        Chore("expire holds", 2.0, lambda: grants.expire_holds(EXPIRE_AT_ONCE), EXPIRE_AT_ONCE),
        Chore("expire grants", 5.0, lambda: grants.expire_grants()),
        Chore("forget kept answers", 30.0, lambda: grants.forget_answers(FORGET_AT_ONCE), FORGET_AT_ONCE),
        Chore("roll up events", 5.0, rollups.take_some, ROLL_UP_AT_ONCE),
        Chore("forget sums", 60.0, rollups.forget, rollups.FORGET_AT_ONCE),
        Chore("make partitions", 3600.0, lambda: grants.make_partitions(MONTHS_AHEAD)),
    ]


def run_chores(stop: threading.Event, more: Sequence[Chore] = ()) -> None:
    """Do the books' chores and `more` when they are due until told to stop; a database that is away is waited for."""
    pending = [*chores(), *more]
    while not stop.is_set():
        for chore in pending:
            if chore.due_at <= time.monotonic():
                _do(chore)
        stop.wait(max(min(chore.due_at for chore in pending) - time.monotonic(), 0.1))


def _do(chore: Chore) -> None:
    chore.due_at = time.monotonic() + chore.every_s
    try:
        count = chore.do()
    except DatabaseError as error:
        log.warning("a chore failed and is tried again", chore=chore.name, error=type(error).__name__)
        connection.close()
        return
    except Exception:
        # One chore's bug must not stop the others for good.
        log.exception("a chore failed and is tried again", chore=chore.name)
        connection.close()
        return
    if chore.at_once is not None and count >= chore.at_once:
        chore.due_at = 0.0  # there is more
    if count:
        CHORES[chore.name,].add(count)
        log.info("chore done", chore=chore.name, count=count)
