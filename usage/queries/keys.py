"""Keys as the usage views name them."""

from collections.abc import Iterable
from typing import Any

from accounts.models import ApiKey
from accounts.public_ids import is_key_id
from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop as _

# In the books, calls of signed-in members are those of key 0; the views show their key as null.
SESSION_KEY_ID = 0
SESSION = "session"


def describe_keys(key_ids: Iterable[int]) -> dict[int, dict[str, Any]]:
    """`{id, name, prefix}` of each key, revoked ones too; signed-in members have none."""
    wanted = {key_id for key_id in key_ids if key_id != SESSION_KEY_ID}
    if not wanted:
        return {}
    return {
        pk: {"id": public_id, "name": name, "prefix": prefix}
        for pk, public_id, name, prefix in ApiKey.objects.filter(pk__in=wanted).values_list(
            "pk", "public_id", "name", "prefix"
        )
    }


def find_key_id(account_id: int, text: str, param: str) -> int:
    """The table's id of the account's key with that public id, or 0 for "session".

    Raises InvalidRequest naming `param`; another account's key is one there is not.
    """
    if text == SESSION:
        return SESSION_KEY_ID
    if is_key_id(text):
        key_id = (
            ApiKey.objects.filter(account_id=account_id, public_id=text).values_list("pk", flat=True).first()
        )
        if key_id is not None:
            return key_id
    raise InvalidRequest(
        _('%(param)s is the id of one of the account\'s keys, or "%(session)s".'),
        param=param,
        session=SESSION,
    )
