"""Template filters and tags for usage's pages: names of codes, changes, bars."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from aio_platform.refusals import refusal_label
from usage import labels

register = template.Library()
register.filter("refusal_name", refusal_label)
register.filter("quantity", labels.quantity)


@register.filter
def outcome_badge(code: str) -> SafeString:
    """The outcome's name as a badge."""
    return format_html(
        '<span class="badge {}">{}</span>', labels.outcome_look(code), labels.outcome_name(code)
    )


@register.filter
def entry_kind(code: str) -> str:
    return str(labels.ENTRY_KINDS.get(code, code))


@register.filter
def as_timestamp(text: str | None) -> datetime | None:
    """The moment that an answer of the API writes as text."""
    return None if text is None else datetime.fromisoformat(text)


@register.filter
def change(value: float | None) -> str:
    """0.123 → "+12.3 %"."""
    return "" if value is None else f"{value * 100:+,.1f} %".replace("-", "−")


@register.filter
def points(value: float | None) -> str:
    """A difference of two shares: 0.0123 → "+1.2 points"."""
    if value is None:
        return ""
    return _("%(points)s points") % {"points": f"{value * 100:+.1f}".replace("-", "−")}


@register.filter
def exact_credits(microcredits: Any) -> str:
    """A share of a price, exact beyond the micro-credit where it has to be: "10.5" → "0.0000105"."""
    amount = Decimal(microcredits).scaleb(-6)
    text = f"{amount:,.12f}".rstrip("0").rstrip(".")
    return text or "0"


@register.filter
def percent_of(part: float | None, whole: float | None) -> str:
    """Where a bar ends, as an SVG attribute takes it: "43.21%". Never beyond the whole."""
    share = min(max((part or 0) / whole, 0), 1) if whole else 0
    return f"{share * 100:.2f}%"


@register.filter
def plus(one: float | None, other: float | None) -> float:
    return (one or 0) + (other or 0)


@register.filter
def minus(one: float | None, other: float | None) -> float:
    return (one or 0) - (other or 0)
