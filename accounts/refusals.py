"""This app's rows of the table of refusals, in the order in which they are decided."""

from django.utils.translation import gettext_lazy as _

from accounts import errors
from aio_platform.refusals import Refusal

REFUSALS = (
    Refusal(errors.RevokedKey, _("key revoked"), _("The key was revoked. A new one has to be issued.")),
    Refusal(
        errors.ExpiredKey, _("key expired"), _("The key is past its expiry. A new one has to be issued.")
    ),
    Refusal(errors.NotAMember, _("not a member"), _("The signed-in person belongs to no account.")),
    Refusal(errors.AccountSuspended, _("account suspended"), _("The account is suspended.")),
    Refusal(
        errors.RoleNotAllowed, _("role may not call"), _("The signed-in member's role does not make calls.")
    ),
    Refusal(
        errors.EndpointNotAllowed,
        _("endpoint outside the key's scope"),
        _("The key's scope leaves this endpoint out."),
    ),
    Refusal(
        errors.ModelNotAllowed,
        _("model outside the key's scope"),
        _("The key's scope leaves this model out."),
    ),
    Refusal(
        errors.AddressNotAllowed,
        _("address outside the key's scope"),
        _("The caller's address is outside the key's networks."),
    ),
)
