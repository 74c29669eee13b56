"""The documentation's pages: complete, true to the OpenAPI document and the code, and fit to be run as printed."""

import hmac
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from django.urls import URLPattern, get_resolver
from django.utils import translation

from aio_platform.error_kinds import ERROR_KINDS, KIND_OF
from gateway.catalog import feed
from gateway.docs_site import pages, prices, samples
from gateway.docs_site.answers import example_answer
from gateway.docs_site.openapi import METHODS, document, resolved
from gateway.docs_site.reference import operations_of
from gateway.docs_site.search import search
from gateway.openapi.field_descriptions import ANYWHERE
from gateway.openapi.presentation import presented_views
from gateway.task_models.shipped import SHIPPED
from gateway.webhooks_out.signing import new_secret, signed_headers

# Addresses of the URLconf that nobody is told to call, and why.
NOT_DOCUMENTED = {
    **{
        f"v1/models/{{model}}:{method}": "the same is documented below v1beta"
        for method in (
            "generateContent",
            "streamGenerateContent",
            "countTokens",
            "embedContent",
            "batchEmbedContents",
        )
    },
    "webhooks/upstreams/{upstream}": "providers call it",
    "results/{token}": "its addresses are handed out by tasks",
    "api/staff/reports": "staff call it",
    "api/staff/reports/{name}": "staff call it",
}
SANDBOX_CATALOG = Path(settings.ROOT) / "gateway" / "catalogs" / "sandbox.toml"
OPERATIONS = [
    (method, address)
    for address, found in document()["paths"].items()
    for method in METHODS
    if method in found
]


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    cache.clear()
    prices._read.cache_clear()
    yield
    prices._read.cache_clear()


@pytest.fixture
def catalog(db: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AIO_SANDBOX_URL", "http://127.0.0.1:9")
    call_command("load_catalog", str(SANDBOX_CATALOG), verbosity=0)
    return feed.load_current()


def test_every_address_of_the_urlconf_is_documented_or_said_why_not() -> None:
    routes = set()
    for urlconf in (settings.GATEWAY_URLCONF, *settings.API_URLCONFS):
        routes |= {
            str(each.pattern) for each in get_resolver(urlconf).url_patterns if isinstance(each, URLPattern)
        }
    routes = {re.sub(r"<\w+:(\w+)>", r"{\1}", route) for route in routes}
    documented = {address.lstrip("/") for address in document()["paths"]}

    assert routes - documented == set(NOT_DOCUMENTED)
    assert documented <= routes


def test_every_documented_address_has_one_page() -> None:
    described = [address for page in pages.every_page() for address in page.addresses]

    assert sorted(described) == sorted(document()["paths"])


def test_no_two_pages_share_an_address() -> None:
    urls = [page.url for page in pages.every_page()]

    assert len(urls) == len(set(urls))


@pytest.mark.parametrize("page", list(pages.every_page()), ids=lambda page: page.url)
@pytest.mark.parametrize("language", ["en", "ko"])
def test_every_page_is_public_and_shown(page: pages.Page, language: str, catalog: Any) -> None:
    answer = Client(headers={"Accept-Language": language}).get(page.url)

    assert answer.status_code == 200
    assert f'<html lang="{language}"' in answer.content.decode()
    assert "Content-Security-Policy" in answer.headers


@pytest.mark.parametrize(
    "path", ["/docs/nothing", "/docs/endpoints/nothing", "/docs/openapi/nothing", "/docs/chat"]
)
def test_a_page_that_there_is_not_answers_404(path: str, db: None) -> None:
    assert Client().get(path).status_code == 404


@pytest.mark.parametrize(("method", "address"), OPERATIONS)
def test_the_page_names_every_parameter_of_the_schema_and_no_other(
    method: str, address: str, catalog: Any
) -> None:
    described = document()["paths"][address][method]
    (operation,) = [each for each in operations_of(address) if each.method == method.upper()]
    body = described.get("requestBody", {}).get("content", {})
    schema = next(iter(body.values()))["schema"] if body else {}
    if "$ref" in schema:
        schema = document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]

    assert {row.name for row in operation.body_rows if row.depth == 0} == set(schema.get("properties", {}))
    assert {row.name for row in operation.body_rows if row.depth == 0 and row.required} == set(
        schema.get("required", ())
    )
    in_query = {each["name"] for each in described.get("parameters", ()) if each["in"] == "query"}
    assert {row.name for row in operation.query_rows} == in_query
    assert {row.name for row in operation.path_rows} == set(re.findall(r"{(\w+)}", address))
    page = next(each for each in pages.every_page() if address in each.addresses)
    shown = unescape(Client().get(page.url).content.decode())
    for row in (*operation.body_rows, *operation.query_rows, *operation.path_rows):
        assert f'<code class="param-name">{row.name}</code>' in shown
    for sample in operation.samples:
        assert sample.at_host("http://testserver").source in shown


