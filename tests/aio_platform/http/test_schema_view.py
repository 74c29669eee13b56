"""/api/schema is made once in a process, and who has it is not sent it again (issue 10, item 13)."""

import gzip
import json
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator

from aio_platform.http import schema_view

JSON = "application/vnd.oai.openapi+json"


def test_it_is_made_once_however_often_it_is_asked_for(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    schema_view._rendered.cache_clear()
    made = []
    make = SchemaGenerator.get_schema

    def counted(self: SchemaGenerator, *arguments: Any, **keywords: Any) -> Any:
        made.append(1)
        return make(self, *arguments, **keywords)

    monkeypatch.setattr(SchemaGenerator, "get_schema", counted)
    first = client.get("/api/schema", headers={"Accept": JSON})
    for language in ("ko", "en", "fr"):
        again = client.get(
            f"/api/schema?lang={language}", headers={"Accept": JSON, "Accept-Language": language}
        )
        assert again.content == first.content
    assert made == [1]
    assert json.loads(first.content)["openapi"].startswith("3.1.")
    assert first["Content-Type"] == JSON


def test_it_is_yaml_unless_json_is_asked_for(client: Any) -> None:
    assert client.get("/api/schema").content.startswith(b"openapi: 3.1")
    assert client.get("/api/schema?format=json").json()["openapi"].startswith("3.1.")


def test_who_has_it_is_told_that_it_is_the_same(client: Any) -> None:
    tag = client.get("/api/schema")["ETag"]
    unchanged = client.get("/api/schema", headers={"If-None-Match": tag})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert client.get("/api/schema?format=json", headers={"If-None-Match": tag}).status_code == 200


def test_it_is_compressed_for_who_takes_that(client: Any) -> None:
    plain = client.get("/api/schema")
    packed = client.get("/api/schema", headers={"Accept-Encoding": "gzip, br"})
    assert packed["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    assert packed["ETag"] != plain["ETag"]
    assert "Accept-Encoding" in packed["Vary"]
