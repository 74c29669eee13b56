"""Voice clone: a text, spoken in the voice of an uploaded sample."""

from collections.abc import Mapping
from typing import Annotated, Any

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from pydantic import StringConstraints
from rest_framework.request import Request

from aio_platform.i18n.translatable import gettext_noop as _
from gateway.adapters.shared.requests import VoiceCloneRequest
from gateway.contracts.form import FormContract
from gateway.contracts.text import MAX_CHARACTERS, ModelSlug, Speakable
from gateway.http.form_view import FormEndpointView
from gateway.http.uploads import ReceivedForm
from gateway.openapi.presentation import (
    SOUND,
    SOUND_FILES,
    SPEECH_FILE,
    DocsPage,
    Example,
    WorkbenchForm,
)
from gateway.openapi.schemas import form_body, operation, sound

DEFAULT_LANGUAGE = "Korean"
# Says that a clone was made from the voice's timbre alone, because no transcript of it was given.
FALLBACK_HEADER = "X-Voice-Clone-Fallback"


class VoiceCloneForm(FormContract):
    """POST /api/voice-clone, beside the file `ref_audio`."""

    descriptions = {
        "ref_audio": _("A sample of the voice, such as WAV or MP3."),
        "text": _("The text to speak in that voice."),
        "language": _("Korean, English, Chinese or Japanese."),
        "x_vector_only_mode": _(
            "true copies the timbre only and is faster; false also copies prosody and style, for which ref_text "
            "is recommended."
        ),
        "ref_text": _("What is said in the sample; recommended when x_vector_only_mode is false."),
    }
    model: ModelSlug | None = None
    text: Speakable
    language: str = DEFAULT_LANGUAGE
    x_vector_only_mode: bool = True
    ref_text: Annotated[str, StringConstraints(max_length=MAX_CHARACTERS)] | None = None

    def reference_text(self) -> str | None:
        """The reference's transcript, None where there is nothing in it."""
        text = (self.ref_text or "").strip()
        return text or None


class VoiceCloneView(FormEndpointView[VoiceCloneForm]):
    """POST /api/voice-clone: a voice and a text in, sound out, streamed.

    The model cannot take a voice's prosody without its transcript, so that is then left out, and a header
    says so.
    """

    endpoint = "voice_clone"
    contract = VoiceCloneForm
    file_field = "ref_audio"
    session_allowed = True
    example = Example(
        fields={"text": "Text to speak", "language": "English"},
        files={"ref_audio": SPEECH_FILE},
        save_as="clone.wav",
    )
    docs_page = DocsPage(
        "voice-clone", _("Voice clone"), _("Speaks a text in the voice of an uploaded sample."), place=7
    )
    workbench_form = WorkbenchForm(
        "voice_clone", _("Voice clone"), SOUND, place=3, main=("text", "language"), accepts=SOUND_FILES
    )

    @extend_schema(
        **operation(
            "clone_voice",
            "Speech in the voice of a sample; X-Voice-Clone-Fallback says where `ref_text` was missing",
            form_body(VoiceCloneForm, "ref_audio"),
            *sound(),
        )
    )
    async def post(self, request: Request) -> HttpResponseBase:
        return await self.execute(request)

    async def to_request(self, contract: VoiceCloneForm, form: ReceivedForm) -> VoiceCloneRequest:
        reference, _length = await form.sound()
        return VoiceCloneRequest(
            contract.text,
            reference,
            contract.language,
            contract.x_vector_only_mode,
            contract.reference_text(),
        )

    def headers_for(self, adapter_request: Any) -> Mapping[str, str]:
        falls_back = not adapter_request.x_vector_only and adapter_request.reference_text is None
        return {FALLBACK_HEADER: "x-vector"} if falls_back else {}
