"""Why a call is refused, by the code under which it is counted, in words for staff who answer customers."""

from collections.abc import Mapping

EXPLANATIONS: Mapping[str, str] = {
    "revoked_key": "The key was revoked. A new one has to be issued.",
    "expired_key": "The key is past its expiry. A new one has to be issued.",
    "not_a_member": "The signed-in person belongs to no account.",
    "account_suspended": "The account is suspended.",
    "role_not_allowed": "The signed-in member's role does not make calls.",
    "endpoint_not_allowed": "The key's scope leaves this endpoint out.",
    "model_not_allowed": "The key's scope leaves this model out.",
    "address_not_allowed": "The caller's address is outside the key's networks.",
    "minute_rate": "More calls in a minute than the plan allows.",
    "trial_exhausted": "The trial plan's calls of the day are used up; they come back at midnight UTC.",
    "key_day_cap": "The key's cap of the day is below what the call could cost.",
    "key_month_cap": "The key's cap of the month is below what the call could cost.",
    "insufficient_credits": "The balance is below what the call could cost.",
    "invalid_request": "The body, or a field in it, is not what the endpoint takes.",
    "unknown_model": "There is no such model, or it does not serve this endpoint.",
    "model_paused": "Every route of the model is switched off or drains.",
    "body_too_large": "The body is over the endpoint's limit.",
    "idempotency_in_flight": "A call with the same Idempotency-Key is still under way.",
    "idempotency_mismatch": "The Idempotency-Key was used before with another body.",
}


def explanation_of(code: str) -> str:
    """One sentence; the code itself, made readable, where nobody has written one."""
    return EXPLANATIONS.get(code, code.replace("_", " ").capitalize() + ".")
