"""The registry of endpoints: everything that can be called and is billed, one entry each, as plain data.

Every list of endpoints elsewhere is derived from this one: what a catalog may route and a key be scoped to, which
adapters there must be, limits, names on pages, prices, made-up usage, the OpenAPI document. Imports nothing of the
gateway. Their order is that of lists on pages. An operator's own are in the modules of the setting ENDPOINT_MODULES.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from types import MappingProxyType
from typing import Literal, NamedTuple

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from aio_platform.http.nearby_addresses import MOUNTS


class Limit(NamedTuple):
    """A limit in seconds or bytes, with the setting that overrides it: STT_TIME_LIMIT_S is AIO_STT_TIME_LIMIT_S."""

    setting: str
    default: int

    def value(self) -> int:
        """What is in force in this process."""
        limit: int = settings.ENDPOINT_LIMITS.get(self.setting, self.default)
        return limit


class Address(NamedTuple):
    """Where an endpoint is called, and by its full name the view that answers there.

    The path begins with its mount: /api, /llm/v1, /api/v1, /v1 or /v1beta. Of two methods at one path, the view that
    comes first in the registry answers both. A path may hold `{model}`, which may have slashes in it; `alias` is the
    same path as some clients write it.
    """

    path: str
    view: str
    method: str = "post"
    alias: str = ""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint, by the name that catalogs, keys' scopes and the books know it by.

    `label` is its name on pages. `also_at` are other endpoints' addresses that answer some bodies as this one.
    `inputs` and `outputs` are what goes in and what comes out, as OpenRouter names modalities. `units` are what
    its rates may charge for.

    `time_limit` is in seconds, for the whole answer or a stream's first byte; of a task, for its whole life. Routes
    may have their own. `size_limit` is in bytes, for a form with its file; None where the body is JSON. `streams` says
    what an answer may be sent as while it is made: events or bytes. A tool's model need not be named
    (`model_is_optional`). `demo_weight` is its share of made-up calls, by the sum of all.
    """

    name: str
    label: Promise
    addresses: tuple[Address, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    units: tuple[str, ...]
    time_limit: Limit
    demo_weight: int
    size_limit: Limit | None = None
    streams: Literal["", "events", "bytes"] = ""
    is_task: bool = False
    model_is_optional: bool = True
    also_at: tuple[Address, ...] = ()


CHAT_TIME_LIMIT = Limit("CHAT_TIME_LIMIT_S", 115)
TTS_TIME_LIMIT = Limit("TTS_TIME_LIMIT_S", 58)
TASK_TIME_LIMIT = Limit("TASK_TIME_LIMIT_S", 3600)
IMAGE_TASKS = Address("/api/v1/images/generations", "gateway.api.task_endpoints.ImageTaskView")
SPEECH_TASKS = Address("/api/v1/audio/speech", "gateway.api.task_endpoints.SpeechTaskView")
_a_task = partial(Endpoint, time_limit=TASK_TIME_LIMIT, is_task=True)


def _of_gemini(method: str, view: str) -> Address:
    """Where Google's clients call a method of a model; newer ones say `v1` for `v1beta`."""
    path = f"/models/{{model}}:{method}"
    return Address(f"/v1beta{path}", view, alias=f"/v1{path}")


_OURS = (
    Endpoint(
        "chat",
        _("Chat"),
        (
            Address("/api/chat", "gateway.api.chat.views.TextChatView"),
            Address("/llm/v1/chat/completions", "gateway.api.chat.views.LlmChatView"),
            Address("/api/v1/chat/completions", "gateway.api.chat.views.ApiInOneChatView"),
            Address("/v1/chat/completions", "gateway.api.chat.views.OpenAIChatView"),
            Address("/v1/completions", "gateway.api.chat.text_completions.TextCompletionView"),
            Address("/v1/responses", "gateway.api.chat.responses.ResponsesView"),
            Address("/v1/messages", "gateway.api.chat.messages.MessagesView"),
            _of_gemini("generateContent", "gateway.api.gemini.generate.GenerateContentView"),
            _of_gemini("streamGenerateContent", "gateway.api.gemini.generate.StreamGenerateContentView"),
        ),
        inputs=("text",),
        outputs=("text",),
        units=("tokens_in", "tokens_out"),
        time_limit=CHAT_TIME_LIMIT,
        streams="events",
        demo_weight=40,
    ),
    Endpoint(
        "embeddings",
        _("Embeddings"),
        (
            Address("/api/embedding", "gateway.api.embeddings.EmbeddingView"),
            Address("/v1/embeddings", "gateway.api.embeddings.OpenAIEmbeddingView"),
            _of_gemini("embedContent", "gateway.api.gemini.embeddings.EmbedContentView"),
            _of_gemini("batchEmbedContents", "gateway.api.gemini.embeddings.BatchEmbedContentsView"),
        ),
        inputs=("text",),
        outputs=("embeddings",),
        units=("tokens_in",),
        time_limit=Limit("EMBEDDING_TIME_LIMIT_S", 58),
        demo_weight=14,
    ),
    Endpoint(
        "rerank",
        _("Re-ranking"),
        (
            Address("/api/rerank", "gateway.api.rerank.RerankView"),
            Address("/v1/rerank", "gateway.api.rerank.OpenAIRerankView"),
        ),
        inputs=("text",),
        outputs=("scores",),
        units=("tokens_in",),
        time_limit=Limit("RERANK_TIME_LIMIT_S", 58),
        demo_weight=5,
    ),
    Endpoint(
        "moderations",
        _("Moderation"),
        (Address("/v1/moderations", "gateway.api.moderations.ModerationView"),),
        inputs=("text", "image"),
        outputs=("scores",),
        units=("calls",),
        time_limit=Limit("MODERATION_TIME_LIMIT_S", 58),
        demo_weight=2,
    ),
    Endpoint(
        "speech",
        _("Speech"),
        (
            Address("/api/tts", "gateway.api.speech.SpeechView"),
            Address("/v1/audio/speech", "gateway.api.speech.OpenAISpeechView"),
        ),
        inputs=("text",),
        outputs=("audio",),
        units=("characters",),
        time_limit=TTS_TIME_LIMIT,
        streams="bytes",
        also_at=(SPEECH_TASKS,),
        demo_weight=6,
    ),
    Endpoint(
        "voices",
        _("Speakers"),
        (Address("/api/tts", "gateway.api.voices.SpeakersView", "get"),),
        inputs=(),
        outputs=(),
        units=("calls",),
        time_limit=TTS_TIME_LIMIT,
        demo_weight=2,
    ),
    Endpoint(
        "voice_clone",
        _("Voice clone"),
        (Address("/api/voice-clone", "gateway.api.voice_clone.VoiceCloneView"),),
        inputs=("text", "audio"),
        outputs=("audio",),
        units=("characters",),
        time_limit=Limit("VOICE_CLONE_TIME_LIMIT_S", 60),
        size_limit=Limit("VOICE_CLONE_MAX_BODY_BYTES", 20_000_000),
        streams="bytes",
        demo_weight=2,
    ),
    Endpoint(
        "transcription",
        _("Transcription"),
        (
            Address("/api/stt", "gateway.api.transcription.SpeechToTextView"),
            Address("/v1/audio/transcriptions", "gateway.api.transcription.OpenAITranscriptionView"),
            Address("/v1/audio/translations", "gateway.api.transcription.OpenAITranslationView"),
        ),
        inputs=("audio",),
        outputs=("text",),
        units=("audio_ms",),
        time_limit=Limit("STT_TIME_LIMIT_S", 115),
        size_limit=Limit("STT_MAX_BODY_BYTES", 100_000_000),
        demo_weight=6,
    ),
    Endpoint(
        "vision",
        _("Image to text"),
        (Address("/api/image2text", "gateway.api.vision.ImageToTextView"),),
        inputs=("text", "image"),
        outputs=("text",),
        units=("tokens_in", "tokens_out"),
        time_limit=Limit("IMAGE2TEXT_TIME_LIMIT_S", 115),
        size_limit=Limit("IMAGE2TEXT_MAX_BODY_BYTES", 20_000_000),
        demo_weight=4,
    ),
    Endpoint(
        "images",
        _("Images"),
        (
            Address("/api/t2i", "gateway.api.images.ImageView"),
            Address("/v1/images/generations", "gateway.api.images.OpenAIImageView"),
        ),
        inputs=("text",),
        outputs=("image",),
        units=("images", "pixel_steps"),
        time_limit=Limit("T2I_TIME_LIMIT_S", 115),
        also_at=(IMAGE_TASKS,),
        demo_weight=5,
    ),
    Endpoint(
        "image_edits",
        _("Image edits"),
        (Address("/v1/images/edits", "gateway.api.image_edits.OpenAIImageEditView"),),
        inputs=("text", "image"),
        outputs=("image",),
        units=("images", "pixel_steps"),
        time_limit=Limit("IMAGE_EDIT_TIME_LIMIT_S", 115),
        size_limit=Limit("IMAGE_EDIT_MAX_BODY_BYTES", 50_000_000),
        demo_weight=2,
    ),
    Endpoint(
        "music",
        _("Music"),
        (Address("/api/t2m", "gateway.api.music.MusicView"),),
        inputs=("text",),
        outputs=("audio",),
        units=("audio_ms",),
        time_limit=Limit("T2M_TIME_LIMIT_S", 115),
        streams="bytes",
        demo_weight=2,
    ),
    _a_task(
        "image_task",
        _("Image generation"),
        (IMAGE_TASKS,),
        inputs=("text",),
        outputs=("image",),
        units=("images", "pixel_steps", "tokens_out"),
        model_is_optional=False,
        demo_weight=4,
    ),
    _a_task(
        "video_task",
        _("Video generation"),
        (Address("/api/v1/videos/generations", "gateway.api.task_endpoints.VideoTaskView"),),
        inputs=("text",),
        outputs=("video",),
        units=("video_ms", "pixel_steps", "audio_ms"),
        model_is_optional=False,
        demo_weight=2,
    ),
    _a_task(
        "music_task",
        _("Music generation"),
        (Address("/api/v1/audio/music", "gateway.api.task_endpoints.MusicTaskView"),),
        inputs=("text",),
        outputs=("audio",),
        units=("calls",),
        model_is_optional=False,
        demo_weight=2,
    ),
    _a_task(
        "speech_task",
        _("Dialogue speech"),
        (SPEECH_TASKS,),
        inputs=("text",),
        outputs=("audio",),
        units=("characters",),
        model_is_optional=False,
        demo_weight=2,
    ),
    _a_task(
        "remove_bg",
        _("Background removal"),
        (Address("/api/v1/images/tools/remove-bg", "gateway.api.task_endpoints.RemoveBackgroundView"),),
        inputs=("image",),
        outputs=("image",),
        units=("calls",),
        demo_weight=2,
    ),
    _a_task(
        "face_swap",
        _("Face swap"),
        (Address("/api/v1/images/tools/face-swap", "gateway.api.task_endpoints.FaceSwapView"),),
        inputs=("image",),
        outputs=("image",),
        units=("calls",),
        demo_weight=2,
    ),
    _a_task(
        "video_bg_remover",
        _("Video background removal"),
        (Address("/api/v1/videos/tools/bg-remover", "gateway.api.task_endpoints.RemoveVideoBackgroundView"),),
        inputs=("video", "image"),
        outputs=("video",),
        units=("calls",),
        demo_weight=2,
    ),
)


class BadEndpoint(Exception):
    """An operator's endpoint that cannot stand beside ours, or a module that has none."""


# What keys' scopes and pages' addresses can hold.
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_PATH = re.compile(rf"({'|'.join(MOUNTS)})(/[A-Za-z0-9._-]+)+")


def with_those_of(modules: Iterable[str], ours: Sequence[Endpoint]) -> tuple[Endpoint, ...]:
    """Ours, and behind them the ENDPOINTS of each module, which is given by its dotted name.

    Raises BadEndpoint for a module that has none, and for a name or an address that is taken or malformed.
    """
    found = list(ours)
    for module in modules:
        paths = {address.path for each in found for address in each.addresses}
        for endpoint in _endpoints_in(module):
            if fault := _fault_of(endpoint, found, paths):
                raise BadEndpoint(f"{module}: {fault}")
            found.append(endpoint)
    return tuple(found)


def _endpoints_in(module: str) -> Sequence[Endpoint]:
    try:
        endpoints = getattr(import_module(module), "ENDPOINTS", None)
    except (ImportError, TypeError) as error:  # a TypeError for a name that begins with a dot
        raise BadEndpoint(f"{module} cannot be imported: {error}") from error
    if not isinstance(endpoints, tuple) or {type(each) for each in endpoints} != {Endpoint}:
        raise BadEndpoint(f"{module}: ENDPOINTS must be a tuple of Endpoint, and not empty")
    return endpoints


def _fault_of(endpoint: Endpoint, found: Sequence[Endpoint], paths_of_others: Collection[str]) -> str:
    """Why the endpoint cannot stand beside those found before it; empty where it can."""
    if any(endpoint.name == each.name for each in found):
        return f"there is an endpoint {endpoint.name} already"
    if not _NAME.fullmatch(endpoint.name):
        return f"{endpoint.name!r} must be up to 64 lower-case letters, digits and underscores"
    if not endpoint.addresses:
        return f"{endpoint.name} has no address"
    taken = {(address.method, address.path) for each in found for address in each.addresses}
    for address in endpoint.addresses:
        # Whatever the method, another module's path is taken: one view answers all methods of a path.
        if address.path in paths_of_others or (address.method, address.path) in taken:
            return f"{address.path} is another endpoint's address"
        if not _PATH.fullmatch(address.path):
            return f"{address.path} must be a fixed path below one of {', '.join(MOUNTS)}"
    return ""


# An operator's modules import from this one what is above.
try:
    ENDPOINTS = with_those_of(settings.ENDPOINT_MODULES, _OURS)
except BadEndpoint as error:
    raise SystemExit(f"AIO_ENDPOINTS: {error}") from None
BY_NAME: Mapping[str, Endpoint] = MappingProxyType({each.name: each for each in ENDPOINTS})
# By method and path.
BY_ADDRESS: Mapping[tuple[str, str], Endpoint] = MappingProxyType(
    {(address.method, address.path): each for each in ENDPOINTS for address in each.addresses}
)
ENDPOINT_NAMES = tuple(BY_NAME)
TASK_ENDPOINTS = tuple(each for each in ENDPOINTS if each.is_task)
TASK_ENDPOINT_NAMES = tuple(each.name for each in TASK_ENDPOINTS)
CHAT = "chat"
