"""One consistent look at the books: everything read within it is as of one moment."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from django.db import DataError, OperationalError, connection, transaction

from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop as _

TIME_LIMIT_MS = 15_000
# The statement's own timestamp is taken before its snapshot, so nothing committed up to it is missing. The lock comes
# before the snapshot too: sums that are being made anew are not emptied under a reader (usage_reset_rollups_v1). A
# histogram being summed takes some kilobytes, and there are thousands at once.
_OPEN_SQL = """
    SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
    SET LOCAL statement_timeout = %s;
    SET LOCAL work_mem = '64MB';
    LOCK TABLE usage_rollup_state IN ACCESS SHARE MODE
"""
_MOMENT_SQL = "SELECT statement_timestamp()"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The books as they were at `as_of`; at least what was committed by then is in it."""

    as_of: datetime
    _cursor: Any

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows of one SELECT, by column name."""
        self._cursor.execute(sql, parameters)
        names = [column.name for column in self._cursor.description]
        return [dict(zip(names, row, strict=True)) for row in self._cursor.fetchall()]

    def row(self, sql: str, parameters: Mapping[str, Any]) -> dict[str, Any] | None:
        """The first row, or None."""
        found = self.rows(sql, parameters)
        return found[0] if found else None


@contextmanager
def snapshot() -> Iterator[Snapshot]:
    """Look at the books, for at most 15 s a statement: InvalidRequest beyond that.

    Inside a transaction of the caller's it sees what that sees.
    """
    own = not connection.in_atomic_block
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            if own:
                cursor.execute(_OPEN_SQL, [TIME_LIMIT_MS])
            cursor.execute(_MOMENT_SQL)
            yield Snapshot(cursor.fetchone()[0], cursor)
    except OperationalError as error:
        if isinstance(error.__cause__, psycopg.errors.QueryCanceled):
            raise InvalidRequest(
                _("That is too much to look through; ask for a shorter time."), param="since"
            ) from error
        raise
    except DataError as error:
        if isinstance(error.__cause__, psycopg.errors.InvalidParameterValue):
            # A zone that Python knows and PostgreSQL does not; nothing else here is a name to look up.
            raise InvalidRequest(_("There is no such time zone."), param="timezone") from error
        raise
