"""`load_catalog` puts a catalog in force whole, or not at all."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from gateway.catalog import edits, feed
from gateway.catalog.parser import CatalogErrors
from gateway.models import CatalogVersion
from tests.gateway.catalog.small_catalog import small_catalog
from usage.ledger import rate_card

SHIPPED = sorted((Path(__file__).resolve().parents[3] / "gateway" / "catalogs").glob("*.toml"))
TOML = small_catalog("command-test", "env:TEST_CATALOG_URL")
COUNTS = {"models": 1, "routes": 1, "upstreams": 1, "rates": 1}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TEST_CATALOG_URL", "http://127.0.0.1:9000")
    file = tmp_path / "my.toml"
    file.write_text(TOML)
    return file


def load(file: Path, *options: str) -> str:
    out = StringIO()
    call_command("load_catalog", str(file), *options, stdout=out)
    return out.getvalue().strip()


def refusal(file: Path, *options: str) -> str:
    err = StringIO()
    with pytest.raises(SystemExit) as raised:
        call_command("load_catalog", str(file), *options, stderr=err)
    assert raised.value.code == 1
    return err.getvalue()


@pytest.mark.django_db
def test_loading_stores_a_version_and_publishes_its_rates(file: Path) -> None:
    shown = json.loads(load(file, "--json", "--note", "first of many"))
    newest = CatalogVersion.objects.latest("version")
    assert shown == {"version": newest.version, "changed": True, **COUNTS}
    assert (newest.toml, newest.note) == (TOML, "first of many")
    [route] = feed.load_current().routes_for("chat", None)
    assert route.rate == rate_card.find(route.rate.id)
    assert route.rate.as_json() == {"tokens_in": {"microcredits": 500_000, "per": 1000}}


@pytest.mark.django_db
def test_the_catalog_in_force_makes_no_new_version(file: Path) -> None:
    version = json.loads(load(file, "--json"))["version"]
    assert json.loads(load(file, "--json")) == {"version": version, "changed": False, **COUNTS}
    assert load(file) == (
        f"catalog version {version} is in force already: models 1, routes 1, upstreams 1, rates 1"
    )


@pytest.mark.django_db
def test_going_back_to_an_earlier_text_is_a_new_version_at_the_earlier_price(file: Path) -> None:
    first = json.loads(load(file, "--json"))["version"]
    file.write_text(TOML.replace('"0.5"', '"0.25"'))
    second = json.loads(load(file, "--json"))["version"]
    dearer = feed.load_current().routes_for("chat", None)[0].rate
    file.write_text(TOML)
    third = json.loads(load(file, "--json"))["version"]
    assert first < second < third
    rate = feed.load_current().routes_for("chat", None)[0].rate
    assert rate.prices[0].microcredits == 500_000
    assert rate.version == dearer.version + 1


@pytest.mark.django_db
def test_with_errors_nothing_is_stored_and_each_has_its_line(file: Path) -> None:
    versions = CatalogVersion.objects.count()
    file.write_text(TOML.replace('"0.5"', '"-0.5"').replace("max_output_tokens = 4096", ""))
    assert refusal(file).splitlines() == [
        f"{file}:5: rates.command-test.tokens_in: a price cannot be negative",
        f"{file}:12: routes[0].max_output_tokens: missing: without it a call has no ceiling price",
    ]
    assert CatalogVersion.objects.count() == versions


@pytest.mark.django_db
@pytest.mark.parametrize("shipped", SHIPPED, ids=lambda file: file.stem)
def test_a_shipped_catalog_copied_edited_and_exported_is_the_same_to_the_byte(
    shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a shell like any other: where the sandbox is, only `serve` knows."""
    monkeypatch.delenv("AIO_SANDBOX_URL", raising=False)
    mine, exported = tmp_path / "mine.toml", tmp_path / "exported.toml"
    mine.write_bytes(shipped.read_bytes() + "# 내 서버\r\n".encode())
    assert load(mine, "--check").startswith(f"{mine} is sound: ")
    assert "loaded" in load(mine)
    call_command("export_catalog", str(exported))
    assert exported.read_bytes() == mine.read_bytes()
    assert "is in force already" in load(exported)
    # Staff change it in a process of the platform.
    monkeypatch.setenv("AIO_SANDBOX_URL", "http://127.0.0.1:9000")
    edits.set_draining("sandbox", True, by="staff@aio.test")
    call_command("export_catalog", str(exported))
    load(mine)
    load(exported)
    out = StringIO()
    call_command("export_catalog", stdout=out)
    assert out.getvalue().encode() == exported.read_bytes()


def test_checking_needs_no_database(file: Path) -> None:
    assert load(file, "--check") == f"{file} is sound: models 1, routes 1, upstreams 1, rates 1"
    assert json.loads(load(file, "--check", "--json")) == {"version": None, "changed": False, **COUNTS}
    assert refusal(file.with_name("absent.toml"), "--check").endswith(
        "absent.toml:1: cannot be read: No such file or directory\n"
    )


@pytest.mark.django_db
def test_a_variable_that_is_not_set_here_is_an_error(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_CATALOG_URL")
    assert "my.toml:2: upstreams.first.base_url: the environment variable TEST_CATALOG_URL is not" in refusal(
        file
    )


def test_a_note_that_is_too_long_is_refused(file: Path) -> None:
    with pytest.raises(CommandError, match="--note must be at most 200 characters"):
        load(file, "--note", "x" * 201)


@pytest.mark.django_db
def test_the_applications_role_may_load(file: Path) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE aio_app")
    assert json.loads(load(file, "--json"))["changed"]
    assert feed.load_current().default_model("chat") == "small"


@pytest.mark.django_db
def test_a_process_that_cannot_use_the_catalog_in_force_says_why(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(file)
    monkeypatch.delenv("TEST_CATALOG_URL")
    with pytest.raises(CatalogErrors, match=r"catalog version \d+:2: upstreams.first.base_url: "):
        feed.load_current()


@pytest.mark.django_db
def test_without_a_catalog_the_command_to_run_is_named() -> None:
    CatalogVersion.objects.all().delete()
    with pytest.raises(feed.NoCatalog, match="load_catalog"):
        feed.load_current()
