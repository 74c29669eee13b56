"""What can be tried in the workbench: each endpoint that takes a session, with the view that carries it.

What a body may hold is never said here: forms are made from the views' own contracts and the models' declarations.
Here is only how a form is laid out, and which fields are other names of one that it has.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from gateway.api import omakase
from gateway.api import omakase_uploads as forms
from gateway.api.chat import ChatView, LlmChatView, TextChatView
from gateway.endpoints import BY_NAME, CHAT, TASK_ENDPOINTS
from gateway.http.endpoint_view import EndpointView
from gateway.http.form_view import FormEndpointView

TEXT, SOUND, PICTURES, TASKS = _("Text"), _("Sound"), _("Pictures"), _("Tasks")


@dataclass(frozen=True, slots=True)
class WorkbenchEndpoint:
    """`slug` names it in the page's address, `endpoint` in the catalog. A task's has no view of a contract.

    `main` are the fields shown first, `other_names` those that a form leaves out because they say the same as
    another, or can only be refused.
    """

    slug: str
    name: str | Promise
    group: Promise
    path: str
    endpoint: str
    view: Callable[[], ChatView | EndpointView] | None = None
    main: tuple[str, ...] = ()
    other_names: frozenset[str] = frozenset()
    method: str = "post"
    accepts: str = ""

    @property
    def is_task(self) -> bool:
        return self.view is None

    @property
    def is_chat(self) -> bool:
        return self.endpoint == CHAT

    @property
    def file_field(self) -> str:
        """The form's file; empty for an endpoint whose body is JSON."""
        view = self.view and self.view()
        return view.file_field if isinstance(view, FormEndpointView) else ""

    @property
    def size_limit_bytes(self) -> int:
        """The largest form it takes; 0 for JSON."""
        size_limit = BY_NAME[self.endpoint].size_limit
        return 0 if size_limit is None else size_limit.value()

    @property
    def has_body(self) -> bool:
        return self.method == "post"


_IMAGES = "image/png,image/jpeg,image/webp,image/gif"
_SOUNDS = "audio/*"
ENDPOINTS = (
    WorkbenchEndpoint(
        "chat", _("Chat"), TEXT, "/llm/v1/chat/completions", CHAT, LlmChatView,
        main=("messages", "stream", "temperature", "max_tokens"), other_names=frozenset({"input"}),
    ),
    WorkbenchEndpoint(
        "text_chat", _("One question"), TEXT, "/api/chat", CHAT, TextChatView,
        main=("input", "temperature"), other_names=frozenset({"stream", "stream_options"}),
    ),
    WorkbenchEndpoint(
        "vision", _("Image to text"), TEXT, "/api/image2text", "vision", forms.ImageToTextView,
        main=("prompt",), accepts=_IMAGES,
    ),
    WorkbenchEndpoint(
        "embeddings", _("Embedding"), TEXT, "/api/embedding", "embeddings", omakase.EmbeddingView,
        main=("input",), other_names=frozenset({"text"}),
    ),
    WorkbenchEndpoint(
        "rerank", _("Rerank"), TEXT, "/api/rerank", "rerank", omakase.RerankView,
        main=("query", "input", "top_n"), other_names=frozenset({"documents"}),
    ),
    WorkbenchEndpoint(
        "speech", _("Text to speech"), SOUND, "/api/tts", "speech", omakase.SpeechView,
        main=("text", "language", "speaker"), other_names=frozenset({"style_instruction"}),
    ),
    WorkbenchEndpoint(
        "voices", _("Speakers"), SOUND, "/api/tts", "voices", omakase.SpeakersView, method="get"
    ),
    WorkbenchEndpoint(
        "voice_clone", _("Voice clone"), SOUND, "/api/voice-clone", "voice_clone", forms.VoiceCloneView,
        main=("text", "language"), accepts=_SOUNDS,
    ),
    WorkbenchEndpoint(
        "transcription", _("Speech to text"), SOUND, "/api/stt", "transcription", forms.SpeechToTextView,
        main=("language", "task"), accepts=_SOUNDS,
    ),
    WorkbenchEndpoint(
        "music", _("Text to music"), SOUND, "/api/t2m", "music", omakase.MusicView,
        main=("prompt", "audio_duration"),
    ),
    WorkbenchEndpoint(
        "images", _("Text to image"), PICTURES, "/api/t2i", "images", omakase.ImageView,
        main=("prompt", "negative_prompt", "width", "height"),
    ),
    *(
        WorkbenchEndpoint(each.name, each.label, TASKS, each.addresses[0].path, each.name)
        for each in TASK_ENDPOINTS
    ),
)  # fmt: skip
BY_SLUG = {endpoint.slug: endpoint for endpoint in ENDPOINTS}
