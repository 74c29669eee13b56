"""Who can speak: GET at the address whose POST makes speech."""

from django.http import HttpResponse

from aio_platform.i18n.translatable import gettext_noop as _
from gateway.adapters.protocol import JsonAnswer
from gateway.adapters.shared.requests import VoicesRequest
from gateway.http.endpoint_view import BodilessView, passed_through
from gateway.openapi.presentation import SOUND, WorkbenchForm
from gateway.openapi.schemas import ANY_JSON, operation

LIST_SPEAKERS = operation("list_speakers", "Who can speak; the upstream's answer as it is", None, ANY_JSON)


class SpeakersView(BodilessView):
    """GET /api/tts: who can speak, as the upstream says it."""

    endpoint = "voices"
    session_allowed = True
    workbench_form = WorkbenchForm("voices", _("Speakers"), SOUND, place=2)

    def to_request(self) -> VoicesRequest:
        return VoicesRequest()

    def to_response(self, answer: JsonAnswer) -> HttpResponse:
        return passed_through(answer)
