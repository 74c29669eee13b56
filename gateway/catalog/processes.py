"""The processes that follow the catalog: what each has in force, and what each makes of one that is to be loaded.

Only a process itself knows whether it can run a catalog: the secrets are in its environment. So a catalog is on trial
before it is in force: every running process is asked, and nothing changes unless all of them could run it. A process
holds an advisory lock on its connection for as long as it lives, so nobody waits for one that was killed. See ADR 25.
"""

import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, NamedTuple

import psycopg
from django.db import connection, transaction
from django.db.models.functions import Now

from gateway.models import CatalogTrial, CatalogVerdict

# Processes listen here; the payload is for people who watch.
CHANNEL = "aio_catalog"
LOCK_CLASS = 0x41494F43  # "AIOC"
ANSWER_LIMIT_S = 15.0
_LOOK_EVERY_S = 0.05
# A trial whose asker was killed is nobody's any more.
TRIAL_LIFE = timedelta(minutes=2)
_LIVE = f"""
    SELECT objid::bigint AS number FROM pg_locks
    WHERE locktype = 'advisory' AND classid = {LOCK_CLASS} AND objsubid = 2 AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""  # noqa: S608 - a constant
_LOCK_SQL = "SELECT pg_advisory_lock(%s, %s)"
_FORGET_SQL = f"DELETE FROM gateway_catalogprocess WHERE number NOT IN ({_LIVE})"  # noqa: S608 - constants
_NOTE_SQL = """
    INSERT INTO gateway_catalogprocess (number, name, version, refused_version, problems)
    VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (number) DO UPDATE SET name = excluded.name, version = excluded.version,
        refused_version = excluded.refused_version, problems = excluded.problems
"""
_OPEN_TRIALS_SQL = f"""
    SELECT t.id, t.file, t.toml FROM gateway_catalogtrial t
    WHERE t.asked_at > now() - interval '{TRIAL_LIFE.total_seconds()} seconds'
    AND NOT EXISTS (SELECT FROM gateway_catalogverdict v WHERE v.trial_id = t.id AND v.process = %s)
    ORDER BY t.id
"""  # noqa: S608 - a constant
_JUDGE_SQL = """
    INSERT INTO gateway_catalogverdict (trial_id, process, problems) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING
"""
_PROCESSES_SQL = f"""
    SELECT p.name, p.version, p.refused_version, p.problems
    FROM gateway_catalogprocess p JOIN ({_LIVE}) l USING (number) ORDER BY p.name, p.number
"""  # noqa: S608 - constants
_VERDICTS_SQL = f"""
    SELECT coalesce(p.name, 'a process that starts'), v.problems
    FROM ({_LIVE}) l LEFT JOIN gateway_catalogprocess p USING (number)
    LEFT JOIN gateway_catalogverdict v ON v.trial_id = %s AND v.process = l.number ORDER BY 1, l.number
