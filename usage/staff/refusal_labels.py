"""Why a call is refused, by the code under which it is counted, in words for staff who answer customers."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

EXPLANATIONS: Mapping[str, Promise] = {
    "revoked_key": _("The key was revoked. A new one has to be issued."),
    "expired_key": _("The key is past its expiry. A new one has to be issued."),
    "not_a_member": _("The signed-in person belongs to no account."),
    "account_suspended": _("The account is suspended."),
    "role_not_allowed": _("The signed-in member's role does not make calls."),
    "endpoint_not_allowed": _("The key's scope leaves this endpoint out."),
    "model_not_allowed": _("The key's scope leaves this model out."),
    "address_not_allowed": _("The caller's address is outside the key's networks."),
    "minute_rate": _("More calls in a minute than the plan allows."),
    "trial_exhausted": _("The trial plan's calls of the day are used up; they come back at midnight UTC."),
    "key_day_cap": _("The key's cap of the day is below what the call could cost."),
    "key_month_cap": _("The key's cap of the month is below what the call could cost."),
    "insufficient_credits": _("The balance is below what the call could cost."),
    "invalid_request": _("The body, or a field in it, is not what the endpoint takes."),
    "unknown_model": _("There is no such model, or it does not serve this endpoint."),
    "model_paused": _("Every route of the model is switched off or drains."),
    "body_too_slow": _("The body did not arrive in time."),
    "body_too_large": _("The body is over the endpoint's limit."),
    "idempotency_in_flight": _("A call with the same Idempotency-Key is still under way."),
    "idempotency_not_replayable": _(
        "A call with the same Idempotency-Key has ended, and its answer was not kept."
    ),
    "idempotency_mismatch": _("The Idempotency-Key was used before with another body."),
}


def explanation_of(code: str) -> str:
    """One sentence; the code itself, made readable, where nobody has written one."""
    return str(EXPLANATIONS.get(code, code.replace("_", " ").capitalize() + "."))
