"""How the staff site names what accounts, keys and the record call by a code."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

ACCOUNT_STATES: Mapping[str, Promise] = {"active": _("Active"), "suspended": _("Suspended")}
# What an action was done to, as the audit log keeps it.
TARGETS: Mapping[str, Promise] = {
    "account": _("account"),
    "catalog": _("catalog"),
    "delivery": _("delivery"),
    "group": _("group"),
    "key": _("key"),
    "plan": _("plan"),
    "rate": _("rate"),
    "route": _("route"),
    "task": _("task"),
    "upstream": _("upstream"),
    "user": _("user"),
}
KEY_STATES: Mapping[str, Promise] = {"live": _("Live"), "revoked": _("Revoked"), "expired": _("Expired")}
