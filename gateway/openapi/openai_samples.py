"""The same request with OpenAI's own Python client, for the addresses that it can call."""

from pprint import pformat
from typing import Any, NamedTuple

from gateway.openapi.examples import Example


class ClientCall(NamedTuple):
    """A method of the client, the mount it is pointed at, and the fields it knows; others go into extra_body."""

    method: str
    mount: str
    fields: frozenset[str]


_CHAT = frozenset(
    [
        "messages",
        "model",
        "frequency_penalty",
        "max_completion_tokens",
        "max_tokens",
        "n",
        "parallel_tool_calls",
        "presence_penalty",
        "reasoning_effort",
        "response_format",
        "seed",
        "stop",
        "stream",
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
        "top_p",
        "user",
    ]
)
_TRANSCRIPT = frozenset(["file", "model", "prompt", "response_format", "temperature"])
CALLS = {
    ("post", "/v1/chat/completions"): ClientCall("chat.completions.create", "/v1", _CHAT),
    ("post", "/api/v1/chat/completions"): ClientCall("chat.completions.create", "/api/v1", _CHAT),
    ("post", "/v1/embeddings"): ClientCall(
        "embeddings.create", "/v1", frozenset(["input", "model", "dimensions", "encoding_format", "user"])
    ),
    ("post", "/v1/images/generations"): ClientCall(
        "images.generate",
        "/v1",
        frozenset(
            [
                "prompt",
                "model",
                "n",
                "size",
                "response_format",
                "output_format",
                "quality",
                "background",
                "style",
                "user",
            ]
        ),
    ),
    ("post", "/v1/audio/speech"): ClientCall(
        "audio.speech.create",
        "/v1",
        frozenset(["input", "model", "voice", "instructions", "response_format", "speed", "stream_format"]),
    ),
    ("post", "/v1/audio/transcriptions"): ClientCall(
        "audio.transcriptions.create", "/v1", _TRANSCRIPT | {"language", "timestamp_granularities"}
    ),
    ("post", "/v1/audio/translations"): ClientCall("audio.translations.create", "/v1", _TRANSCRIPT),
    ("get", "/v1/models"): ClientCall("models.list", "/v1", frozenset()),
}


def openai_python(method: str, address: str, example: Example) -> str | None:
    """A program that needs openai; None for an address that its client does not know."""
    call = CALLS.get((method, address))
    if call is None:
        return None
    values: dict[str, Any] = {**(example.json or {}), **example.fields}
    known = [f"    {name}={_literal(value, 4)}," for name, value in values.items() if name in call.fields]
    known += [f'    {name}=open("{file}", "rb"),' for name, file in example.files.items()]
    extra = {name: value for name, value in values.items() if name not in call.fields}
    if extra:
        known.append(f"    extra_body={_literal(extra, 4)},")
    lines = [
        "import os",
        "",
        "from openai import OpenAI",
        "",
        "client = OpenAI(",
        f"    base_url=f\"{{os.environ['AIO_BASE_URL']}}{call.mount}\",",
        '    api_key=os.environ["AIO_API_KEY"],',
        ")",
        *(
            [f"answer = client.{call.method}(", *known, ")"]
            if known
            else [f"answer = client.{call.method}()"]
        ),
    ]
    if example.save_as is not None:
        lines.append(f'answer.write_to_file("{example.save_as}")')
    elif values.get("stream"):
        lines += ["for chunk in answer:", "    print(chunk)"]
    else:
        lines.append("print(answer)")
    return "\n".join(lines) + "\n"


def _literal(value: Any, spaces: int) -> str:
    return pformat(value, width=80, sort_dicts=False).replace("\n", "\n" + " " * spaces)