"""  # noqa: S608 - constants

AsyncConnection = psycopg.AsyncConnection[Any]


class Process(NamedTuple):
    """A running process: the version it has in force, and a newer one it could not use, with why."""

    name: str
    version: int
    refused_version: int | None
    problems: tuple[str, ...]


class Verdict(NamedTuple):
    """What one process makes of a catalog; no problems where it could run it."""

    process: str
    problems: tuple[str, ...]


class TrialFailed(Exception):
    """Not every running process can run the catalog, or said so in time.

    `version` is the one in force for all that; None where nothing has changed.
    """

    def __init__(self, verdicts: list[Verdict], silent: list[str], version: int | None = None) -> None:
        self.version = version
        self.verdicts = verdicts
        self.silent = silent
        super().__init__("\n".join(self.lines))

    @property
    def lines(self) -> list[str]:
        """Why, one problem a line; processes with the same problem are named together."""
        by_problem: dict[str, list[str]] = {}
        for verdict in self.verdicts:
            for problem in verdict.problems:
                by_problem.setdefault(problem, []).append(verdict.process)
        lines = [f"{problem} ({'; '.join(names)})" for problem, names in by_problem.items()]
        if self.silent:
            lines.append(f"no answer in {ANSWER_LIMIT_S:.0f} seconds from {'; '.join(self.silent)}")
        return lines


def processes() -> list[Process]:
    """Every process that runs now and follows the catalog, on every node."""
    return [
        Process(name, version, refused, tuple(problems.splitlines()))
        for name, version, refused, problems in _rows(_PROCESSES_SQL)
    ]


def put_on_trial(text: str, file: str) -> list[Verdict]:
    """Ask every running process whether it could run the catalog; none of them changes anything for it.

    `file` is what problems call the catalog. Empty where nothing runs. Raises TrialFailed, after ANSWER_LIMIT_S at
    the latest. Not for use inside a transaction, which would hide the question.
    """
    if not _rows(_LIVE):
        return []
    with transaction.atomic():
        CatalogTrial.objects.filter(asked_at__lt=Now() - TRIAL_LIFE).delete()
        trial = CatalogTrial.objects.create(file=file, toml=text)
        _announce(f"trial {trial.pk}")
    give_up_at = time.monotonic() + ANSWER_LIMIT_S
    try:
        while True:
            rows = _rows(_VERDICTS_SQL, [trial.pk])
            silent = [name for name, problems in rows if problems is None]
            if not silent or time.monotonic() > give_up_at:
                break
            time.sleep(_LOOK_EVERY_S)
    finally:
        with transaction.atomic():
            CatalogTrial.objects.filter(pk=trial.pk).delete()
            CatalogVerdict.objects.exclude(trial_id__in=CatalogTrial.objects.values("pk")).delete()
    verdicts = [
        Verdict(name, tuple(problems.splitlines())) for name, problems in rows if problems is not None
    ]
    if silent or any(verdict.problems for verdict in verdicts):
        raise TrialFailed(verdicts, silent)
    return verdicts


def wait_until_in_force(version: int) -> list[Process]:
    """Every running process once it has that version, or a newer one, in force; raises TrialFailed otherwise."""
    give_up_at = time.monotonic() + ANSWER_LIMIT_S
    while True:
        found = processes()
        late = [one for one in found if one.version < version]
        if not late:
            return found
        refused = [Verdict(one.name, one.problems) for one in late if (one.refused_version or 0) >= version]
        if len(refused) == len(late) or time.monotonic() > give_up_at:
            silent = [one.name for one in late if (one.refused_version or 0) < version]
            raise TrialFailed(refused, silent, version)
        time.sleep(_LOOK_EVERY_S)


def announce(version: int) -> None:
    """Tell every process, when this transaction commits, that there is a new version."""
    _announce(str(version))


async def note(
    own: AsyncConnection, number: int, name: str, version: int, refused_version: int | None, problems: str
) -> None:
    """Write down what a process has in force. `own` is the connection that holds its lock."""
    await own.execute(_NOTE_SQL, (number, name, version, refused_version, problems))


async def enter(own: AsyncConnection, number: int) -> None:
    """Be one of the processes from now on, for as long as the connection is open; forget those that are gone."""
    await own.execute(_LOCK_SQL, (LOCK_CLASS, number))
    await own.execute(_FORGET_SQL)


async def judge_trials(
    own: AsyncConnection, number: int, judge: Callable[[str, str], Awaitable[str]]
) -> None:
    """Give a verdict on every catalog on trial; `judge` is given text and file, and returns the problems by line."""
    cursor = await own.execute(_OPEN_TRIALS_SQL, (number,))
    for trial_id, file, text in await cursor.fetchall():
        await own.execute(_JUDGE_SQL, (trial_id, number, await judge(text, file)))


def _announce(payload: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", (CHANNEL, payload))


def _rows(statement: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()
