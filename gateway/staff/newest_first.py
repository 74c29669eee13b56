"""Pages of rows that are kept by account, over all accounts: newest first, by key, without counting."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.http import HttpRequest

from accounts.staff.tables import PAGE_SIZE, href_with
from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop as _
from usage.snapshot import snapshot

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# To follow a WHERE, after other conditions; the look-up of the first column is what the index is for.
OLDER_SQL = """
    AND (%(before_at)s::timestamptz IS NULL OR created_at <= %(before_at)s
         AND (created_at, account_id, id::text) < (%(before_at)s, %(before_account)s::bigint, %(before_id)s::text))
    ORDER BY created_at DESC, account_id DESC, id::text DESC
    LIMIT %(limit)s
"""


class Rows(NamedTuple):
    rows: list[dict[str, Any]]
    next_href: str


def rows_of(request: HttpRequest, sql: str, parameters: Mapping[str, Any]) -> Rows:
    """The rows of a SELECT that ends in OLDER_SQL, and the link to those after them."""
    at, account_id, row_id = _place(request)
    with snapshot() as books:
        rows = books.rows(
            sql,
            {
                **parameters,
                "before_at": at,
                "before_account": account_id,
                "before_id": row_id,
                "limit": PAGE_SIZE + 1,
            },
        )
    if len(rows) <= PAGE_SIZE:
        return Rows(rows, "")
    last = rows[PAGE_SIZE - 1]
    microseconds = (last["created_at"] - _EPOCH) // timedelta(microseconds=1)
    before = f"{microseconds}.{last['account_id']}.{last['id']}"
    return Rows(rows[:PAGE_SIZE], href_with(request, before=before))


def _place(request: HttpRequest) -> tuple[datetime | None, int | None, str | None]:
    text = request.GET.get("before", "")
    if not text:
        return None, None, None
    try:
        microseconds, account_id, row_id = text.split(".", 2)
        if len(text) > 100 or not text.isascii() or not text.isprintable():
            raise ValueError
        at, account = _EPOCH + timedelta(microseconds=int(microseconds)), int(account_id)
        if not 0 <= account < 2**63:
            raise ValueError
    except (ValueError, OverflowError):
        raise InvalidRequest(_("before is what the link to the older rows names."), param="before") from None
    return at, account, row_id
