"""Every page of the documentation, in the order of the side navigation."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from gateway.openapi import operations
from gateway.openapi.presentation import DocsPage, presented_views

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


def _of_mount(mount: str) -> tuple[Page, ...]:
    """The pages about a mount's endpoints, as their views describe them; one page may be about several addresses."""
    found: dict[str, DocsPage] = {}
    addresses: dict[str, list[str]] = {}
    for (_method, path), view in presented_views().items():
        if view.docs_page is not None and operations.group_of(path) == mount:
            found[view.docs_page.slug] = view.docs_page
            addresses.setdefault(view.docs_page.slug, []).append(path)
    return tuple(
        Page(each.slug, _(each.title), _(each.lead), tuple(addresses[each.slug]))
        for each in sorted(found.values(), key=lambda each: each.place)
    )


OMAKASE = Group(_("Omakase API"), _of_mount(operations.OMAKASE))
API_IN_ONE = Group(
    _("API in One"),
    (
        *_of_mount(operations.API_IN_ONE),
        Page(
            "task-status",
            _("Task status, list and cancel"),
            _("How tasks stand. Asking is free of charge."),
            ("/api/v1/tasks/{task_id}", "/api/v1/tasks", "/api/v1/tasks/{task_id}/cancel"),
        ),
        Page(
            "model-list",
            _("Model list"),
            _("The models that can be called."),
            ("/api/v1/models", "/api/v1/models/{model}"),
        ),
    ),
)
OPENAI = Group(
    _("OpenAI-compatible"),
    (
        *_of_mount(operations.OPENAI),
        Page(
            "anthropic-count-tokens",
            _("Token counts, as Anthropic's"),
            _("How many tokens a prompt is, by our estimate. Asking is free of charge."),
            ("/v1/messages/count_tokens",),
        ),
        Page(
            "openai-models",
            _("Models, as OpenAI lists them"),
            _("The models that can be called."),
            ("/v1/models", "/v1/models/{model}"),
        ),
    ),
)
GEMINI = Group(
    _("Gemini-compatible"),
    (
        *_of_mount(operations.GEMINI),
        Page(
            "gemini-count-tokens",
            _("Token counts, as Gemini's"),
            _("How many tokens a prompt is, by our estimate. Asking is free of charge."),
            ("/v1beta/models/{model}:countTokens",),
        ),
        Page(
            "gemini-models",
            _("Models, as Google lists them"),
            _("The models that can be called."),
            ("/v1beta/models", "/v1beta/models/{model}"),
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
GROUPS = (GUIDES, CONCEPTS, OMAKASE, API_IN_ONE, OPENAI, GEMINI, ACCOUNT, MORE)


def every_page() -> Iterator[Page]:
    """All pages, in the order of the navigation."""
    for group in GROUPS:
        yield from group.pages


def page_of(slug: str, *, reference: bool) -> Page | None:
    """The guide, or the reference page, of that slug."""
    return next(
        (page for page in every_page() if page.slug == slug and bool(page.addresses) is reference), None
    )


def neighbours(page: Page) -> tuple[Page | None, Page | None]:
    """The pages before and after this one."""
    pages = list(every_page())
    place = pages.index(page)
    before = pages[place - 1] if place > 0 else None
    after = pages[place + 1] if place + 1 < len(pages) else None
    return before, after
