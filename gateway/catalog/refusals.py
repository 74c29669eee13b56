"""The catalog's rows of the table of refusals."""

from django.utils.translation import gettext_lazy as _

from aio_platform.refusals import Refusal
from gateway.catalog.routes import ModelPaused, UnknownModel

REFUSALS = (
    Refusal(
        UnknownModel, _("unknown model"), _("There is no such model, or it does not serve this endpoint.")
    ),
    Refusal(ModelPaused, _("model paused"), _("Every route of the model is switched off or drains.")),
)
