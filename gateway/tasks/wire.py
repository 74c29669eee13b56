"""Tasks as parameters of the database's functions, an array a column, and the rows that come back. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from aio_platform.db.arrays import (
    array_literal,
    bytes_array_literal,
    json_array_literal,
    name_array_literal,
    text_array_literal,
)
from aio_platform.db.pipelined_connection import Row
from gateway.tasks.records import (
    ClaimedTask,
    Opened,
    StepNote,
    TaskKey,
    TaskToOpen,
    Transition,
    TransitionResult,
)
from gateway.tasks.states import State
from usage.ledger.units import Units
from usage.ledger.wire import authorize_parameters, read_verdict

VERDICT_COLUMNS = 9


def open_parameters(tasks: list[TaskToOpen]) -> tuple[str, ...]:
    """The arguments of gateway_open_tasks_v2."""
    return (
        *authorize_parameters([task.call for task in tasks]),
        text_array_literal([task.id for task in tasks]),
        name_array_literal([task.adapter for task in tasks]),
        name_array_literal([task.upstream for task in tasks]),
        json_array_literal([task.request for task in tasks]),
        json_array_literal([task.parameters for task in tasks]),
        json_array_literal([_stored_units(task.units) for task in tasks]),
        # The marker is the hold's id: unique, ours, and found again from either side.
        array_literal([task.call.request_uuid for task in tasks]),
        text_array_literal([task.callback_url for task in tasks]),
        array_literal([task.deadline_s for task in tasks]),
        text_array_literal([task.claim and task.claim.key for task in tasks]),
        bytes_array_literal([task.claim and task.claim.fingerprint for task in tasks]),
    )


def read_opened(row: Row) -> Opened:
    """One row of gateway_open_tasks_v2."""
    created_at = row[VERDICT_COLUMNS]
    return Opened(
        read_verdict(row[:VERDICT_COLUMNS]),
        None if created_at is None else datetime.fromisoformat(created_at.decode()).astimezone(UTC),
    )


def read_claimed(row: Row) -> ClaimedTask:
    """One row of gateway_claim_tasks_v1."""
    account_id, task_id, state, endpoint, model, route, adapter, upstream = (
        _text(value) for value in row[:8]
    )
    return ClaimedTask(
        key=TaskKey(int(account_id), task_id),
        state=State(state),
        endpoint=endpoint,
        model=model,
        route=route,
        adapter=adapter,
        upstream=upstream,
        rate_id=int(_text(row[8])),
        parameters=_json(row[9]),
        units=Units(**_json(row[10])),
        marker=_text(row[11]),
        reference=_json(row[12]),
        polls=int(_text(row[13])),
        errors=int(_text(row[14])),
        running_s=0.0 if row[15] is None else float(row[15]),
        late_s=float(_text(row[16])),
    )


def record_parameters(owner: str, notes: list[StepNote]) -> tuple[str, ...]:
    """The arguments of gateway_record_steps_v1."""
    return (
        owner,
        array_literal([note.key.account_id for note in notes]),
        text_array_literal([note.key.id for note in notes]),
        array_literal(["over" if note.over else note.state and note.state.value for note in notes]),
        array_literal([max(round(note.delay_s * 1000), 0) for note in notes]),
        array_literal([note.errors for note in notes]),
        json_array_literal([note.reference for note in notes]),
        text_array_literal([note.upstream_key for note in notes]),
    )


def finish_parameters(owner: str | None, ends: list[Transition]) -> tuple[str, ...]:
    """The arguments of gateway_finish_tasks_v2."""
    return (
        array_literal([end.key.account_id for end in ends]),
        text_array_literal([end.key.id for end in ends]),
        array_literal([owner if end.leased else None for end in ends]),
        array_literal([end.end.state.value for end in ends]),
        array_literal([end.end.outcome.value for end in ends]),
        array_literal([end.end.status for end in ends]),
        array_literal([end.charge_microcredits for end in ends]),
        json_array_literal([end.units and _stored_units(end.units) for end in ends]),
        json_array_literal([end.results for end in ends]),
        text_array_literal([end.message for end in ends]),
        json_array_literal([end.attempts for end in ends]),
    )


def _stored_units(units: Units) -> dict[str, int]:
    """Units by name, without those that are none: a worker of the release before need not know them."""
    return {unit: count for unit, count in units._asdict().items() if count or unit == "calls"}


def key_parameters(keys: Sequence[TaskKey]) -> tuple[str, str]:
    """Account ids and task ids."""
    return array_literal([key.account_id for key in keys]), text_array_literal([key.id for key in keys])


def read_ended(row: Row) -> TransitionResult:
    """One row of gateway_finish_tasks_v2."""
    won, state, consumed = row
    return TransitionResult(won == b"t", None if state is None else State(state.decode()), int(consumed or 0))


def _text(value: bytes | None) -> str:
    assert value is not None
    return value.decode()


def _json(value: bytes | None) -> Any:
    return None if value is None else orjson.loads(value)
