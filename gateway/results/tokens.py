"""The addresses of kept results: signed, so that nobody makes one up, and with their expiry inside."""

import re
from datetime import UTC, datetime
from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, Signer

PATH = "results/"
_SALT = "gateway.results"
_is_signed_part = re.compile(r"[0-9a-f]{32}\.[0-9]{1,12}").fullmatch


def token_for(result_id: str, expires_at: datetime) -> str:
    """A token that names the result until then, and cannot be changed to name another or a later moment."""
    return _signer().sign(f"{UUID(result_id).hex}.{int(expires_at.timestamp())}")


def result_of(token: str, now: datetime) -> str | None:
    """The id of the result that a token of ours names at that moment; None for any other text."""
    try:
        signed = _signer().unsign(token)
    except BadSignature:
        return None
    if _is_signed_part(signed) is None:
        return None
    result_hex, _, expires_at_s = signed.partition(".")
    if datetime.fromtimestamp(int(expires_at_s), UTC) <= now:
        return None
    return str(UUID(hex=result_hex))


def public_url(result_id: str, expires_at: datetime) -> str:
    """The result's address as customers reach it: under AIO_PUBLIC_URL, or where this machine serves."""
    return public_base() + token_for(result_id, expires_at)


def public_base() -> str:
    """What the address of every kept result begins with."""
    return f"{settings.BASE_URL.rstrip('/')}/{PATH}"


def _signer() -> Signer:
    return Signer(salt=_SALT, sep=".")
