"""The OpenAPI document's examples in curl, Python and JavaScript: source text from a request, nothing else.

Each reads AIO_BASE_URL and AIO_API_KEY from its environment, so it runs unchanged for a reader, and in the test that
runs every one of them. `add_code_samples` is a postprocessing hook of drf-spectacular.
"""

import json
import re
from collections.abc import Mapping
from pprint import pformat
from typing import Any

from gateway.openapi.examples import example_address, example_of
from gateway.openapi.presentation import Example

_SAYS_MORE_TO_CURL = re.compile(r'^[@<"(]|[;,]')


def add_code_samples(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """The hook: an `example` for every body that has none, and `x-codeSamples` for every operation."""
    for path, methods in result["paths"].items():
        for method, operation in methods.items():
            example = example_of(method, path) or Example()
            for media in operation.get("requestBody", {}).get("content", {}).values():
                if "example" not in media and "examples" not in media:
                    media["example"] = dict(example.json or {**example.files, **example.fields})
            operation["x-codeSamples"] = samples_of(method, path, example)
    return result


def samples_of(method: str, path: str, example: Example) -> list[dict[str, str]]:
    """The same request three times, as documentation tools take it."""
    address = example_address(path, example)
    return [
        {"lang": "Shell", "label": "curl", "source": curl(method, address, example)},
        {"lang": "Python", "label": "Python", "source": python(method, address, example)},
        {"lang": "JavaScript", "label": "JavaScript", "source": javascript(method, address, example)},
    ]


def curl(method: str, address: str, example: Example) -> str:
    """A line for a shell; it fails where the platform refuses, and still shows why."""
    verb = "" if method == "get" or (method == "post" and _has_body(example)) else f" -X {method.upper()}"
    lines = [f'curl --fail-with-body{verb} "$AIO_BASE_URL{address}"']
    lines.append('-H "Authorization: Bearer $AIO_API_KEY"')
    if example.json is not None:
        lines.append('-H "Content-Type: application/json"')
        lines.append(f"-d {_quoted_for_shell(_pretty(example.json))}")
    lines += [f"-F {_quoted_for_shell(f'{name}=@{_file(file)}')}" for name, file in example.files.items()]
    lines += [
        f"{_field_option(value)} {_quoted_for_shell(f'{name}={value}')}"
        for name, value in example.fields.items()
    ]
    if example.save_as is not None:
        lines.append(f"--output {example.save_as}")
    return " \\\n  ".join(lines) + "\n"


def python(method: str, address: str, example: Example) -> str:
    """A program that needs httpx."""
    lines = [
        "import os",
        "",
        "import httpx",
        "",
        f"answer = httpx.{method}(",
        f"    f\"{{os.environ['AIO_BASE_URL']}}{address}\",",
        '    headers={"Authorization": f"Bearer {os.environ[\'AIO_API_KEY\']}"},',
    ]
    if example.json is not None:
        lines.append(f"    json={_indented(_python_literal(example.json))},")
    if example.fields:
        lines.append(f"    data={_indented(_python_literal(example.fields))},")
    if example.files:
        files = ", ".join(f'"{name}": open("{file}", "rb")' for name, file in example.files.items())
        lines.append(f"    files={{{files}}},")
    lines += ["    timeout=120,", ")", "answer.raise_for_status()"]
    if example.save_as is None:
        lines.append("print(answer.json())")
    else:
        lines += [f'with open("{example.save_as}", "wb") as file:', "    file.write(answer.content)"]
    return "\n".join(lines) + "\n"


def javascript(method: str, address: str, example: Example) -> str:
    """A module for Node.js 20, which needs nothing beside it."""
    imports, before = [], []
    headers = ["    Authorization: `Bearer ${process.env.AIO_API_KEY}`,"]
    options = [f'  method: "{method.upper()}",'] if method != "get" else []
    body = []
    if example.json is not None:
        headers.append('    "Content-Type": "application/json",')
        body = [f"  body: JSON.stringify({_indented(_pretty(example.json), 2)}),"]
    elif example.files:
        imports.append('import { openAsBlob } from "node:fs";')
        before = ["const form = new FormData();"]
        before += [
            f'form.append("{name}", await openAsBlob("{file}"), "{file}");'
            for name, file in example.files.items()
        ]
        before += [
            f"form.append({json.dumps(name)}, {json.dumps(value, ensure_ascii=False)});"
            for name, value in example.fields.items()
        ]
        body = ["  body: form,"]
    if example.save_as is None:
        after = ["console.log(await answer.json());"]
    else:
        imports.append('import { writeFile } from "node:fs/promises";')
        after = [f'await writeFile("{example.save_as}", Buffer.from(await answer.arrayBuffer()));']
    request = [
        f"const answer = await fetch(`${{process.env.AIO_BASE_URL}}{address}`, {{",
        *options,
        "  headers: {",
        *headers,
        "  },",
        *body,
        "});",
        "if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);",
    ]
    return "\n".join([*imports, *([""] if imports else []), *before, *request, *after]) + "\n"


def _has_body(example: Example) -> bool:
    return example.json is not None or bool(example.files)


def _file(name: str) -> str:
    """In curl's own quotes where a name has what curl reads as more than a name."""
    return f'"{name}"' if _SAYS_MORE_TO_CURL.search(name) else name


def _field_option(value: str) -> str:
    """-F reads a file for a value that begins with @ or <, and options after a semicolon."""
    return "--form-string" if _SAYS_MORE_TO_CURL.search(value) else "-F"


def _pretty(values: Mapping[str, Any]) -> str:
    return json.dumps(values, indent=2, ensure_ascii=False)


def _python_literal(values: Mapping[str, Any]) -> str:
    return pformat(dict(values), width=80, sort_dicts=False)


def _indented(text: str, spaces: int = 4) -> str:
    return text.replace("\n", "\n" + " " * spaces)


def _quoted_for_shell(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
