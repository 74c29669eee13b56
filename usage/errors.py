"""What usage refuses, and the words for it. Amounts in messages and details are decimal credits."""

from collections.abc import Mapping
from datetime import datetime

from aio_platform.credits import format_credits
from aio_platform.errors import InvalidRequest, NotFound, PlatformError, TooManyRequests
from aio_platform.i18n.translatable import Template
from aio_platform.i18n.translatable import gettext_noop as _


class InsufficientCredits(PlatformError):
    """The call's ceiling price is above what a limit has left; `details` say which limit, and by how much.

    `available` is what is left of the limit named by `limit_source`; `held` is what the account's calls under
    way keep. Both are given back in part when those calls cost less than their ceilings.
    """

    code = "insufficient_credits"
    status = 402
    type = "insufficient_credits"
    template = _(
        "The call may cost up to %(needed)s credits, and %(available)s are available (%(held)s are "
        "held by calls under way)."
    )

    def __init__(
        self, *, needed_microcredits: int, available_microcredits: int, held_microcredits: int
    ) -> None:
        needed, available = format_credits(needed_microcredits), format_credits(available_microcredits)
        held = format_credits(held_microcredits)
        super().__init__(
            needed=needed,
            available=available,
            held=held,
            details={"needed": needed, "available": available, "held": held, "limit_source": "balance"},
        )


class KeyCapReached(PlatformError):
    """As InsufficientCredits, but the limit is the key's own cap of the day or month (UTC)."""

    code = "key_cap_reached"
    status = 402
    type = "insufficient_credits"
    template = _(
        "The call may cost up to %(needed)s credits, and %(allowance)s are left of the API key's "
        "cap for the %(period)s, which starts anew at %(resets_at)s."
    )

    def __init__(
        self,
        *,
        limit_source: str,
        needed_microcredits: int,
        allowance_microcredits: int,
        held_microcredits: int,
        resets_at: datetime,
    ) -> None:
        needed, allowance = format_credits(needed_microcredits), format_credits(allowance_microcredits)
        period = "day" if limit_source == "key_day_cap" else "month"
        super().__init__(
            needed=needed,
            allowance=allowance,
            period=period,
            resets_at=_utc(resets_at),
            details={
                "needed": needed,
                "available": allowance,
                "held": format_credits(held_microcredits),
                "limit_source": limit_source,
                "resets_at": _utc(resets_at),
            },
        )


class MinuteRateReached(TooManyRequests):
    """The key's calls of the running minute are used up; `headers` are those of its limit."""

    code = "minute_rate_reached"
    template = _("The limit of %(calls_per_minute)s calls a minute is reached. Try again in %(reset_s)s s.")

    def __init__(self, *, calls_per_minute: int, reset_s: int, headers: Mapping[str, str]) -> None:
        super().__init__(
            calls_per_minute=calls_per_minute,
            reset_s=reset_s,
            retry_after_s=reset_s,
            headers=headers,
        )


class TrialExhausted(TooManyRequests):
    """The trial plan's calls of the day (UTC) are used up. Clients should not try again by themselves."""

    code = "trial_exhausted"
    type = "daily_trial_limit"
    template = _("The trial plan's calls for today are used up. The next day starts at %(resets_at)s.")

    def __init__(self, *, reset_s: int, resets_at: datetime, headers: Mapping[str, str]) -> None:
        super().__init__(
            resets_at=_utc(resets_at),
            retry_after_s=reset_s,
            headers={**headers, "x-should-retry": "false"},
            details={"resets_at": _utc(resets_at)},
        )


class IdempotencyError(PlatformError):
    """An idempotency key stands for one request; this is not that one, or not yet answered."""

    code = "idempotency_error"
    status = 409
    type = "idempotency_error"


class IdempotencyInFlight(IdempotencyError):
    code = "idempotency_in_flight"
    template = _("A request with this Idempotency-Key is still under way.")

    def __init__(self) -> None:
        super().__init__(param="Idempotency-Key", retry_after_s=1)


