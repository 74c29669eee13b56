"""Template filters for figures: micro-credits, milliseconds, counts, shares and moments."""

from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from django import template
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

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
def figure(value: Any, unit: str) -> str:
    """A chart's value in its unit."""
    if value is None:
        return NOTHING
    shown = {"credits": credits_exact, "ms": duration_ms, "percent": share, "count": count}[unit]
    return str(shown(value))


@register.filter
def moment(value: datetime | None) -> SafeString | str:
    """A `<time>` in the visitor's zone to the second; machines read the exact moment from it."""
    if value is None:
        return NOTHING
    return _time_element(value, "Y-m-d H:i:s", "milliseconds")


@register.filter
def day(value: datetime | None) -> SafeString | str:
    """A `<time>` in the visitor's zone to the day."""
    if value is None:
        return NOTHING
    return _time_element(value, "Y-m-d", "seconds")


def _time_element(value: datetime, shown_as: str, title_to_the: str) -> SafeString:
    local = timezone.localtime(value)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        value.isoformat(),
        local.isoformat(sep=" ", timespec=title_to_the),
        formats.date_format(local, shown_as),
    )
