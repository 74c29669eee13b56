"""What has changed for callers, newest first: the API changelog."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Change:
    """One version of the API. `id` is what links to it."""

    id: str
    title: Text
    lines: tuple[Text, ...]


CHANGES = (
    Change(
        "1",
        _("Version 1"),
        (
            _(
                "Text, embeddings, re-ranking, speech, transcription, voice clone, vision, music and images on the "
                "Omakase addresses."
            ),
            _(
                "Images, videos, music, dialogue and the three tools as tasks on API in One's addresses; cancel, list "
                "and callbacks."
            ),
            _(
                "Chat, embeddings, images, speech, transcriptions, translations and rerank on /v1 for OpenAI's clients."
            ),
            _("Legacy completions, moderations and edits of images on /v1 too."),
            _(
                "Keys with scopes, caps, expiry and rotation; credits, ledger, receipts, summaries and CSV from a "
                "program."
            ),
            _("Idempotency-Key on every call that costs something."),
        ),
    ),
)
