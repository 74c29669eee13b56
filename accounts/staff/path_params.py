"""What an address of the staff site is about."""

from accounts.models import Account
from accounts.public_ids import is_account_id
from aio_platform.errors import NotFound
from aio_platform.i18n.translatable import gettext_noop as _


def account_of(public_id: str) -> Account:
    """The account of that public id; NotFound where there is none."""
    found = (
        Account.objects.select_related("plan").filter(public_id=public_id).first()
        if (is_account_id(public_id))
        else None
    )
    if found is None:
        raise NotFound(_("There is no such account."))
    return found
