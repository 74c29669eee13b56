"""What `static/charts/` draws: a chart is data here and a picture only in the browser.

A page includes `chart.html` with a Chart; the script reads the JSON beside it. Each chart is followed by the same
figures as a table, for those who cannot see it or want to copy them.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from django.utils import timezone

Unit = Literal["credits", "count", "ms", "percent"]
Kind = Literal["bars", "line", "area"]


@dataclass(frozen=True, slots=True)
class Series:
    """One value for each moment of the chart; None where there is none. Credits are in micro-credits."""

    label: str
    values: Sequence[int | float | None]


@dataclass(frozen=True, slots=True)
class Chart:
    """Series over time. `bars` and `area` of several series are stacked. `moments` start each interval."""

    title: str
    unit: Unit
    moments: Sequence[datetime]
    series: Sequence[Series] = field(default_factory=tuple)
    kind: Kind = "bars"

    def __post_init__(self) -> None:
        assert all(len(one.values) == len(self.moments) for one in self.series), "a value for each moment"

    @property
    def drawing(self) -> dict[str, Any]:
        """What the script reads."""
        return {
            "title": self.title,
            "unit": self.unit,
            "kind": self.kind,
            "timeZone": timezone.get_current_timezone_name(),
            "moments": [moment.timestamp() for moment in self.moments],
            "series": [{"label": one.label, "values": list(one.values)} for one in self.series],
        }

    @property
    def drawing_text(self) -> str:
        """The same as JSON."""
        return json.dumps(self.drawing)

    @property
    def rows(self) -> list[tuple[datetime, list[int | float | None]]]:
        """The figures as a table's rows, a moment each."""
        return [
            (moment, [one.values[place] for one in self.series]) for place, moment in enumerate(self.moments)
        ]

    @property
    def is_empty(self) -> bool:
        """Nothing to draw: no moment, or no value other than zero."""
        return not any(value for one in self.series for value in one.values)
