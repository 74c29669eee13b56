"""The one shape of every staff report, for screens, CSV, JSON and terminals alike. Pure.

Titles are English, as programs get them; they are marked for the catalogue, and screens translate them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from enum import Enum
from typing import Any

from django.utils.functional import Promise


class Kind(Enum):
    """What a column's values are; None stands for "there is none" in every column.

    TEXT: str · MOMENT: aware datetime, a bucket's start in the question's zone · COUNT: int · MICROCREDITS:
    int, shown as credits · SHARE: float, 0.05 is 5 % · MILLISECONDS, SECONDS: int.
    """

    TEXT = "text"
    TIMESTAMP = "moment"
    COUNT = "count"
    MICROCREDITS = "microcredits"
    SHARE = "share"
    MILLISECONDS = "milliseconds"
    SECONDS = "seconds"


@dataclass(frozen=True, slots=True)
class Column:
    """`is_group` columns come first and name the row; the others are its values.

    Programs get values and titles as they are. Screens say a value that is a code in the visitor's `words`, and the
    title as `shown_as` where its plain translation would mean something else.
    """

    name: str
    title: str
    kind: Kind
    is_group: bool = False
    words: Mapping[str, Promise] | None = None
    shown_as: Promise | None = None


def group(
    name: str, title: str, kind: Kind = Kind.TEXT, *, words: Mapping[str, Promise] | None = None
) -> Column:
    """A column that names the row."""
    return Column(name, title, kind, is_group=True, words=words)


@dataclass(frozen=True, slots=True)
class Chart:
    """How the report is best drawn: `y` over `x`, one line or bar for each value of `series`."""

    form: str  # "line" or "bar"
    x: str
    y: tuple[str, ...]
    series: str | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """From `since` until before `until`; an open end is the moment of the look."""

    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Previous:
    """The same question about as long a time that ended where the period starts; rows have the same columns."""

    period: Period
    rows: list[dict[str, Any]]
    totals: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Report:
    """One answer, as of one moment.

    A row has a value for every column, and may have `ids` beside them: what a screen links to, as in
    `{"account": "acct_…"}`. Buckets and groups without calls have no row. `totals` has the values of all that
    was asked for, also where `rows` is cut short (`is_cut`). `period` is None where the answer is of the moment.
    """

    name: str
    title: str
    as_of: datetime
    period: Period | None
    columns: tuple[Column, ...]
    rows: list[dict[str, Any]]
    totals: dict[str, Any] | None = None
    previous: Previous | None = None
    chart: Chart | None = None
    is_cut: bool = False
    interval: str = "none"
    zone: tzinfo = UTC
    zone_name: str = "UTC"

    @property
    def groups(self) -> tuple[Column, ...]:
        """The columns that name a row."""
        return tuple(column for column in self.columns if column.is_group)

    @property
    def value_columns(self) -> tuple[Column, ...]:
        """The columns that say how much."""
        return tuple(column for column in self.columns if not column.is_group)

    def rows_with_previous(self) -> list[tuple[dict[str, Any], dict[str, Any] | None]]:
        """Each row beside the previous period's of the same groups (the first day beside the first day)."""
        if self.previous is None or self.period is None:
            return [(row, None) for row in self.rows]
        before = self.previous.period.since
        earlier = {self._identity(row, before): row for row in self.previous.rows}
        return [(row, earlier.get(self._identity(row, self.period.since))) for row in self.rows]

    def _identity(self, row: dict[str, Any], since: datetime) -> tuple[Any, ...]:
        return tuple(
            self._place(row[column.name], since) if column.kind is Kind.TIMESTAMP else row[column.name]
            for column in self.groups
        )

    def _place(self, moment: datetime, since: datetime) -> object:
        """How far into its period: by the calendar for days, of which not all have 24 hours."""
        here, start = moment.astimezone(self.zone), since.astimezone(self.zone)
        if self.interval == "month":
            return (here.year - start.year) * 12 + here.month - start.month
        if self.interval == "day":
            return (here.date() - start.date()).days
        return moment - since.replace(second=0, microsecond=0)


def totals_of(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> dict[str, Any]:
    """The sums of those columns over the rows; for reports whose rows are all there is."""
    return {name: sum(row[name] or 0 for row in rows) for name in names}
