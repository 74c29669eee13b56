"""A catalog with a mistake is refused whole, and says where each mistake is."""

import textwrap
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.catalog.parser import CatalogDescription, CatalogErrors, parse_catalog, read_catalog
from gateway.catalog.routes import ADAPTERS, BEARER
from usage.ledger.rates import Price, Tier

ENVIRON = {
    "TEST_URL": "https://llm.test/base/",
    "TEST_KEY": "sk-secret",
    "TEST_TOKEN": "token-secret",
    "EMPTY": " ",
    "MAIN_KEY": "sk-operators",
}
SOUND = Path(__file__).with_name("sound.toml").read_text()


def parse(text: str) -> CatalogDescription:
    adapters = {"openai_chat", "openai_embeddings"}
    return parse_catalog(text, file="my.toml", adapters=adapters, environ=ENVIRON)


def errors_in(text: str) -> list[str]:
    with pytest.raises(CatalogErrors) as raised:
        parse(text)
    return [str(error) for error in raised.value.errors]


def lines_of_errors_in(text: str) -> list[int]:
    try:
        parse(text)
    except CatalogErrors as refused:
        return [error.line for error in refused.errors]
    return []


def test_prices_of_long_prompts_are_read_and_their_output_is_bounded() -> None:
    tiers = (
        "above = [{ tokens_in = 200_000, credits = '3' }, { tokens_in = 400_000, credits = '4', per = 10 }]"
    )
    text = SOUND.replace('credits = "600", per = 1_000_000', f'credits = "600", per = 1_000_000, {tiers}', 1)
    assert text != SOUND
    [price] = [price for price in parse(text).routes[0].rate.prices if price.unit == "tokens_out"]
    assert price.tiers == (Tier(200_000, 3_000_000, 1_000_000), Tier(400_000, 4_000_000, 10))
    long = text.replace("max_output_tokens = 4096", "max_output_tokens = 2_000_000")
    assert parse(long)
    dear = long.replace("credits = '4', per = 10", "credits = '999999', per = 1")
    assert any("one answer would cost more" in error for error in errors_in(dear))


def test_a_sound_catalog_is_read_whole() -> None:
    catalog = parse(SOUND)
    first, second = catalog.upstreams["first"], catalog.upstreams["second"]
    assert (first.base_url, second.base_url) == ("http://127.0.0.1:9000", "https://llm.test/base")
    assert (first.api_key, second.api_key) == ("sk-secret", None)
    assert first.headers == {"X-Title": "AIO", "X-Auth-Token": "token-secret"}
    assert (first.max_connections, second.max_connections) == (50, 1000)
    assert (first.connect_timeout_s, second.connect_timeout_s) == (2.0, 5.0)
    assert catalog.rates["embed"] == (Price("tokens_in", 100_000, 1000),)
    assert catalog.defaults == {"chat": "small", "embeddings": "acme/embed:2"}
    small, embed = catalog.models
    assert (small.name, small.aliases, small.endpoints) == ("Small chat", ("small-latest",), ("chat",))
    assert (embed.name, embed.aliases, embed.endpoints) == ("acme/embed:2", (), ("embeddings",))
    assert small.created == datetime(2026, 1, 31, tzinfo=UTC).timestamp()
    near, far, vectors = catalog.routes
    assert [route.name for route in catalog.routes] == [
        "chat/small@first", "chat/small@second", "embeddings/acme/embed:2@first",
    ]  # fmt: skip
    assert (near.upstream_model, near.priority, near.max_image_tokens, near.time_limit_s) == (
        "small", 0, 2000, None,
    )  # fmt: skip
    assert (far.upstream_model, far.priority, far.max_image_tokens, far.time_limit_s) == (
        "acme-small-v1", 1, 100, 20.0,
    )  # fmt: skip
    assert far.options == {"extra": {"top_k": 5}}
    assert vectors.max_output_tokens is None


def test_how_an_upstream_wants_its_requests_is_read() -> None:
    azure = """auth = "api-key"
path = "/openai/deployments/{model}/"
query = { api-version = "2026-01-01", key = "env:TEST_TOKEN" }
max_connections"""
    first = parse(SOUND.replace("max_connections", azure)).upstreams["first"]
    assert (first.auth, first.path) == ("api-key", "/openai/deployments/{model}")
    assert first.query == {"api-version": "2026-01-01", "key": "token-secret"}
    assert "secret" not in repr(first)


def test_an_upstream_may_have_several_keys() -> None:
    one = parse(SOUND).upstreams["first"]
    assert [key.name for key in one.keys] == ["TEST_KEY"]
    several = parse(SOUND.replace('"env:TEST_KEY"', '["env:MAIN_KEY", "env:TEST_KEY"]')).upstreams["first"]
    assert several.api_key == "sk-operators"
    assert [(key.name, key.secret) for key in several.keys] == [
        ("MAIN_KEY", "sk-operators"), ("TEST_KEY", "sk-secret"),
    ]  # fmt: skip
    assert "sk-" not in repr(several)
    assert several != one


