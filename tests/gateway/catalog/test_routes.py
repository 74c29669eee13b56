"""The snapshot: one look-up from what a caller names to the routes that may carry the call."""

from dataclasses import FrozenInstanceError

import pytest

from aio_platform.errors import NotFound
from gateway.catalog.routes import Catalog, ModelInfo, Route, UnknownModel, Upstream
from usage.ledger.rates import Rate

UPSTREAM = Upstream("first", "http://127.0.0.1:9000", api_key="sk-secret", headers={"X-Key": "secret"})
RATE = Rate.of(7, "chat-small", 1, ())


def route(name: str, model: str = "small", priority: int = 0, endpoint: str = "chat") -> Route:
    return Route(name, endpoint, model, UPSTREAM, "openai_chat", model, RATE, priority)


CATALOG = Catalog.of(
    3,
    [
        ModelInfo("small", 1, "acme", "Small", aliases=("tiny", "little"), endpoints=("chat", "vision")),
        ModelInfo("large", 2, "acme", "Large", endpoints=("chat",)),
    ],
    [
        route("third", priority=5),
        route("first", priority=1),
        route("second", priority=1),
        route("seeing", endpoint="vision"),
        route("other", model="large"),
    ],
    {"chat": "small", "vision": "small"},
)


@pytest.mark.parametrize("model", ["small", "tiny", "little", None])
def test_routes_come_by_priority_then_in_the_order_of_the_file(model: str | None) -> None:
    assert [found.name for found in CATALOG.routes_for("chat", model)] == ["first", "second", "third"]
    assert [found.name for found in CATALOG.routes_for("vision", model)] == ["seeing"]


def test_a_slug_that_is_no_default_has_its_own_routes() -> None:
    assert [found.name for found in CATALOG.routes_for("chat", "large")] == ["other"]


@pytest.mark.parametrize(
    ("endpoint", "model", "message"),
    [
        ("chat", "huge", "The model 'huge' does not exist."),
        ("chat", "", "The model '' does not exist."),
        ("chat", "Small", "The model 'Small' does not exist."),
        ("chat", "x" * 5000, f"The model '{'x' * 100}…' does not exist."),
        ("vision", "large", "The model 'large' does not serve this endpoint."),
        ("rerank", "tiny", "The model 'tiny' does not serve this endpoint."),
        ("rerank", None, "No model serves this endpoint."),
    ],
)
def test_what_is_not_there_is_a_404_that_names_the_field(
    endpoint: str, model: str | None, message: str
) -> None:
    with pytest.raises(UnknownModel) as raised:
        CATALOG.routes_for(endpoint, model)
    assert isinstance(raised.value, NotFound)
    assert (raised.value.status, raised.value.param, raised.value.message) == (404, "model", message)


def test_models_are_listed_in_the_order_of_the_file() -> None:
    assert [model.slug for model in CATALOG.models()] == ["small", "large"]


def test_the_default_model_of_an_endpoint() -> None:
    assert CATALOG.default_model("chat") == "small"
    with pytest.raises(UnknownModel):
        CATALOG.default_model("rerank")


def test_a_snapshot_does_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        CATALOG.version = 4  # type: ignore[misc]
    CATALOG.models().clear()
    assert len(CATALOG.models()) == 2


def test_secrets_are_not_shown_and_upstreams_can_be_keys() -> None:
    assert "secret" not in repr(CATALOG.routes_for("chat", None))
    same = Upstream("first", "http://127.0.0.1:9000", api_key="sk-secret", headers={"X-Key": "secret"})
    assert {UPSTREAM: 1}[same] == 1
