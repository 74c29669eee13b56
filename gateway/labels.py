"""How pages name what the gateway calls by a code: the states of tasks and of callback deliveries."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from gateway.tasks.states import State

TASK_STATES: Mapping[State, Promise] = {
    State.HELD: _("Waiting"),
    State.SUBMITTING: _("Being submitted"),
    State.RUNNING: _("Running"),
    State.SUCCEEDED: _("Succeeded"),
    State.FAILED: _("Failed"),
    State.CANCELLED: _("Cancelled"),
    State.TIMED_OUT: _("Timed out"),
}
DELIVERY_STATES: Mapping[str, Promise] = {
    "pending": _("Waiting"),
    "delivered": _("Delivered"),
    "failed": _("Failed"),
    "stopped": _("Stopped"),
}
