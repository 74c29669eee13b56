"""Queries that read tasks for their owner: one by its id, or a page of them."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop
from gateway.tasks.ids import is_task_id
from gateway.tasks.records import TaskRow
from gateway.tasks.states import SHOWN, State
from usage.ledger.calls import Credentials

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
AFTER = "after"
_COLUMNS = (
    "t.id, t.endpoint, t.model, t.state, t.consumed_microcredits, t.error_message, t.created_at, t.ended_at,"
    " t.request, t.results, t.upstream"
)
_ACCOUNT = "coalesce((SELECT k.account_id FROM accounts_apikey k WHERE k.digest = %s), %s::bigint)"
FIND_SQL = (
    f"SELECT t.account_id, {_COLUMNS} FROM gateway_task t WHERE t.account_id = {_ACCOUNT} AND t.id = %s"  # noqa: S608 - constants
)
RECALL_SQL = (
    "SELECT t.id, t.model, t.created_at, t.request_uuid, i.fingerprint, b.available_microcredits, t.upstream"  # noqa: S608 - constants
    " FROM gateway_task_idempotency i"
    " JOIN gateway_task t ON t.account_id = i.account_id AND t.id = i.task_id"
    " JOIN usage_balance b ON b.account_id = i.account_id"
    f" WHERE i.account_id = {_ACCOUNT} AND i.idempotency_key = %s"
)
# A page of one status is read from the index that has just those; the texts must be the indexes' own.
_STATUS_SQL = {
    shown: "t.state IN ({})".format(", ".join(f"'{state.value}'" for state in State if SHOWN[state] == shown))
    for shown in dict.fromkeys(SHOWN.values())
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class TaskFilter(NamedTuple):
    """Which tasks to list. Times are from `since` until before `until`; `after` is where the page before ended."""

    limit: int = DEFAULT_LIMIT
    after: tuple[datetime, str] | None = None
    status: str | None = None
    model: str | None = None
    endpoint: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class Page(NamedTuple):
    """Tasks, newest first, as they were at `as_of`."""

    as_of: datetime
    tasks: list[TaskRow]
    has_more: bool

    @property
    def next(self) -> str | None:
        """What to give as `after` for the page that follows."""
        return cursor_after(self.tasks[-1]) if self.has_more else None


def page_query(caller: Credentials, wanted: TaskFilter) -> tuple[str, tuple[Any, ...]]:
    """The SQL and the parameters of a page. They ask for one row more, which tells whether there is a next page."""
    conditions = [f"t.account_id = {_ACCOUNT}"]
    parameters: list[Any] = [caller.key_digest, caller.account_id]

    def where(condition: str, *values: Any) -> None:
        conditions.append(condition)
        parameters.extend(values)

    if wanted.status is not None:
        where(_STATUS_SQL[wanted.status])
    if wanted.model is not None:
        where("t.model = %s", wanted.model)
    if wanted.endpoint is not None:
        where("t.endpoint = %s", wanted.endpoint)
    if wanted.since is not None:
        where("t.created_at >= %s", wanted.since)
    if wanted.until is not None:
        where("t.created_at < %s", wanted.until)
    if wanted.after is not None:
        where("(t.created_at, t.id) < (%s, %s)", *wanted.after)
    parameters.append(wanted.limit + 1)
    sql = (
        f"SELECT {_COLUMNS} FROM gateway_task t WHERE {' AND '.join(conditions)}"  # noqa: S608 - constants
        " ORDER BY t.created_at DESC, t.id DESC LIMIT %s"
    )
    return sql, tuple(parameters)


def read_row(row: tuple[Any, ...]) -> TaskRow:
    """One row of a look-up or a page."""
    return TaskRow._make((*row[:3], State(row[3]), *row[4:]))


def cursor_after(task: TaskRow) -> str:
    """The cursor of a page whose last task that is."""
    microseconds = (task.created_at - _EPOCH) // timedelta(microseconds=1)
    return urlsafe_b64encode(f"{microseconds}.{task.id}".encode()).rstrip(b"=").decode()


def place_of(cursor: str) -> tuple[datetime, str]:
    """The inverse of `cursor_after`; InvalidRequest for what we did not hand out."""
    try:
        text = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)).decode("ascii")
        microseconds, _, task_id = text.partition(".")
        created_at = _EPOCH + timedelta(microseconds=int(microseconds))
    except (ValueError, OverflowError):
        raise _refusal() from None
    if not is_task_id(task_id):
        raise _refusal()
    return created_at, task_id


def _refusal() -> InvalidRequest:
    return InvalidRequest(
        gettext_noop("%(param)s is the `next` of the page before, as it was given."), param=AFTER
    )
