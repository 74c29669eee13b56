"""The same request with OpenAI's own Python client, for the addresses that it can call."""

import re
from pprint import pformat
from typing import Any

from gateway.openapi.examples import PATH_EXAMPLES
from gateway.openapi.presentation import Example, OpenAICall, presented_views

_MOUNT = re.compile(r"(/api)?/v1(?=/)")
_OF_NO_ENDPOINT = {
    ("get", "/v1/models"): OpenAICall("models.list", frozenset()),
    ("get", "/v1/models/{model}"): OpenAICall("models.retrieve", frozenset({"model"})),
}


def openai_call_of(method: str, path: str) -> OpenAICall | None:
    """How OpenAI's client calls an address; None for one that it does not know."""
    if (method, path) in _OF_NO_ENDPOINT:
        return _OF_NO_ENDPOINT[method, path]
    view = presented_views().get((method, path))
    return None if view is None else view.openai_call


def openai_python(method: str, address: str, example: Example) -> str | None:
    """A program that needs openai; None for an address that its client does not know."""
    call, mount = openai_call_of(method, address), _MOUNT.match(address)
    if call is None or mount is None:
        return None
    in_path = {name: value for name, value in PATH_EXAMPLES.items() if f"{{{name}}}" in address}
    values: dict[str, Any] = {**in_path, **(example.json or {}), **example.fields}
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
        f"    base_url=f\"{{os.environ['AIO_BASE_URL']}}{mount.group()}\",",
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
