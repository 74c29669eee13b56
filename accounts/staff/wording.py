"""How the staff site names what accounts and keys are called by a code."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

ACCOUNT_STATES: Mapping[str, Promise] = {"active": _("Active"), "suspended": _("Suspended")}
KEY_STATES: Mapping[str, Promise] = {"live": _("Live"), "revoked": _("Revoked"), "expired": _("Expired")}