@pytest.mark.parametrize(("written", "path"), [("/", ""), ("/v1beta/openai", "/v1beta/openai")])
def test_an_upstreams_path_ends_without_a_slash(written: str, path: str) -> None:
    text = SOUND.replace("max_connections", f'path = "{written}"\nmax_connections')
    assert parse(text).upstreams["first"].path == path


def test_bearer_is_no_headers_name_however_it_is_written() -> None:
    text = SOUND.replace("max_connections", 'auth = "Bearer"\nmax_connections')
    assert parse(text).upstreams["first"].auth == BEARER


def test_secrets_are_not_shown() -> None:
    assert "secret" not in repr(parse(SOUND))


def test_the_example_that_operators_read_is_sound() -> None:
    text = (Path(__file__).parents[3] / "docs" / "operating.md").read_text()
    example = text.partition("are a TOML file:")[2].partition("`.venv/bin/python manage.py load_catalog")[0]
    assert [route.model for route in parse(textwrap.dedent(example)).routes] == ["gemini"]


def test_the_catalog_that_is_shipped_is_sound() -> None:
    file = Path(__file__).resolve().parents[3] / "gateway" / "catalogs" / "sandbox.toml"
    environ = {"AIO_SANDBOX_URL": "http://127.0.0.1:9000"}
    catalog = parse_catalog(read_catalog(str(file)), file=str(file), adapters=ADAPTERS, environ=environ)
    assert catalog.defaults["chat"] == "gemini"
    assert {"gemini", "sbx-chat", "sbx-timeout", "sbx-fail", "free-chat"} <= {m.slug for m in catalog.models}


@pytest.mark.parametrize(
    ("content", "error"),
    [(None, ":1: cannot be read: No such file or directory"), (b"a = 1\n# \xff", ":2: not UTF-8")],
    ids=["absent", "latin1"],
)
def test_a_file_that_cannot_be_read_is_refused_with_a_line(
    tmp_path: Path, content: bytes | None, error: str
) -> None:
    file = tmp_path / "my.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(CatalogErrors) as raised:
        read_catalog(str(file))
    assert str(raised.value) == f"{file}{error}"


def test_all_mistakes_are_reported_at_once_in_the_order_of_the_lines() -> None:
    text = SOUND.replace('"150"', '"-1"').replace("env:TEST_URL", "nowhere").replace('"second"', '"third"')
    assert errors_in(text.replace("openai_embeddings", "none").replace("name = ", "title = ")) == [
        "my.toml:9: upstreams.second.base_url: must start with http:// or https://",
        "my.toml:12: rates.chat-small.tokens_in: a price cannot be negative",
        "my.toml:20: models[0].title: unknown key; there is aliases, context_tokens, created, name, owned_by, slug",
        "my.toml:42: routes[1].upstream: no such upstream; there is first, second",
        "my.toml:56: routes[2].adapter: no such adapter; there is openai_chat, openai_embeddings",
    ]


def test_a_secret_in_the_wrong_place_is_not_repeated() -> None:
    text = SOUND.replace("env:TEST_KEY", "sk-misplaced").replace("env:TEST_TOKEN", "sk-misplaced")
    text = text.replace("127.0.0.1:9000", "me:sk-misplaced@127.0.0.1").replace("openai_chat", "sk-misplaced")
    assert len(errors_in(text)) == 5
    assert "sk-" not in "".join(errors_in(text))


def test_an_empty_file_lacks_everything() -> None:
    tables = ("models", "rates", "routes", "upstreams")
    assert errors_in("") == [f"my.toml:1: {table}: missing" for table in tables]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("models = 1\nrates = 2\nroutes = [1]", "my.toml:1: models: expected tables, as in [[models]]"),
        ("models = [1]", "my.toml:1: models[0]: expected a table, not a whole number"),
        ("a = " + "[" * 5000, "my.toml:1: nested too deeply"),
        ("\n\na = " + "9" * 5000, "my.toml:1: "),
        ("a = 1\n\x00", "my.toml:2: "),
        ("a = 2026-02-31", "my.toml:1: Invalid date or datetime"),
        ("a = 1\na.b = 2", "my.toml:2: Cannot overwrite a value"),
    ],
    ids=["types", "element", "nesting", "digits", "nul", "date", "key"],
)
def test_absurd_files_are_refused_with_a_line(text: str, error: str) -> None:
    assert errors_in(text)[0].startswith(error)


@given(st.text(alphabet=st.sampled_from(list("[]{}\"'=.,#\\\n ab1_-:\t")), max_size=60))
@settings(max_examples=500)
def test_any_text_is_read_or_refused_with_lines(text: str) -> None:
    with pytest.raises(CatalogErrors) as raised:
        parse_catalog(text, file="my.toml", adapters=(), environ={})
    assert all(1 <= error.line <= text.count("\n") + 1 for error in raised.value.errors)


@given(st.integers(0, SOUND.count("\n")), st.integers(0, SOUND.count("\n")))
def test_a_catalog_with_a_line_missing_or_moved_never_breaks_the_reading(taken: int, put: int) -> None:
    lines = SOUND.splitlines(keepends=True)
    line = lines.pop(taken % len(lines))
    for text in ("".join(lines), "".join([*lines[:put], line, *lines[put:]])):
        assert all(1 <= number <= text.count("\n") + 1 for number in lines_of_errors_in(text))
