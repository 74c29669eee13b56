"""Music from a description."""

from typing import Annotated

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from pydantic import Field, StringConstraints
from rest_framework.request import Request

from aio_platform.i18n.translatable import gettext_noop as _
from gateway.adapters.shared.requests import MusicRequest
from gateway.contracts.parsing import RequestContract
from gateway.contracts.price_changers import MUSIC_EXTRAS, refuse_price_changers
from gateway.contracts.text import ModelSlug, NonBlank
from gateway.http.endpoint_view import JsonEndpointView
from gateway.openapi.presentation import SOUND, DocsPage, Example, WorkbenchForm
from gateway.openapi.schemas import json_body, operation, sound

DEFAULT_DURATION_S = 10.0
MAX_DURATION_S = 600


class TextToMusicBody(RequestContract):
    """POST /api/t2m. `audio_duration` is in seconds."""

    descriptions = {
        "prompt": _("Mood, instruments, tempo and style, in words."),
        "audio_duration": _("The length in seconds."),
    }
    model: ModelSlug | None = None
    prompt: Annotated[NonBlank, StringConstraints(max_length=5_000)]
    audio_duration: float | None = Field(default=None, ge=1, le=MAX_DURATION_S)
    seed: int | None = Field(default=None, ge=0, lt=2**32)

    def check(self) -> None:
        refuse_price_changers(self.model_extra, MUSIC_EXTRAS)

    def audio_ms(self) -> int:
        """The length asked for, in milliseconds."""
        return round((self.audio_duration or DEFAULT_DURATION_S) * 1000)


class MusicView(JsonEndpointView[TextToMusicBody]):
    """POST /api/t2m: a description in, music out, streamed."""

    endpoint = "music"
    contract = TextToMusicBody
    session_allowed = True
    example = Example(
        {"prompt": "Upbeat jazz with piano and saxophone, 120bpm", "audio_duration": 10}, save_as="music.wav"
    )
    docs_page = DocsPage("t2m", _("Text to music"), _("Composes music from a description."), place=9)
    workbench_form = WorkbenchForm(
        "music", _("Text to music"), SOUND, place=5, main=("prompt", "audio_duration")
    )

    @extend_schema(
        **operation("generate_music", "Music from a description", json_body(TextToMusicBody), *sound())
    )
    async def post(self, request: Request) -> HttpResponseBase:
        return await self.execute(request)

    def to_request(self, contract: TextToMusicBody) -> MusicRequest:
        return MusicRequest(contract.prompt, contract.audio_ms(), contract.seed)
