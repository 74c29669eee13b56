"""One example of every operation's request, for the OpenAPI document and its code samples.

Where the two public documents have an example, it is theirs. An endpoint's stands with its view; here are those of
the account's own API.
"""

import re
from collections.abc import Mapping

from gateway.openapi.presentation import Example, presented_views

REQUEST_ID = "req_01a200b4d7747511a7bd81dd7e0e0ff6"
KEY_ID = "key_2f9c1b7e4a6d"
TASK_ID = "n41xxxx_flux2"
# What stands for the variables of paths.
PATH_EXAMPLES = {"request_id": REQUEST_ID, "key_id": KEY_ID, "task_id": TASK_ID, "model": "gemini"}
OF_NO_ENDPOINT: Mapping[tuple[str, str], Example] = {
    ("post", "/api/v1/keys"): Example({"name": "production", "cap_month": "500"}),
    ("patch", "/api/v1/keys/{key_id}"): Example({"name": "production, Seoul", "cap_day": "25"}),
    ("post", "/api/v1/keys/{key_id}/rotate"): Example({"overlap_s": 3600}),
    ("get", "/api/v1/usage/export.csv"): Example(save_as="usage.csv"),
    ("put", "/api/v1/callbacks/endpoint"): Example({"url": "https://example.com/hooks/aio"}),
    ("post", "/api/v1/callbacks/secret"): Example({"overlap_s": 3600}),
    ("post", "/v1/messages/count_tokens"): Example(
        {"model": "gemini", "messages": [{"role": "user", "content": "Hello!"}]}
    ),
    ("post", "/v1beta/models/{model}:countTokens"): Example({"contents": [{"parts": [{"text": "Hello!"}]}]}),
}
_VARIABLE = re.compile(r"\{(\w+)\}")


def example_of(method: str, path: str) -> Example | None:
    """The example of an operation, by its method in small letters; None where there is nothing to say."""
    view = presented_views().get((method, path))
    return OF_NO_ENDPOINT.get((method, path)) if view is None else view.example


def variables_of(path: str) -> list[str]:
    """The names of a path's variables."""
    return _VARIABLE.findall(path)


def example_address(path: str, example: Example) -> str:
    """The path with its variables filled in; one that has no example stays."""
    values = {**PATH_EXAMPLES, **example.path}
    return _VARIABLE.sub(lambda found: values.get(found[1], found[0]), path)
