"""The request that the workbench ran, as source text: curl, Python (httpx and openai), JavaScript. Pure.

The platform's address is written out; the key is read from AIO_API_KEY, in place of the browser's session.
"""

import json
import re
from collections.abc import Mapping
from pprint import pformat
from typing import Any, NamedTuple

from gateway.openapi import code_samples
from gateway.openapi.examples import example_of
from gateway.openapi.presentation import Example
from gateway.pages.workbench_endpoints import WorkbenchEndpoint

DEFAULT_FILE_NAME = "file"
OPENAI_CHAT_PATH = "/chat/completions"
# What openai's client takes as arguments of its own; anything else of a body goes in extra_body.
OPENAI_CHAT_FIELDS = frozenset(
    {
        "frequency_penalty", "logit_bias", "logprobs", "max_completion_tokens", "max_tokens", "messages", "metadata",
        "model", "n", "parallel_tool_calls", "presence_penalty", "reasoning_effort", "response_format", "seed",
        "stop", "store", "stream", "stream_options", "temperature", "tool_choice", "tools", "top_logprobs", "top_p",
        "user",
    }
)  # fmt: skip
_SHELL_BASE = "$AIO_BASE_URL"
_PYTHON_BASE = "{os.environ['AIO_BASE_URL']}"
_JAVASCRIPT_BASE = "${process.env.AIO_BASE_URL}"
_IS_UNSAFE_IN_NAMES = re.compile(r'["\\\x00-\x1f\x7f$`]')


class Code(NamedTuple):
    """One language's program."""

    language: str
    label: str
    source: str


def code_of(
    endpoint: WorkbenchEndpoint, base_url: str, values: Mapping[str, Any], file_name: str | None
) -> list[Code]:
    """The same request four times."""
    request = _request(endpoint, values, file_name)
    method, path = endpoint.method, endpoint.path
    streams = values.get("stream") is True and endpoint.is_chat
    # The address comes before everything that a person wrote, so the first place is the right one.
    curl = code_samples.curl(method, path, request).replace(_SHELL_BASE, base_url, 1)
    if streams:
        curl = curl.replace("curl ", "curl --no-buffer ", 1)
        python, javascript = (
            _streamed_python(path, base_url, values),
            _streamed_javascript(path, base_url, values),
        )
    else:
        python = code_samples.python(method, path, request).replace(_PYTHON_BASE, base_url, 1)
        python = python.replace('    f"http', '    "http', 1)
        javascript = code_samples.javascript(method, path, request).replace(_JAVASCRIPT_BASE, base_url, 1)
    return [
        Code("curl", "curl", curl),
        Code("python", "Python (httpx)", python),
        Code("openai", "Python (openai)", _openai(endpoint, base_url, request, streams)),
        Code("javascript", "JavaScript", javascript),
    ]


def _request(endpoint: WorkbenchEndpoint, values: Mapping[str, Any], file_name: str | None) -> Example:
    example = example_of(endpoint.method, endpoint.path) or Example()
    if not endpoint.has_body:
        return Example()
    if not endpoint.file_field:
        return Example(dict(values), save_as=example.save_as)
    name = _IS_UNSAFE_IN_NAMES.sub("_", file_name or "") or DEFAULT_FILE_NAME
    fields = {field: str(text) for field, text in values.items()}
    return Example(fields=fields, files={endpoint.file_field: name}, save_as=example.save_as)


def _streamed_python(path: str, base_url: str, values: Mapping[str, Any]) -> str:
    return f"""import os

import httpx

with httpx.stream(
    "POST",
    "{base_url}{path}",
    headers={{"Authorization": f"Bearer {{os.environ['AIO_API_KEY']}}"}},
    json={_literal(values, 4)},
    timeout=120,
) as answer:
    answer.raise_for_status()
    for line in answer.iter_lines():
        print(line)
"""


def _streamed_javascript(path: str, base_url: str, values: Mapping[str, Any]) -> str:
    body = json.dumps(values, indent=2, ensure_ascii=False).replace("\n", "\n  ")
    return f"""const answer = await fetch(`{base_url}{path}`, {{
  method: "POST",
  headers: {{
    Authorization: `Bearer ${{process.env.AIO_API_KEY}}`,
    "Content-Type": "application/json",
  }},
  body: JSON.stringify({body}),
}});
if (!answer.ok) throw new Error(`${{answer.status}}: ${{await answer.text()}}`);
for await (const piece of answer.body.pipeThrough(new TextDecoderStream())) process.stdout.write(piece);
"""


def _openai(endpoint: WorkbenchEndpoint, base_url: str, request: Example, streams: bool) -> str:
    """With openai's client: its chat where that is the address, else its way to call any address."""
    is_chat = endpoint.path.endswith(OPENAI_CHAT_PATH)
    mount = endpoint.path.removesuffix(OPENAI_CHAT_PATH) if is_chat else ""
    lines = ["import os", "", *([] if is_chat else ["import httpx"]), "from openai import OpenAI", ""]
    lines.append(f'client = OpenAI(base_url="{base_url}{mount}", api_key=os.environ["AIO_API_KEY"])')
    if is_chat:
        assert request.json is not None
        lines += _openai_chat(request.json, streams)
    else:
        lines += _openai_other(endpoint, request)
    return "\n".join(lines) + "\n"


def _openai_chat(values: Mapping[str, Any], streams: bool) -> list[str]:
    known = {name: value for name, value in values.items() if name in OPENAI_CHAT_FIELDS}
    arguments = [f"    {name}={_literal(value, 4)}," for name, value in known.items()]
    extra = {name: value for name, value in values.items() if name not in OPENAI_CHAT_FIELDS}
    if extra:
        arguments.append(f"    extra_body={_literal(extra, 4)},")
    called = ["client.chat.completions.create(", *arguments, ")"]
    if not streams:
        return [f"answer = {called[0]}", *called[1:], "print(answer.choices[0].message.content)"]
    return [
        f"chunks = {called[0]}",
        *called[1:],
        "for chunk in chunks:",
        "    if chunk.choices:",
        '        print(chunk.choices[0].delta.content or "", end="", flush=True)',
        "print()",
    ]


def _openai_other(endpoint: WorkbenchEndpoint, request: Example) -> list[str]:
    lines = [f"answer = client.{endpoint.method}(", f'    "{endpoint.path}",', "    cast_to=httpx.Response,"]
    if request.json is not None:
        lines.append(f"    body={_literal(request.json, 4)},")
    if request.files:
        if request.fields:
            lines.append(f"    body={_literal(request.fields, 4)},")
        files = ", ".join(f'"{field}": open("{name}", "rb")' for field, name in request.files.items())
        lines.append(f"    files={{{files}}},")
        lines.append('    options={"headers": {"Content-Type": "multipart/form-data"}},')
    lines.append(")")
    if request.save_as is None:
        return [*lines, "print(answer.json())"]
    return [*lines, f'with open("{request.save_as}", "wb") as file:', "    file.write(answer.content)"]


def _literal(value: Any, spaces: int) -> str:
    plain = dict(value) if isinstance(value, Mapping) else value
    return pformat(plain, width=80, sort_dicts=False).replace("\n", "\n" + " " * spaces)
