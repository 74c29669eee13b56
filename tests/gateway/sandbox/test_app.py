"""Finding routes, and what applies to a request before its protocol sees it."""

import pytest

from gateway.sandbox import dialects
from gateway.sandbox.app import Router
from gateway.sandbox.wire import Route


def answer(call):
    raise AssertionError("never called")


@pytest.fixture
def router():
    paths = ("/plain", "/a/{id}", "/a/{id}/cancel", "/deep/{model:path}/end")
    return Router(Route("POST", path, answer, dialects.openai) for path in paths)


@pytest.mark.parametrize(
    ("path", "route", "params"),
    [
        ("/plain", "/plain", {}),
        ("/a/7", "/a/{id}", {"id": "7"}),
        ("/a/7/cancel", "/a/{id}/cancel", {"id": "7"}),
        ("/deep/x/y/end", "/deep/{model:path}/end", {"model": "x/y"}),
    ],
)
def test_path_finds_its_route_and_its_parts(router, path, route, params):
    found, parts = router.find("POST", path)
    assert (found.path, parts) == (route, params)


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/plain/"), ("POST", "/a/"), ("GET", "/a/7"), ("GET", "/plain")]
)
def test_no_other_path_finds_one(router, method, path):
    assert router.find(method, path)[0].path == "*"


def test_default_for_a_prefix_applies_to_the_paths_below(sandbox):
    sandbox.post("/__sandbox/scenarios", json={"path": "/v1/predictions/*", "magic": "status=502"})
    assert sandbox.get("/v1/predictions/some-id").status_code == 502
    assert sandbox.get("/v1/predictions-not/x").status_code == 404


@pytest.mark.parametrize(
    ("path", "request_body"),
    [
        ("/v1/embeddings", {"json": {"model": "sbx-fail", "input": "x"}}),
        ("/v1/audio/speech", {"json": {"model": "sbx-fail", "input": "x"}}),
        ("/api/v1/jobs/createTask", {"json": {"model": "sbx-fail", "input": {}}}),
        ("/api/v3/wavespeed-ai/sbx-fail", {"json": {"prompt": "x"}}),
        ("/v1beta/models/sbx-fail:generateContent", {"json": {"contents": [{"parts": [{"text": "x"}]}]}}),
        ("/v1/audio/transcriptions", {"data": {"model": "sbx-fail"}, "files": {"file": b"x"}}),
    ],
    ids=str,
)
def test_failing_model_fails_in_every_protocol(sandbox, path, request_body):
    assert sandbox.post(path, **request_body).status_code == 500


def test_large_upload_is_read_in_full(sandbox):
    response = sandbox.post("/stt", files={"file": ("a.bin", b"\x07" * 5_000_000)})
    assert response.json()["duration"] == 1250.0
    assert sandbox.journal()[-1]["request_bytes"] == int(response.request.headers["content-length"])
