"""Secrets at rest: encrypted, since they have to be read again to sign, with a key made from SECRET_KEY.

Who has the database alone has no secrets. When SECRET_KEY is changed, the old one in SECRET_KEY_FALLBACKS still
opens what it sealed.
"""

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_PURPOSE = b"aio callback secrets, version 1"


class Unreadable(Exception):
    """Sealed with a SECRET_KEY that this process does not have."""


def seal(text: str) -> str:
    """Encrypt; only `unseal` with the same SECRET_KEY reads it again."""
    return _box().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """The text that was sealed; raises Unreadable where the key is another."""
    try:
        return _box().decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise Unreadable from None


def _box() -> MultiFernet:
    return _box_of((settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))


@lru_cache(maxsize=4)
def _box_of(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(base64.urlsafe_b64encode(_derived(key))) for key in keys])


def _derived(key: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(key.encode())
