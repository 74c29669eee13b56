"""Template filters that format values: micro-credits, milliseconds, counts, shares and timestamps."""

import html
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from aio_platform.charts import Chart
from aio_platform.credits import format_credits

register = template.Library()
NOTHING = "–"


@register.filter
def credits_exact(microcredits: int | None) -> str:
    """Every decimal there is, whole part grouped: 1234500000 → "1,234.5"."""
    if microcredits is None:
        return NOTHING
    whole, dot, fraction = format_credits(microcredits).partition(".")
    sign = "-" if whole.startswith("-") else ""
    return f"{sign}{int(whole.lstrip('-')):,}{dot}{fraction}"


@register.filter
def credits_short(microcredits: int | None) -> str:
    """At most four decimals below ten credits and two above, for places where the exact figure is a click away."""
    if microcredits is None:
        return NOTHING
    value = Decimal(microcredits).scaleb(-6)
    places = Decimal("0.0001") if abs(value) < 10 else Decimal("0.01")
    rounded = value.quantize(places, rounding=ROUND_HALF_EVEN)
    if rounded == 0 and value != 0:
        return "<0.0001" if value > 0 else ">-0.0001"
    text = f"{rounded:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@register.filter
def count(value: int | None) -> str:
    """12345 → "12,345"."""
    return NOTHING if value is None else f"{value:,}"


@register.filter
def duration_ms(value: float | None) -> str:
    """820 → "820 ms", 2345 → "2.35 s", 125000 → "2 min 5 s"."""
    if value is None:
        return NOTHING
    if value < 1000:
        return f"{round(value)} ms"
    if value < 60_000:
        return f"{value / 1000:.2f} s"
    minutes, seconds = divmod(round(value / 1000), 60)
    return _("%(minutes)s min %(seconds)s s") % {"minutes": minutes, "seconds": seconds}


@register.filter
def share(value: float | None) -> str:
    """0.9876 → "98.8 %"."""
    return NOTHING if value is None else f"{value * 100:.1f} %"


@register.filter
def in_unit(value: Any, unit: str) -> str:
    """A chart's value in its unit."""
    if value is None:
        return NOTHING
    return str(_SHOWN[unit](value))


_SHOWN = {"credits": credits_exact, "ms": duration_ms, "percent": share, "count": count}


@register.filter
def chart_rows(chart: Chart) -> SafeString:
    """The figures of a chart as a table's rows, a moment each: a template takes too long for a thousand cells."""
    rows = [
        f'<tr><th scope="row">{timestamp(at)}</th>'
        + "".join(f'<td class="number">{html.escape(in_unit(value, chart.unit))}</td>' for value in values)
        + "</tr>"
        for at, values in chart.rows
    ]
    return mark_safe("".join(rows))  # noqa: S308 - a <time> of our own, and what is escaped here


@register.filter
def timestamp(value: datetime | None) -> SafeString | str:
    """A `<time>` in the visitor's zone to the second; machines read the exact moment from it."""
    if value is None:
        return NOTHING
    local = timezone.localtime(value)
    return _time_element(value, local, local.replace(tzinfo=None).isoformat(" ", "seconds"), "milliseconds")


@register.filter
def day(value: datetime | None) -> SafeString | str:
    """A `<time>` in the visitor's zone to the day."""
    if value is None:
        return NOTHING
    local = timezone.localtime(value)
    return _time_element(value, local, local.date().isoformat(), "seconds")


def _time_element(value: datetime, local: datetime, shown: str, title_to_the: str) -> SafeString:
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        value.isoformat(),
        local.isoformat(sep=" ", timespec=title_to_the),
        shown,
    )
