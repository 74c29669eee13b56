"""The same request with Google's own Python client, for the addresses that it can call."""

from pprint import pformat
from typing import Any

from gateway.openapi.presentation import GenaiCall, presented_views

_OF_NO_ENDPOINT = {
    ("post", "/v1beta/models/{model}:countTokens"): GenaiCall(
        "count_tokens", {"model": "gemini", "contents": "Hello!"}
    ),
    ("get", "/v1beta/models"): GenaiCall("list", {}),
    ("get", "/v1beta/models/{model}"): GenaiCall("get", {"model": "gemini"}),
}
# Methods whose answer is read piece by piece.
_ITERATED = ("generate_content_stream", "list")


def genai_call_of(method: str, path: str) -> GenaiCall | None:
    """How Google's client calls an address; None for one that it does not know."""
    if (method, path) in _OF_NO_ENDPOINT:
        return _OF_NO_ENDPOINT[method, path]
    view = presented_views().get((method, path))
    return None if view is None else view.genai_call


def genai_python(method: str, path: str) -> str | None:
    """A program that needs google-genai; None for an address that its client does not know."""
    call = genai_call_of(method, path)
    if call is None:
        return None
    given = [f"    {name}={_literal(value)}," for name, value in call.arguments.items()]
    asked = f"client.models.{call.method}"
    lines = [
        "import os",
        "",
        "from google import genai",
        "",
        "client = genai.Client(",
        '    api_key=os.environ["AIO_API_KEY"],',
        '    http_options={"base_url": f"{os.environ[\'AIO_BASE_URL\']}"},',
        ")",
        *([f"answer = {asked}(", *given, ")"] if given else [f"answer = {asked}()"]),
        *(["for each in answer:", "    print(each)"] if call.method in _ITERATED else ["print(answer)"]),
    ]
    return "\n".join(lines) + "\n"


def _literal(value: Any) -> str:
    return pformat(value, width=80, sort_dicts=False).replace("\n", "\n    ")
