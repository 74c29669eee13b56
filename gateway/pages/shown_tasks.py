"""Tasks as pages show them: read with what they hold, when each step of their life was, and which files they made."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.functional import Promise

from aio_platform.http.request_ids import public_request_id
from aio_platform.i18n.translatable import translated
from gateway.endpoints import BY_NAME
from gateway.labels import TASK_STATES
from gateway.tasks.ids import is_task_id
from gateway.tasks.listing import TaskFilter, cursor_after, page_query, read_row
from gateway.tasks.records import TaskRow
from gateway.tasks.states import LIVE, State
from usage.ledger.calls import Credentials
from usage.snapshot import Snapshot, snapshot

# The text by which its owner knows a task again, whatever its model calls it.
_EXCERPT_LENGTH = 160
_TASK_SQL = f"""
    SELECT t.id, t.endpoint, t.model, t.state, t.consumed_microcredits, t.error_message, t.created_at, t.ended_at,
           t.submit_attempted_at, t.running_at, t.deadline_at, t.request_uuid, t.results, t.callback_url,
           t.bodies_deleted_at,
           h.amount_microcredits AS held_microcredits,
           CASE WHEN t.ended_at IS NULL THEN d.polls ELSE t.polls END AS polls,
           left(coalesce(t.request ->> 'prompt', t.request ->> 'gpt_description_prompt',
                         t.request -> 'dialogue' -> 0 ->> 'text', t.request ->> 'image', t.request ->> 'video'),
                {_EXCERPT_LENGTH}) AS excerpt
           {{more}}
    FROM gateway_task t
    LEFT JOIN usage_hold h ON h.account_id = t.account_id AND h.request_id = t.request_uuid
    LEFT JOIN gateway_task_due d ON d.account_id = t.account_id AND d.task_id = t.id
    WHERE t.account_id = %(account_id)s
"""  # noqa: S608 - constants
# The first of our own copies to go, where there are any.
_KEPT_UNTIL = """
    (SELECT min(r.expires_at) FROM gateway_result r
     WHERE r.account_id = t.account_id AND r.task_id = t.id AND r.size_bytes IS NOT NULL) AS kept_until
"""
_ONE_SQL = _TASK_SQL.format(more=f", t.request, {_KEPT_UNTIL}") + " AND t.id = %(task_id)s"
_SEVERAL_SQL = _TASK_SQL.format(more="") + " AND t.id = ANY(%(task_ids)s)"

# What a task's results are shown as, where its endpoint is no more.
IMAGE = "image"
STATE_TONES: Mapping[State, str] = {
    State.HELD: "accent",
    State.SUBMITTING: "accent",
    State.RUNNING: "accent",
    State.SUCCEEDED: "good",
    State.FAILED: "bad",
    State.CANCELLED: "",
    State.TIMED_OUT: "warn",
}


@dataclass(frozen=True, slots=True)
class ShownTask:
    """A task with everything a page says about it. In listings `request` is empty and `kept_until` None.

    `kept_until`: when the first of our copies of its results is deleted; None where we keep none.
    """

    id: str
    endpoint: str
    model: str
    state: State
    consumed_microcredits: int
    held_microcredits: int | None
    error_message: str | None
    created_at: datetime
    submit_attempted_at: datetime | None
    running_at: datetime | None
    ended_at: datetime | None
    deadline_at: datetime
    request_id: str
    results: list[str]
    callback_url: str | None
    bodies_deleted_at: datetime | None
    polls: int
    excerpt: str
    as_of: datetime
    request: Mapping[str, Any] = field(default_factory=dict)
    kept_until: datetime | None = None

    @property
    def is_live(self) -> bool:
        return self.state in LIVE

    @property
    def state_name(self) -> Promise:
        return TASK_STATES[self.state]

    @property
    def why_it_failed(self) -> str:
        """What the API answers as `error_message`, in the visitor's language."""
        return translated(self.error_message or "")

    @property
    def tone(self) -> str:
        """The colour of its badge."""
        return STATE_TONES[self.state]

    @property
    def endpoint_name(self) -> Promise | str:
        described = BY_NAME.get(self.endpoint)
        return self.endpoint if described is None else described.label

    @property
    def kind(self) -> str:
        """What its results are: image, video or audio."""
        described = BY_NAME.get(self.endpoint)
        return IMAGE if described is None else described.outputs[0]

    @property
    def result_numbers(self) -> range:
        """Results are numbered from 1 in their addresses."""
        return range(1, len(self.results) + 1)

    @property
    def sent_parameters(self) -> list[tuple[str, str]]:
        """The body's fields as they were sent, each as text."""
        return [
            (name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
            for name, value in self.request.items()
        ]

    @property
    def sent_json(self) -> str:
        return json.dumps(self.request, ensure_ascii=False, indent=2)


@dataclass(frozen=True, slots=True)
class ShownPage:
    """Tasks, newest first; `next` is given as `after` for the page that follows."""

    tasks: list[ShownTask]
    next: str | None

    @property
    def any_live(self) -> bool:
        return any(task.is_live for task in self.tasks)


def task_page(account_id: int, wanted: TaskFilter) -> ShownPage:
    """The account's newest tasks that match."""
    sql, parameters = page_query(Credentials(None, account_id), wanted)
    with snapshot() as books:
        # The listing's own statement decides which tasks; what pages show beside it is read for those alone.
        rows = [read_row(tuple(row.values())) for row in books.rows(sql, parameters)]  # type: ignore[arg-type]
        page = rows[: wanted.limit]
        shown = _shown_by_id(books, account_id, page)
    next_cursor = cursor_after(page[-1]) if len(rows) > wanted.limit else None
    return ShownPage([shown[row.id] for row in page], next_cursor)


def find_task(account_id: int, task_id: str) -> ShownTask | None:
    """The account's task with its request; None for another's and for what is no id."""
    if not is_task_id(task_id):
        return None
    with snapshot() as books:
        row = books.row(_ONE_SQL, {"account_id": account_id, "task_id": task_id})
        return None if row is None else _shown(row, books.as_of)


def _shown_by_id(books: Snapshot, account_id: int, page: Iterable[TaskRow]) -> dict[str, ShownTask]:
    parameters = {"account_id": account_id, "task_ids": [row.id for row in page]}
    return {row["id"]: _shown(row, books.as_of) for row in books.rows(_SEVERAL_SQL, parameters)}


def _shown(row: dict[str, Any], as_of: datetime) -> ShownTask:
    given = dict(row)
    # Django's connection hands jsonb over as text.
    given["results"] = json.loads(given["results"]) if given["results"] is not None else []
    if "request" in given:
        given["request"] = json.loads(given["request"])
    given["state"] = State(given["state"])
    given["request_id"] = public_request_id(given.pop("request_uuid").hex)
    given["polls"] = given["polls"] or 0
    given["excerpt"] = given["excerpt"] or ""
    return ShownTask(**given, as_of=as_of)
