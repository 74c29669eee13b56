"""Each preset is a catalog that loads as it is, alone and beside others, and says where its prices are from."""

import itertools
import json
import tomllib
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from gateway.catalog import presets
from gateway.catalog.parser import CatalogDescription, parse_catalog
from gateway.catalog.presets import Preset
from gateway.catalog.routes import ADAPTERS

ALL = presets.presets()
NAMES = [preset.name for preset in ALL]
PROMISED = (
    "openai anthropic gemini azure openrouter groq deepseek mistral xai upstage kie fal replicate wavespeed vllm"
    " ollama tei cohere jina"
)
OWN_SERVERS = {"vllm", "ollama", "tei"}


def parse(text: str, variables: Any) -> CatalogDescription:
    environ = dict.fromkeys(variables, "https://example.com")
    return parse_catalog(text, file="preset.toml", adapters=ADAPTERS, environ=environ)


def printed(*arguments: str) -> str:
    out = StringIO()
    call_command("catalog_preset", *arguments, stdout=out)
    return out.getvalue()


def test_these_are_there() -> None:
    assert sorted(NAMES) == sorted(PROMISED.split())


@pytest.mark.parametrize("preset", ALL, ids=NAMES)
def test_it_loads_as_it_is_once_its_variables_are_set(preset: Preset) -> None:
    catalog = parse(preset.text, preset.variables)
    assert [model.slug for model in catalog.models] == list(preset.models)
    assert {route.endpoint for route in catalog.routes} == set(preset.endpoints) == set(catalog.defaults)
    assert {route.upstream.name for route in catalog.routes} == set(catalog.upstreams)
    assert {route.rate.name for route in catalog.routes} == set(catalog.rates)
    assert all(upstream.base_url.startswith("https://") for upstream in catalog.upstreams.values())


@pytest.mark.parametrize("preset", ALL, ids=NAMES)
def test_it_says_what_to_set_and_where_its_prices_are_from(preset: Preset) -> None:
    head = " ".join(preset.text.partition("\n\n")[0].replace("\n# ", " ").replace("\n#", " ").split())
    assert all(name in head for name in preset.variables)
    if preset.prices_read is None:
        assert "examples" in head if preset.name in OWN_SERVERS else "could not be confirmed" in head
    else:
        assert "https://" in head
        assert "A credit is counted as one US cent." in preset.text
    free = [price for prices in parse(preset.text, preset.variables).rates.values() for price in prices]
    assert all(price.microcredits > 0 for price in free)


@pytest.mark.parametrize("preset", ALL, ids=NAMES)
def test_reading_a_cache_costs_less_than_other_input_and_writing_it_more(preset: Preset) -> None:
    for rate in tomllib.loads(preset.text)["rates"].values():
        given = {unit: Decimal(price["credits"]) for unit, price in rate.items()}
        read, written = given.get("cache_read_tokens"), given.get("cache_write_tokens")
        if read is not None:
            assert read < given["tokens_in"]
        if written is not None:
            assert given["tokens_in"] < written < given.get("cache_write_1h_tokens", Decimal("Infinity"))


@pytest.mark.parametrize("preset", ALL, ids=NAMES)
def test_it_loads_beside_every_other(preset: Preset) -> None:
    for other in ALL:
        if other is not preset:
            both = parse(presets.catalog_of([preset.name, other.name]), {*preset.variables, *other.variables})
            assert len(both.routes) == sum(
                len(tomllib.loads(each.text)["routes"]) for each in (preset, other)
            )


def test_all_of_them_are_one_catalog_whose_defaults_are_those_of_the_first() -> None:
    for order in (NAMES, NAMES[::-1]):
        text = presets.catalog_of(order)
        variables = itertools.chain.from_iterable(preset.variables for preset in ALL)
        catalog = parse(text, variables)
        assert len(catalog.models) == len({slug for preset in ALL for slug in preset.models})
        first = presets.find(next(name for name in order if "chat" in presets.find(name).endpoints))
        assert catalog.defaults["chat"] == parse(first.text, first.variables).defaults["chat"]


def test_a_model_that_two_have_has_the_routes_of_both() -> None:
    catalog = tomllib.loads(presets.catalog_of(["replicate", "fal"]))
    assert [model["slug"] for model in catalog["models"]].count("seedance-1-5-pro") == 1
    routes = [route for route in catalog["routes"] if route["model"] == "seedance-1-5-pro"]
    assert [(route["upstream"], route.get("default")) for route in routes] == [
        ("replicate", True),
        ("fal", None),
    ]


def test_the_same_preset_twice_is_once() -> None:
    assert presets.catalog_of(["openai", "openai"]) == presets.catalog_of(["openai"])


def test_one_alone_is_its_file() -> None:
    for preset in ALL:
        assert tomllib.loads(presets.catalog_of([preset.name])) == tomllib.loads(preset.text)


@pytest.mark.parametrize(
    ("credits_per_dollar", "price"), [("100", "13"), ("130", "16.9"), ("0.3333333", "0.043334")]
)
def test_prices_are_written_at_what_a_dollar_is_here(credits_per_dollar: str, price: str) -> None:
    text = printed("openai", f"--credits-per-dollar={credits_per_dollar}")
    rate = tomllib.loads(text)["rates"]["text-embedding-3-large"]
    assert rate == {"tokens_in": {"credits": price, "per": 1_000_000}}
    assert ("one US cent" in text) is (Decimal(credits_per_dollar) == 100)
    parse(text, presets.find("openai").variables)


@pytest.mark.parametrize("number", ["0", "-1", "nan", "many"])
def test_a_dollar_is_something(number: str) -> None:
    with pytest.raises(CommandError, match="above 0"):
        printed("openai", f"--credits-per-dollar={number}")


def test_the_command_lists_them() -> None:
    assert all(preset.about in printed() for preset in ALL)
    listed = json.loads(printed("--json"))["presets"]
    assert [one["name"] for one in listed] == NAMES
    [openai] = [one for one in listed if one["name"] == "openai"]
    assert openai["variables"] == ["OPENAI_API_KEY"]
    assert openai["prices_read"] == "2026-11-30"
    assert "chat" in openai["endpoints"]


def test_the_command_writes_a_file_that_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "my.toml"
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, "sk-test")
    told = json.loads(printed("openai", "anthropic", "--json", f"--out={file}"))
    assert told == {
        "presets": ["openai", "anthropic"],
        "variables": ["OPENAI_API_KEY", "ANTHROPIC_API_KEY"],
        "file": str(file),
    }
    call_command("load_catalog", str(file), "--check", stdout=StringIO())
    assert json.loads(printed("jina", "--json"))["toml"] == presets.find("jina").text


def test_what_cannot_be_done_is_said(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="there is no preset opnai; did you mean openai"):
        printed("opnai")
    with pytest.raises(CommandError, match="cannot be written"):
        printed("openai", f"--out={tmp_path}/no/such/folder.toml")