def test_every_field_of_every_contract_says_what_it_means() -> None:
    for method, address in OPERATIONS:
        (operation,) = [each for each in operations_of(address) if each.method == method.upper()]
        if operation.endpoint:
            assert all(row.description for row in operation.body_rows if row.depth == 0), address


def test_no_description_is_of_a_field_that_there_is_not() -> None:
    fields: dict[str, set[str]] = {}
    for methods in document()["paths"].values():
        for operation in methods.values():
            for media in operation.get("requestBody", {}).get("content", {}).values():
                name = media["schema"].get("$ref", "").rpartition("/")[2]
                fields.setdefault(name, set()).update(resolved(media["schema"]).get("properties", ()))

    contracts = {getattr(view, "contract", None) for view in presented_views().values()} - {None}
    assert len(contracts) > 10
    for contract in contracts:
        assert set(contract.descriptions) <= fields[contract.__name__]
    assert set(ANYWHERE) <= set().union(*fields.values())


@pytest.mark.parametrize("endpoint", ["image_task", "video_task", "music_task", "speech_task", "remove_bg"])
def test_a_task_endpoint_lists_its_models_with_their_parameters(endpoint: str) -> None:
    (operation,) = [
        each for _, address in OPERATIONS for each in operations_of(address) if each.endpoint == endpoint
    ]

    assert [model.slug for model in operation.task_models] == SHIPPED.slugs(endpoint)
    for model in operation.task_models:
        declared = SHIPPED.describe(model.slug)["parameters"]
        assert {row.name: row.required for row in model.rows} == {
            each["name"]: each["required"] for each in declared
        }


def test_every_error_is_on_the_errors_page_of_the_repository_too() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (Path(settings.ROOT) / "docs" / "errors.md").read_text().splitlines()
        if re.match(r"\| \d{3}", line)
    ]
    told = {
        (int(status), kind.strip("`"), words)
        for statuses, kind, words, *_ in rows
        for status in statuses.split(", ")
    }

    assert {(status, kind) for status, kind, _ in told} == set(KIND_OF)
    for kind in ERROR_KINDS:
        words = [words for status, name, words in told if (status, name) == (kind.status, kind.type)]
        assert any(f"`{kind.openai_type}`" in each and f"`{kind.openai_code}`" in each for each in words), (
            kind
        )


@pytest.mark.parametrize(("method", "address"), OPERATIONS)
def test_an_example_of_an_answer_has_the_fields_of_its_schema(method: str, address: str) -> None:
    for status, answer in document()["paths"][address][method]["responses"].items():
        schema = answer.get("content", {}).get("application/json", {}).get("schema")
        if schema is None or not status.startswith("2"):
            continue
        example = json.loads(example_answer(method, address))
        if schema.get("type") == "array":
            example, schema = example[0], schema["items"]
        if "$ref" in schema:
            schema = document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        assert set(example) >= set(schema.get("required", ()))
        assert "properties" not in schema or set(example) <= set(schema["properties"])


def test_code_is_written_for_the_host_that_is_visited(catalog: Any) -> None:
    shown = Client().get("/docs/endpoints/openai-chat", headers={"host": "ai.example.test"}).content.decode()

    assert "http://ai.example.test/v1/chat/completions" in shown
    assert "AIO_BASE_URL" not in shown


def test_the_language_of_the_code_is_the_one_chosen_last(catalog: Any) -> None:
    client = Client()
    client.cookies["aio_code"] = "javascript"
    shown = client.get("/docs/endpoints/chat").content.decode()
    assert 'value="javascript" checked' in shown
    client.cookies["aio_code"] = '"><script>'
    shown = client.get("/docs/endpoints/chat").content.decode()
    assert 'value="curl" checked' in shown


