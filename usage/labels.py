"""How pages name what the books call by a code: outcomes, units, measures. Refusals have a table of their own."""

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from usage.ledger.outcomes import Outcome
from usage.queries.receipts import IN_FLIGHT

OUTCOMES: dict[str, Promise] = {
    Outcome.SUCCEEDED.value: gettext_lazy("Succeeded"),
    Outcome.PARTIAL.value: gettext_lazy("Broke off"),
    Outcome.REJECTED.value: gettext_lazy("Rejected"),
    Outcome.FAILED.value: gettext_lazy("Failed"),
    Outcome.TIMED_OUT.value: gettext_lazy("Timed out"),
    Outcome.CANCELLED.value: gettext_lazy("Cancelled"),
    Outcome.EXPIRED.value: gettext_lazy("Expired"),
    IN_FLIGHT: gettext_lazy("Under way"),
}
# The badge's look; the word beside it says the same.
OUTCOME_LOOKS = {
    Outcome.SUCCEEDED.value: "good",
    Outcome.PARTIAL.value: "warn",
    Outcome.CANCELLED.value: "",
    IN_FLIGHT: "accent",
}
UNITS: dict[str, Any] = {
    "tokens_in": ngettext_lazy("%(shown)s input token", "%(shown)s input tokens", "count"),
    "tokens_out": ngettext_lazy("%(shown)s output token", "%(shown)s output tokens", "count"),
    "images": ngettext_lazy("%(shown)s image", "%(shown)s images", "count"),
    "audio_ms": ngettext_lazy("%(shown)s ms of audio", "%(shown)s ms of audio", "count"),
    "characters": ngettext_lazy("%(shown)s character", "%(shown)s characters", "count"),
    "calls": ngettext_lazy("%(shown)s call", "%(shown)s calls", "count"),
    "pixel_steps": ngettext_lazy("%(shown)s pixel step", "%(shown)s pixel steps", "count"),
    "video_ms": ngettext_lazy("%(shown)s ms of video", "%(shown)s ms of video", "count"),
    "cache_read_tokens": ngettext_lazy(
        "%(shown)s input token from a cache", "%(shown)s input tokens from a cache", "count"
    ),
    "cache_write_tokens": ngettext_lazy(
        "%(shown)s input token written to a cache", "%(shown)s input tokens written to a cache", "count"
    ),
    "cache_write_1h_tokens": ngettext_lazy(
        "%(shown)s input token written to a cache for an hour",
        "%(shown)s input tokens written to a cache for an hour",
        "count",
    ),
    "reasoning_tokens": ngettext_lazy(
        "%(shown)s output token of reasoning", "%(shown)s output tokens of reasoning", "count"
    ),
    "audio_tokens_in": ngettext_lazy(
        "%(shown)s input token of audio", "%(shown)s input tokens of audio", "count"
    ),
    "audio_tokens_out": ngettext_lazy(
        "%(shown)s output token of audio", "%(shown)s output tokens of audio", "count"
    ),
}
DIMENSIONS: dict[str, Promise] = {
    "key": gettext_lazy("API key"),
    "model": gettext_lazy("Model"),
    "endpoint": gettext_lazy("Endpoint"),
    "outcome": gettext_lazy("Outcome"),
    "member": gettext_lazy("Member"),
}
ENTRY_KINDS: dict[str, Promise] = {
    "grant": gettext_lazy("Grant"),
    "capture": gettext_lazy("Call"),
    "expiry": gettext_lazy("Expiry"),
    "refund": gettext_lazy("Refund"),
}


def outcome_name(code: str) -> str:
    return str(OUTCOMES.get(code, code))


def outcome_look(code: str) -> str:
    """The badge's class: an error's unless said otherwise."""
    return OUTCOME_LOOKS.get(code, "bad")


def quantity(count: int, unit: str) -> str:
    """So many of a unit: "1,200 input tokens"."""
    return str(UNITS[unit] % {"count": count, "shown": f"{count:,}"})


def explain_outcome(receipt: dict[str, Any]) -> list[str]:
    """Why a call cost what it cost, a sentence each; `receipt` is the content of one."""
    sentences = [_of_outcome(receipt)]
    if receipt["estimated"]:
        sentences.append(
            _("The upstream did not say what it used, so the units were counted from what was delivered.")
        )
    if receipt["trial"]:
        given_back = receipt["outcome"] in ("failed", "timed_out", "expired")
        sentences.append(
            _("The trial call was given back: the fault was not yours.")
            if given_back
            else _("It counts as one of the day's trial calls.")
        )
    if receipt["refunded_microcredits"]:
        sentences.append(
            _("Part of it was refunded later.")
            if receipt["cost_microcredits"]
            else _("All of it was refunded later.")
        )
    return sentences


def _of_outcome(receipt: dict[str, Any]) -> str:
    outcome = receipt["outcome"]
    if outcome == Outcome.SUCCEEDED.value:
        if receipt["capture_microcredits"]:
            return _(
                "The answer was complete. What it used was priced at the rate that was fixed when the call started; "
                "the rest of the hold came back."
            )
        return _("The answer was complete, and what it used costs nothing at this rate.")
    return {
        Outcome.PARTIAL.value: _(
            "You or the upstream broke off after the first byte. Only what had been delivered was charged."
        ),
        Outcome.REJECTED.value: _(
            "The upstream refused the request as it was written. That costs nothing: the whole hold came back."
        ),
        Outcome.FAILED.value: _(
            "The upstream failed or gave no usable answer. That costs nothing: the whole hold came back."
        ),
        Outcome.TIMED_OUT.value: _(
            "The call took longer than its endpoint allows and was stopped. The whole hold came back."
        ),
        Outcome.CANCELLED.value: _(
            "You left before the first byte, or cancelled the task. The upstream was stopped, and the whole hold "
            "came back."
        ),
        Outcome.EXPIRED.value: _(
            "The call was never ended, because a process died with it. Its hold expired, and all of it came back."
        ),
        IN_FLIGHT: _(
            "The call is under way. The most it can cost is held; what it does not cost comes back when it ends."
        ),
    }[outcome]
