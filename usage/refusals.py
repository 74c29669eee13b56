"""This app's rows of the table of refusals: limits, credits and idempotency keys."""

from django.utils.translation import gettext_lazy as _

from aio_platform.refusals import Refusal
from usage import errors

REFUSALS = (
    Refusal(
        errors.MinuteRateReached,
        _("too many calls a minute"),
        _("More calls in a minute than the plan allows."),
        own_code="minute_rate",
    ),
    Refusal(
        errors.TrialExhausted,
        _("trial calls used up"),
        _("The trial plan's calls of the day are used up; they come back at midnight UTC."),
    ),
    Refusal(
        errors.KeyCapReached,
        _("key's daily cap reached"),
        _("The key's cap of the day is below what the call could cost."),
        own_code="key_day_cap",
    ),
    Refusal(
        errors.KeyCapReached,
        _("key's monthly cap reached"),
        _("The key's cap of the month is below what the call could cost."),
        own_code="key_month_cap",
    ),
    Refusal(
        errors.InsufficientCredits,
        _("not enough credits"),
        _("The balance is below what the call could cost."),
    ),
    Refusal(
        errors.IdempotencyInFlight,
        _("Idempotency-Key under way"),
        _("A call with the same Idempotency-Key is still under way."),
    ),
    Refusal(
        errors.IdempotencyNotReplayable,
        _("answer under Idempotency-Key not kept"),
        _("A call with the same Idempotency-Key has ended, and its answer was not kept."),
    ),
    Refusal(
        errors.IdempotencyMismatch,
        _("Idempotency-Key of another body"),
        _("The Idempotency-Key was used before with another body."),
    ),
)