class IdempotencyMismatch(IdempotencyError):
    code = "idempotency_mismatch"
    status = 422
    template = _("This Idempotency-Key was used for a request with another body.")

    def __init__(self) -> None:
        super().__init__(param="Idempotency-Key")


class IdempotencyNotReplayable(IdempotencyError):
    """The first call's answer was streamed, and is not kept."""

    code = "idempotency_not_replayable"
    openai_code = "idempotency_key_reused"
    template = _("This Idempotency-Key was used for the call %(request_id)s, whose answer was not kept.")

    def __init__(self, request_id: str) -> None:
        super().__init__(
            request_id=request_id,
            param="Idempotency-Key",
            headers={"x-should-retry": "false"},
        )


class AccountUnknown(NotFound):
    """No such account, or one without a balance."""

    code = "account_unknown"
    template = _("There is no such account.")


class EventsArchived(InvalidRequest):
    """Sums cannot be made anew without all of their events."""

    code = "events_archived"
    template = _("Some usage events are archived, so the sums cannot be made anew. They stay as they are.")


class CallArchived(PlatformError):
    """Calls that started that long ago are in files: whether there was such a one is not known here."""

    code = "call_archived"
    status = 410
    type = "archived"
    template = _(
        "Calls that started before %(kept_from)s are archived. Their sums are in the usage views "
        "and their charges in the ledger; ask us for a single one, with its request id."
    )

    def __init__(self, kept_from: datetime) -> None:
        super().__init__(
            kept_from=_utc(kept_from),
            param="request_id",
            details={"kept_from": _utc(kept_from)},
        )


class RefundOfArchivedCall(PlatformError):
    """The sums of an archived call cannot be changed any more, and a refund would have to."""

    code = "refund_of_archived_call"
    status = 410
    type = "archived"
    template = _(
        "The call is archived, so a refund could not be counted with its sums. Grant the account "
        "the credits instead, with the request id as the reason."
    )

    def __init__(self) -> None:
        super().__init__(param="request_id")


class CallsNotKept(InvalidRequest):
    """A list of single calls was asked to start where they are archived."""

    code = "calls_not_kept"
    template = _(
        "Calls that started before %(kept_from)s are archived: ask for those since then. Sums go "
        "back further."
    )

    def __init__(self, kept_from: datetime) -> None:
        super().__init__(kept_from=_utc(kept_from), param="since")


class CaptureUnknown(NotFound):
    """No such call in the account, or one that was not charged."""

    code = "capture_unknown"
    template = _("There is no such call, or nothing was charged for it.")

    def __init__(self) -> None:
        super().__init__(param="request_id")


class AmountRefused(InvalidRequest):
    """Not an amount that can be granted or refunded."""

    code = "amount_refused"

    def __init__(self, template: Template | None = None) -> None:
        super().__init__(template, param="amount")


class RefundTooLarge(AmountRefused):
    """A capture's refunds would come to more than the capture."""

    code = "refund_too_large"
    template = _("The refunds of a call cannot come to more than it cost.")


class BalanceTooLarge(AmountRefused):
    """More than the books can count."""

    code = "balance_too_large"
    template = _("The account's balance would be larger than the books can hold.")


class GrantExpiryPast(InvalidRequest):
    code = "grant_expiry_past"
    template = _("A grant must expire in the future.")

    def __init__(self) -> None:
        super().__init__(param="expires_at")


class GrantConflict(IdempotencyError):
    """The idempotency key belongs to a grant of another amount or expiry."""

    code = "grant_conflict"
    status = 422
    template = _("This idempotency key was used for another grant.")

    def __init__(self) -> None:
        super().__init__(param="idempotency_key")


class RefundConflict(IdempotencyError):
    """The idempotency key belongs to a refund of another amount or call."""

    code = "refund_conflict"
    status = 422
    template = _("This idempotency key was used for another refund.")

    def __init__(self) -> None:
        super().__init__(param="idempotency_key")


def _utc(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
