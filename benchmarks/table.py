"""The one table that a run prints: each row a count or a ratio, with its target where it has one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

HEADINGS = ("figure", "platform", "relay", "result", "target", "")


@dataclass(frozen=True, slots=True)
class Target:
    """What a row's result is held against."""

    text: str
    met_by: Callable[[float], bool]


def at_least(limit: float) -> Target:
    """Met by the limit and by anything above it."""
    return Target(f"≥ {limit:,g}", lambda value: value >= limit)


def at_most(limit: float) -> Target:
    """Met by the limit and by anything below it."""
    return Target(f"≤ {limit:,g}", lambda value: value <= limit)


def below(limit: float) -> Target:
    """Met by anything below the limit."""
    return Target(f"< {limit:,g}", lambda value: value < limit)


@dataclass(frozen=True, slots=True)
class Row:
    """One line. `result` is what the target speaks of; `spread` are its smallest and largest over the rounds."""

    metric: str
    result: float
    unit: str = ""
    platform: float | None = None
    relay: float | None = None
    target: Target | None = None
    spread: tuple[float, float] | None = None

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        return None if self.target is None else self.target.met_by(self.result)

    def as_json(self) -> dict[str, object]:
        """The row for scripts."""
        return {
            "figure": self.metric,
            "platform": self.platform,
            "relay": self.relay,
            "result": self.result,
            "spread": self.spread,
            "unit": self.unit,
            "target": self.target and self.target.text,
            "met": self.met,
        }


def render(rows: Sequence[Row]) -> str:
    """The table as text, in columns."""
    lines = [HEADINGS, *[_cells(row) for row in rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    rule = "  ".join("-" * width for width in widths[:-1])
    texts = [_line(line, widths) for line in lines]
    return "\n".join([texts[0], rule, *texts[1:]])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *numbers, last = cells
    # Words to the left, figures to the right.
    aligned = [
        first.ljust(widths[0]),
        *[n.rjust(w) for n, w in zip(numbers, widths[1:-1], strict=True)],
        last,
    ]
    return "  ".join(aligned).rstrip()


def _cells(row: Row) -> tuple[str, ...]:
    result = _number(row.result) + (f" {row.unit}" if row.unit else "")
    if row.spread is not None:
        result += f" ({_number(row.spread[0])}–{_number(row.spread[1])})"
    return (
        row.metric,
        _number(row.platform),
        _number(row.relay),
        result,
        row.target.text if row.target else "",
        {True: "✓", False: "✗", None: ""}[row.met],
    )


def _number(value: float | None) -> str:
    if value is None:
        return ""
    if float(value).is_integer() or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:,.2f}" if abs(value) < 10 else f"{value:,.1f}"
