"""Ids that callers see. Random, so that they tell nothing of how many there are."""

import re
import secrets
import string

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_is_account_id = re.compile(r"acct_[0-9A-Za-z]{16}").fullmatch
_is_invitation_id = re.compile(r"inv_[0-9A-Za-z]{16}").fullmatch
_is_key_id = re.compile(r"key_[0-9A-Za-z]{16}").fullmatch


def random_base62(length: int) -> str:
    """That many characters from the operating system's random source."""
    return "".join(secrets.choice(BASE62) for _ in range(length))


def new_account_id() -> str:
    return "acct_" + random_base62(16)


def new_key_id() -> str:
    return "key_" + random_base62(16)


def new_invitation_id() -> str:
    return "inv_" + random_base62(16)


def is_account_id(text: str) -> bool:
    """Whether text has an account id's form; what has not is never sent to the database."""
    return _is_account_id(text) is not None


def is_key_id(text: str) -> bool:
    """Whether text has a key id's form; what has not is never sent to the database."""
    return _is_key_id(text) is not None


def is_invitation_id(text: str) -> bool:
    """Whether text has an invitation id's form; what has not is never sent to the database."""
    return _is_invitation_id(text) is not None
