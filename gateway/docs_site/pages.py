"""Every page of the documentation, in the order of the side navigation."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Page:
    """A guide, whose text is the template of its slug, or a reference page about one or more addresses."""

    slug: str
    title: Text
    lead: Text
    addresses: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        if self.addresses:
            return reverse("docs-endpoint", args=[self.slug])
        return reverse("docs") if self.slug == QUICKSTART else reverse("docs-page", args=[self.slug])

    @property
    def template(self) -> str:
        return f"gateway/docs/guides/{self.slug}.html"


@dataclass(frozen=True, slots=True)
class Group:
    title: Text
    pages: tuple[Page, ...]


QUICKSTART = "quickstart"
GUIDES = Group(
    _("Get started"),
    (
        Page(QUICKSTART, _("Quickstart"), _("Connect your first AI API within a minute.")),
        Page(
            "authentication",
            _("Authentication"),
            _("One API key for every endpoint, sent as a Bearer token."),
        ),
        Page("models", _("Models"), _("Every model with its endpoints, its names and its price today.")),
        Page(
            "prices",
            _("Credits and prices"),
            _("What a call costs, when it is charged, and where to read it."),
        ),
    ),
)
CONCEPTS = Group(
    _("Concepts"),
    (
        Page(
            "tasks", _("Tasks"), _("Images, videos and music take a while: submit, poll, or be called back.")
        ),
        Page("callbacks", _("Callbacks"), _("Signed webhooks that tell your server when a task has ended.")),
        Page("streaming", _("Streaming"), _("Read an answer while it is generated, as server-sent events.")),
        Page("errors", _("Errors"), _("Every status and type, and what to do about each.")),
        Page("limits", _("Limits"), _("Calls a minute, trial calls a day, sizes and time limits.")),
        Page("idempotency", _("Idempotency"), _("Send a call again without being charged twice.")),
    ),
)
OMAKASE = Group(
    _("Omakase API"),
    (
        Page("chat", _("Text (LLM)"), _("Generates a text from a prompt."), ("/api/chat",)),
        Page(
            "llm-chat",
            _("Text (LLM), OpenAI shape"),
            _("Generates a text from input or messages, and answers as OpenAI does."),
            ("/llm/v1/chat/completions",),
        ),
        Page("embedding", _("Embedding"), _("Turns a text into an embedding vector."), ("/api/embedding",)),
        Page(
            "rerank",
            _("Re-ranking"),
            _("Ranks candidate passages by relevance to a query."),
            ("/api/rerank",),
        ),
        Page("tts", _("Text to speech"), _("Reads a text aloud, and lists who can speak."), ("/api/tts",)),
        Page("stt", _("Speech to text"), _("Turns an uploaded audio file into text."), ("/api/stt",)),
        Page(
            "voice-clone",
            _("Voice clone"),
            _("Speaks a text in the voice of an uploaded sample."),
            ("/api/voice-clone",),
        ),
        Page(
            "image2text",
            _("Image to text"),
            _("Describes an uploaded image and extracts the text in it."),
            ("/api/image2text",),
        ),
        Page("t2m", _("Text to music"), _("Composes music from a description."), ("/api/t2m",)),
        Page("t2i", _("Text to image"), _("Draws an image from a description."), ("/api/t2i",)),
    ),
)
API_IN_ONE = Group(
    _("API in One"),
    (
        Page(
            "images-generations",
            _("Image generation"),
            _("Generates images. Returns a task_id to poll."),
            ("/api/v1/images/generations",),
        ),
        Page(
            "videos-generations",
            _("Video generation"),
            _("Generates videos from text or images. Returns a task_id to poll."),
            ("/api/v1/videos/generations",),
        ),
        Page(
            "audio-music",
            _("Music generation"),
            _("Generates songs from a description, or from lyrics and a style. Returns a task_id to poll."),
            ("/api/v1/audio/music",),
        ),
        Page(
            "audio-speech",
            _("Dialogue speech"),
            _("Speaks a dialogue with several voices. Returns a task_id to poll."),
            ("/api/v1/audio/speech",),
        ),
        Page(
            "chat-completions",
            _("Chat"),
            _("Chat completions in OpenAI's format, streamed unless you say otherwise."),
            ("/api/v1/chat/completions",),
        ),
        Page(
            "remove-bg",
            _("Background removal"),
            _("Removes an image's background. Returns a task_id to poll."),
            ("/api/v1/images/tools/remove-bg",),
        ),
        Page(
            "face-swap",
            _("Face swap"),
            _("Puts a face into another image. Returns a task_id to poll."),
            ("/api/v1/images/tools/face-swap",),
        ),
        Page(
            "bg-remover",
            _("Video background removal"),
            _("Removes or replaces a video's background. Returns a task_id to poll."),
            ("/api/v1/videos/tools/bg-remover",),
        ),
        Page(
            "task-status",
            _("Task status, list and cancel"),
            _("How tasks stand. Asking is free of charge."),
            ("/api/v1/tasks/{task_id}", "/api/v1/tasks", "/api/v1/tasks/{task_id}/cancel"),
        ),
        Page("model-list", _("Model list"), _("The models that can be called."), ("/api/v1/models",)),
    ),
)
OPENAI = Group(
    _("OpenAI-compatible"),
    (
        Page(
            "openai-chat",
            _("Chat completions"),
            _("As OpenAI's SDKs expect, unmodified."),
            ("/v1/chat/completions",),
        ),
        Page(
            "openai-embeddings", _("Embeddings"), _("Texts or tokens in, vectors out."), ("/v1/embeddings",)
        ),
        Page(
            "openai-rerank",
            _("Rerank"),
            _("Ranks documents, in the shape of Jina and Cohere."),
            ("/v1/rerank",),
        ),
        Page(
            "openai-images",
            _("Images"),
            _("Draws images and returns them inside the answer."),
            ("/v1/images/generations",),
        ),
        Page("openai-speech", _("Speech"), _("Reads a text aloud."), ("/v1/audio/speech",)),
        Page(
            "openai-transcriptions",
            _("Transcriptions and translations"),
            _("Turns speech into text, in its own language or in English."),
            ("/v1/audio/transcriptions", "/v1/audio/translations"),
        ),
        Page(
            "openai-models",
            _("Models, as OpenAI lists them"),
            _("The models that can be called."),
            ("/v1/models",),
        ),
    ),
)
ACCOUNT = Group(
    _("Account API"),
    (
        Page(
            "keys",
            _("API keys"),
            _("Issue, limit, rotate and revoke keys from a program."),
            ("/api/v1/keys", "/api/v1/keys/{key_id}", "/api/v1/keys/{key_id}/rotate"),
        ),
        Page(
            "credits",
            _("Credits and ledger"),
            _("What is left, what is held, and every entry that changed it."),
            ("/api/v1/credits", "/api/v1/credits/ledger"),
        ),
        Page(
            "usage",
            _("Usage and receipts"),
            _("Every call with its price, summaries, refusals and CSV."),
            (
                "/api/v1/usage",
                "/api/v1/usage/{request_id}",
                "/api/v1/usage/summary",
                "/api/v1/usage/refusals",
                "/api/v1/usage/export.csv",
            ),
        ),
        Page(
            "callback-settings",
            _("Callback settings"),
            _("The account's endpoint and secret, and every delivery with its attempts."),
            (
                "/api/v1/callbacks/endpoint",
                "/api/v1/callbacks/secret",
                "/api/v1/callbacks/deliveries",
                "/api/v1/callbacks/deliveries/{delivery_id}",
                "/api/v1/callbacks/deliveries/{delivery_id}/resend",
            ),
        ),
    ),
)
MORE = Group(
    _("More"),
    (
        Page(
            "openapi", _("OpenAPI document"), _("The whole API as a machine reads it, to browse or download.")
        ),
        Page("changelog", _("API changelog"), _("What has changed for callers, newest first.")),
    ),
)
GROUPS = (GUIDES, CONCEPTS, OMAKASE, API_IN_ONE, OPENAI, ACCOUNT, MORE)


def every_page() -> Iterator[Page]:
    """All pages, in the order of the navigation."""
    for group in GROUPS:
        yield from group.pages


def page_of(slug: str, *, reference: bool) -> Page | None:
    """The guide, or the reference page, of that slug."""
    return next(
        (page for page in every_page() if page.slug == slug and bool(page.addresses) is reference), None
    )


def page_about(address: str) -> Page | None:
    """The reference page on which that address is described."""
    return next((page for page in every_page() if address in page.addresses), None)


def neighbours(page: Page) -> tuple[Page | None, Page | None]:
    """The pages before and after this one."""
    pages = list(every_page())
    place = pages.index(page)
    before = pages[place - 1] if place > 0 else None
    after = pages[place + 1] if place + 1 < len(pages) else None
    return before, after
