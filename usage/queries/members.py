"""Members as the usage views name them."""

from collections.abc import Iterable
from typing import Any

from accounts.models import User
from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop as _


def describe_members(member_ids: Iterable[int]) -> dict[int, dict[str, Any]]:
    """`{email}` of each signed-in member that called, also of those who have left; None for a deleted user."""
    wanted = set(member_ids)
    if not wanted:
        return {}
    emails = dict(User.objects.filter(pk__in=wanted).values_list("pk", "email"))
    return {member_id: {"email": emails.get(member_id)} for member_id in wanted}


def find_member_id(account_id: int, email: str, param: str) -> int:
    """The table's id of the account's member with that e-mail address.

    Raises InvalidRequest naming `param`; another account's member is one there is not.
    """
    found = (
        User.objects.filter(memberships__account_id=account_id, email=email.lower())
        .values_list("pk", flat=True)
        .first()
    )
    if found is None:
        raise InvalidRequest(
            _("%(param)s is the e-mail address of one of the account's members."), param=param
        )
    return found
