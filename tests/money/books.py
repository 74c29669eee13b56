"""Looking into a running platform's database, past everything of the product."""

import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from running_platform import RunningPlatform, Tenant


class Balance(NamedTuple):
    """In micro-credits."""

    available: int
    held: int


def rows(platform: RunningPlatform, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Run one statement as the database's owner."""
    socket_directory = (platform.data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[4]
    with psycopg.connect(host=socket_directory, user="postgres", dbname="aio", autocommit=True) as connection:
        cursor = connection.execute(sql, parameters)  # type: ignore[call-overload]
        return cursor.fetchall() if cursor.description else []


def balance(platform: RunningPlatform, tenant: Tenant) -> Balance:
    [row] = rows(
        platform,
        "SELECT b.available_microcredits, b.held_microcredits FROM usage_balance b"
        " JOIN accounts_account a ON a.id = b.account_id WHERE a.public_id = %s",
        tenant.account_id,
    )
    return Balance._make(row)


def lowest_balance(platform: RunningPlatform) -> int:
    """The lowest figure that any balance shows or any ledger entry ever left, of all accounts."""
    [(lowest,)] = rows(
        platform,
        "SELECT least((SELECT min(least(available_microcredits, held_microcredits)) FROM usage_balance),"
        " (SELECT min(balance_microcredits) FROM usage_ledger_entry))",
    )
    return int(lowest)


def held_by_anyone(platform: RunningPlatform) -> int:
    """All accounts' held micro-credits, and the holds that are open (a free call's hold is of 0)."""
    [(held, holds)] = rows(
        platform,
        "SELECT (SELECT coalesce(sum(held_microcredits), 0) FROM usage_balance), (SELECT count(*) FROM usage_hold)",
    )
    return int(held) + int(holds)


def outcomes(platform: RunningPlatform, tenant: Tenant) -> dict[str, int]:
    """How many of the account's calls ended each way."""
    return dict(
        rows(
            platform,
            "SELECT e.outcome, count(*) FROM usage_event e JOIN accounts_account a ON a.id = e.account_id"
            " WHERE a.public_id = %s GROUP BY 1",
            tenant.account_id,
        )
    )


def refusals(platform: RunningPlatform, tenant: Tenant) -> dict[str, int]:
    """How many of the account's calls were refused for each reason."""
    found = rows(
        platform,
        "SELECT r.code, sum(r.calls) FROM usage_refusal r JOIN accounts_account a ON a.id = r.account_id"
        " WHERE a.public_id = %s GROUP BY 1",
        tenant.account_id,
    )
    return {code: int(calls) for code, calls in found}


def charges(platform: RunningPlatform, request_ids: Iterable[str]) -> dict[str, list[tuple[str, int]]]:
    """Outcome and cost of every usage event of those calls, by public request id; one that has none is missing."""
    wanted = [uuid.UUID(request_id.removeprefix("req_")) for request_id in request_ids]
    found: dict[str, list[tuple[str, int]]] = {}
    for request_uuid, outcome, cost in rows(
        platform,
        "SELECT request_id, outcome, cost_microcredits FROM usage_event WHERE request_id = ANY(%s)",
        wanted,
    ):
        found.setdefault(f"req_{request_uuid.hex}", []).append((outcome, cost))
    return found


def connections_of(process_ids: list[int], port: int) -> dict[int, int]:
    """How many of the connections to that port each process holds, as the kernel tells it."""
    hex_port = f":{port:04X}"
    established = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(hex_port) and fields[3] == "01":
            established.add(f"socket:[{fields[9]}]")
    counts = {}
    for process_id in process_ids:
        held = 0
        for descriptor in Path(f"/proc/{process_id}/fd").iterdir():
            try:
                held += str(descriptor.readlink()) in established
            except FileNotFoundError:
                pass  # closed since it was listed
        counts[process_id] = held
    return counts
