"""Google's Gemini, as its API and Vertex speak it: POST /v1beta/models/{model}:generateContent.

The catalog's upstream says `auth = "x-goog-api-key"`. Source: Google's Gemini API reference.
"""

from urllib.parse import quote

from gateway.adapters.chat.dialect_server import DialectServer
from gateway.dialects.gemini.dialect import GEMINI

SERVES = frozenset({"chat"})
SPEAKS_DIALECTS = True


def path_of(model: str, streamed: bool) -> str:
    """Where a model is asked."""
    method = "streamGenerateContent" if streamed else "generateContent"
    return f"/v1beta/models/{quote(model, safe='')}:{method}"


_SERVER = DialectServer(
    GEMINI,
    path=path_of,
    limit_field=("generationConfig", "maxOutputTokens"),
    is_named=False,
    streamed_query=(("alt", "sse"),),
)
ceiling = _SERVER.ceiling
left_out = _SERVER.left_out
steps = _SERVER.steps