def test_prices_are_those_of_the_catalog_in_force(catalog: Any, tmp_path: Path) -> None:
    assert "0.05 credits for 1,000 input tokens" in Client().get("/docs/models").content.decode()
    dearer = SANDBOX_CATALOG.read_text().replace(
        'credits = "0.05", per = 1_000', 'credits = "0.07", per = 1_000'
    )
    (tmp_path / "dearer.toml").write_text(dearer)
    call_command("load_catalog", str(tmp_path / "dearer.toml"), verbosity=0)

    for path in ("/docs/models", "/docs/prices", "/docs/endpoints/chat"):
        shown = Client().get(path).content.decode()
        assert "0.07 credits for 1,000 input tokens" in shown
        assert "0.05 credits for 1,000 input tokens" not in shown


def test_without_a_catalog_the_pages_say_so(db: None) -> None:
    assert "No catalog is loaded" in Client().get("/docs/models").content.decode()
    assert Client().get("/docs/endpoints/chat").status_code == 200


def test_every_endpoint_of_the_catalog_has_a_name_and_every_unit_has_one(catalog: Any) -> None:
    from gateway.endpoints import ENDPOINTS
    from usage.ledger.units import Units

    assert [name for name, _ in prices.price_list()] == [each.label for each in ENDPOINTS]
    assert len({str(each.label) for each in ENDPOINTS}) == len(ENDPOINTS)
    assert set(Units._fields) <= set(prices.UNIT_NAMES) == set(prices.ONE)


def test_search_finds_titles_parameters_and_prose(db: None) -> None:
    assert search("streaming")[0].page.slug == "streaming"
    assert "t2m" in [found.page.slug for found in search("audio_duration")]
    assert "callbacks" in [found.page.slug for found in search("webhook-signature")]
    assert search("") == []
    assert search("zzz-nothing") == []


def test_search_finds_korean_in_korean(db: None) -> None:
    with translation.override("ko"):
        assert "authentication" in [found.page.slug for found in search("인증")]


def test_the_search_field_gets_its_results_as_a_part(db: None) -> None:
    answer = Client().get("/docs/search?q=<b>", headers={"HX-Request": "true"})

    assert "<html" not in answer.content.decode()
    assert "<b>" not in answer.content.decode()


def test_the_code_that_verifies_callbacks_accepts_ours_and_no_forged_ones() -> None:
    secret, body = new_secret(), b'{"type": "task.succeeded"}'
    headers = signed_headers([new_secret(), secret], "evt_1", int(time.time()), body)
    old = signed_headers([secret], "evt_1", int(time.time()) - 3600, body)
    (python, javascript) = samples.program("verify_callback")
    namespace: dict[str, Any] = {}
    exec(python.source, namespace)  # our own documentation's code
    verify = namespace["is_from_the_platform"]

    assert verify(headers, body, secret)
    assert not verify(headers, body + b" ", secret)
    assert not verify(headers, body, new_secret())
    assert not verify(old, body, secret)
    assert hmac.compare_digest("isFromThePlatform", re.findall(r"function (\w+)", javascript.source)[0])


def test_the_javascript_that_verifies_callbacks_does_the_same(tmp_path: Path) -> None:
    node = subprocess.run(["which", "node"], capture_output=True, text=True).stdout.strip()
    if not node:
        pytest.skip("there is no Node.js on this machine")
    secret, body = new_secret(), '{"type": "task.succeeded"}'
    headers = signed_headers([secret], "evt_1", int(time.time()), body.encode())
    (tmp_path / "verify.mjs").write_text(samples.program("verify_callback")[1].source)
    (tmp_path / "run.mjs").write_text(
        'import { isFromThePlatform } from "./verify.mjs";\n'
        f"const headers = {json.dumps(headers)};\n"
        f"console.log(isFromThePlatform(headers, {json.dumps(body)}, {json.dumps(secret)}),"
        f" isFromThePlatform(headers, {json.dumps(body + ' ')}, {json.dumps(secret)}));\n"
    )
    ran = subprocess.run([node, "run.mjs"], cwd=tmp_path, capture_output=True, text=True)

    assert ran.stdout.split() == ["true", "false"], ran.stderr


def test_python_of_the_guides_compiles() -> None:
    for name in samples.PROGRAMS:
        for sample in samples.program(name):
            if sample.language in ("openai", "httpx"):
                compile(sample.source, sample.label, "exec")
    assert sys.version_info >= (3, 11)
