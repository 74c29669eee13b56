"""Finding an account or a key from what a person typed."""

from accounts.errors import AccountNotFound, AmbiguousPrefix, KeyNotFound
from accounts.keys.format import PREFIX_LENGTH
from accounts.models import Account, ApiKey
from accounts.public_ids import is_account_id, is_key_id
from aio_platform.i18n.translatable import gettext_noop as _


def find_account(text: str) -> Account:
    """The account of that public id or exact name; AccountNotFound where there is none."""
    found = None
    if is_account_id(text):
        found = Account.objects.filter(public_id=text).first()
    elif text.isprintable():
        found = Account.objects.filter(name=text).first()
    if found is None:
        raise AccountNotFound(_("There is no account %(text)s."), text=repr(text))
    return found


def find_key(text: str) -> ApiKey:
    """The key of that public id or 12-character prefix, whichever account's it is; for operators.

    Raises KeyNotFound, or AmbiguousPrefix listing the ids where several keys share the prefix.
    """
    keys = ApiKey.objects.select_related("account")
    if is_key_id(text):
        found = list(keys.filter(public_id=text))
    elif text.startswith("aio_") and len(text) == PREFIX_LENGTH and text.isprintable():
        found = list(keys.filter(prefix=text).order_by("id"))
    else:
        raise KeyNotFound(_("Name a key by its id, as in key_…, or its prefix: aio_ and 8 characters."))
    if not found:
        raise KeyNotFound(_("There is no API key %(text)s."), text=text)
    if len(found) > 1:
        raise AmbiguousPrefix(text, [key.public_id for key in found])
    return found[0]


def account_data(account: Account) -> dict[str, str]:
    """What commands tell of an account in JSON."""
    return {
        "id": account.public_id,
        "name": account.name,
        "plan": account.plan_id,
        "status": account.status,
    }
