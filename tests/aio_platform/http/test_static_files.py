"""Files of pages: browsers take a module as a script, and never keep an old one beside new ones."""

from typing import Any

import pytest
from django.test import Client

FILES = {
    "/static/aio.css": "text/css",
    "/static/page/menu.mjs": "text/javascript",
    "/static/workbench/main.mjs": "text/javascript",
    "/static/workbench/sse.mjs": "text/javascript",
    "/static/charts/main.mjs": "text/javascript",
}


def get(path: str, **headers: str) -> tuple[Any, bytes]:
    """The answer, closed, and what it said."""
    answer: Any = Client(headers={name.replace("_", "-"): value for name, value in headers.items()}).get(path)
    body = b"".join(answer.streaming_content)
    answer.close()
    return answer, body


@pytest.mark.parametrize("path", FILES)
def test_a_file_has_its_type_and_is_asked_for_each_time(path: str) -> None:
    answer, body = get(path)

    assert answer.status_code == 200
    assert body
    assert answer["Content-Type"].partition(";")[0] == FILES[path]
    assert answer["Cache-Control"] == "max-age=0, public"
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_a_file_that_has_not_changed_is_not_sent_again() -> None:
    path = "/static/workbench/main.mjs"
    first, _ = get(path)

    again, body = get(path, if_none_match=first["ETag"])

    assert again.status_code == 304
    assert body == b""
