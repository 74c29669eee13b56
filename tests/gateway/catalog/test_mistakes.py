"""Every kind of mistake a catalog can hold, and the line and the words it is reported with."""

from pathlib import Path

import pytest

from gateway.catalog.parser import CatalogErrors, parse_catalog
from gateway.catalog.routes import ADAPTERS

ENVIRON = {
    "TEST_URL": "https://llm.test/base/",
    "TEST_KEY": "sk-secret",
    "TEST_TOKEN": "token-secret",
    "EMPTY": " ",
}
SOUND = Path(__file__).with_name("sound.toml").read_text()


def errors_in(text: str) -> list[str]:
    adapters = {"openai_chat", "openai_embeddings"}
    with pytest.raises(CatalogErrors) as raised:
        parse_catalog(text, file="my.toml", adapters=adapters, environ=ENVIRON)
    return [str(error) for error in raised.value.errors]


# What is written, what is written instead, and the errors, each with the line it is on.
MISTAKES = {
    "syntax": ('slug = "small"', "slug = small", ["19: Invalid value"]),
    "syntax: a table twice": (
        "[rates.embed]", "[upstreams.first]", ["15: Cannot declare ('upstreams', 'first') twice"]
    ),
    "syntax: a key twice": ("max_connections = 50", 'base_url = ""', ["5: Cannot overwrite a value"]),
    "unknown table": (
        "[rates.embed]",
        "[rate.embed]",
        [
            "15: rate: unknown key; did you mean rates?",
            "57: routes[2].rate: no such rate; there is chat-small",
        ],
    ),
    "unknown key of an upstream": (
        "connect_timeout_s",
        "connect_timeout",
        ["6: upstreams.first.connect_timeout: unknown key; did you mean connect_timeout_s?"],
    ),
    "unknown key of an upstream that is like no other": (
        "connect_timeout_s = 2",
        "colour = 2",
        [
            "6: upstreams.first.colour: unknown key; there is api_key, auth, base_url, connect_timeout_s, draining,"
            " headers, max_connections, path, query, sandbox"
        ],
    ),
    "unknown key of a model": (
        "name =", "title =",
        ["20: models[0].title: unknown key; there is aliases, context_tokens, created, name, owned_by, slug"],
    ),
    "unknown key of a route": (
        "priority", "prio", ["47: routes[1].prio: unknown key; did you mean priority?"]
    ),
    "unknown keys that Python has a use for": (
        "priority = 1", "cls = 1\n_fields_set = 1",
        [
            f"{line}: routes[1].{key}: unknown key; there is adapter, default, enabled, endpoint, max_image_tokens,"
            " max_output_tokens, model, name, options, priority, rate, time_limit_s, upstream, upstream_model, weight"
            for line, key in ((47, "cls"), (48, "_fields_set"))
        ],
    ),
    "upstream of the wrong type": (
        "[upstreams.second]", "[upstreams]\nthird = 3\n[upstreams.second]",
        ["9: upstreams.third: expected a table, not a whole number"],
    ),
    "upstream without an address": (
        'base_url = "env:TEST_URL"', "", ["8: upstreams.second.base_url: missing"]
    ),
    "upstream with a bad name": (
        "[upstreams.second]", '[upstreams."a b"]',
        [
            '8: upstreams."a b": the name must match [A-Za-z0-9][A-Za-z0-9._-]*',
            "42: routes[1].upstream: no such upstream; there is a b, first",
        ],
    ),
    "address of another scheme": (
        "http://127.0.0.1:9000/", "ftp://127.0.0.1/",
        ["2: upstreams.first.base_url: must start with http:// or https://"],
    ),
    "address without a host": (
        "http://127.0.0.1:9000/", "http:///v1", ["2: upstreams.first.base_url: not a URL"]
    ),
    "address with a bad port": (
        "127.0.0.1:9000", "127.0.0.1:90000", ["2: upstreams.first.base_url: not a URL"]
    ),
    "address with a space": ("127.0.0.1:9000/", "127.0.0.1/a b", ["2: upstreams.first.base_url: not a URL"]),
    "address with a password": (
        "//127", "//me:secret@127",
        ["2: upstreams.first.base_url: must not carry a user or a password; use api_key or headers"],
    ),
    "address with a query": (
        "9000/", "9000/?key=secret", ["2: upstreams.first.base_url: must not have a query or a fragment"]
    ),
    "variable that is not set": (
        "env:TEST_URL", "env:NO_SUCH_URL",
        ["9: upstreams.second.base_url: the environment variable NO_SUCH_URL is not set in this process"],
    ),
    "variable that is empty": (
        "env:TEST_KEY", "env:EMPTY",
        ["3: upstreams.first.api_key: the environment variable EMPTY is not set in this process"],
    ),
    "variable without a name": (
        "env:TEST_KEY", "env:",
        ["3: upstreams.first.api_key: expected env: and the name of an environment variable"],
    ),
    "a literal key": (
        "env:TEST_KEY", "sk-secret",
        ["3: upstreams.first.api_key: a secret may not stand in a catalog: write env:NAME"],
    ),
    "a key that is no text": (
        '"env:TEST_KEY"', "7",
        ["3: upstreams.first.api_key: expected a string or a list of strings, not a whole number"],
    ),
    "no keys": ('"env:TEST_KEY"', "[]", ["3: upstreams.first.api_key: expected from 1 to 100 keys"]),
    "several keys with a mistake each": (
        '"env:TEST_KEY"', '["env:TEST_KEY", "sk-secret", "env:EMPTY", 7, "env:TEST_KEY"]',
        [
            "3: upstreams.first.api_key: key 2: a secret may not stand in a catalog: write env:NAME;"
            " key 3: the environment variable EMPTY is not set in this process;"
            " key 4: expected a string, not a whole number; key 5: TEST_KEY is there already",
        ],
    ),
    "a literal key in a header": (
        "env:TEST_TOKEN", "secret",
        ["4: upstreams.first.headers.X-Auth-Token: a secret may not stand in a catalog: write env:NAME"],
    ),
    "a header that belongs to the connection": (
        "X-Title", "Host", ["4: upstreams.first.headers.Host: not a header that a catalog can set"]
    ),
    "a header with a line break": (
        '"AIO"', r'"AIO\r\nX: y"', ["4: upstreams.first.headers.X-Title: must not contain control characters"]
    ),
    "a header that is no text": (
        '"AIO"', "1", ["4: upstreams.first.headers.X-Title: expected a string, not a whole number"]
    ),
    "headers with a mistake each": (
        '"AIO", X-Auth-Token = "env:TEST_TOKEN"', '1, X-Auth-Token = "secret"',
        [
            "4: upstreams.first.headers.X-Auth-Token: a secret may not stand in a catalog: write env:NAME",
            "4: upstreams.first.headers.X-Title: expected a string, not a whole number",
        ],
    ),
    "a literal key in a query": (
        "max_connections = 50", 'query = { key = "sk-secret" }',
        ["5: upstreams.first.query.key: a secret may not stand in a catalog: write env:NAME"],
    ),
    "a query that is no text": (
        "max_connections = 50", "query = { version = 1 }",
        ["5: upstreams.first.query.version: expected a string, not a whole number"],
    ),
    "a path that is none": (
        "max_connections = 50", 'path = "v1"',
        ["5: upstreams.first.path: expected a path as in /openai/deployments/{model}, or / for none"],
    ),
    "a path with a query": (
        "max_connections = 50", 'path = "/v1?a=b"',
        ["5: upstreams.first.path: expected a path as in /openai/deployments/{model}, or / for none"],
    ),
    "a path with another mark": (
        "max_connections = 50", 'path = "/{deployment}"',
        ["5: upstreams.first.path: expected a path as in /openai/deployments/{model}, or / for none"],
    ),
    "a key in a header that belongs to the connection": (
        "max_connections = 50", 'auth = "Host"',
        ["5: upstreams.first.auth: expected bearer, or the name of a header"],
    ),
    "a way to send a key that is not there": (
        'base_url = "env:TEST_URL"', 'base_url = "env:TEST_URL"\nauth = "api-key"',
        ["10: upstreams.second.auth: there is no api_key to send"],
    ),
    "no connections": (
        "max_connections = 50", "max_connections = 0",
        ["5: upstreams.first.max_connections: must be from 1 to 100,000"],
    ),
    "a number of connections that is no number": (
        "max_connections = 50", "max_connections = true",
        ["5: upstreams.first.max_connections: expected a whole number, not a boolean"],
    ),
    "a timeout that is not a number": (
        "connect_timeout_s = 2", "connect_timeout_s = nan",
        ["6: upstreams.first.connect_timeout_s: must be above 0 and at most 60"],
    ),
    "a negative price": (
        'credits = "150"', 'credits = "-150"',
        ["12: rates.chat-small.tokens_in: a price cannot be negative"],
    ),
    "a price that is not a number": (
        "credits = 0.1", "credits = nan",
        ["16: rates.embed.tokens_in: expected a finite number of credits, got 'nan'"],
    ),
    "an infinite price": (
        "credits = 0.1", "credits = inf",
        ["16: rates.embed.tokens_in: expected a finite number of credits, got 'inf'"],
    ),
    "a price in words": (
        "credits = 0.1", 'credits = "free"',
        ["16: rates.embed.tokens_in: expected a decimal number of credits, got 'free'"],
    ),
    "a price that is too fine": (
        "credits = 0.1", 'credits = "0.0000001"',
        ["16: rates.embed.tokens_in: credits have at most six decimals"],
    ),
    "a price for every zero units": (
        "per = 1000 ", "per = 0 ",
        ["16: rates.embed.tokens_in: per must be a whole number from 1 to 1,000,000,000"],
    ),
    "a price without credits": (
        "credits = 0.1,", "", ['16: rates.embed.tokens_in: expected { credits = "0.5", per = 1000 }']
    ),
    "a price for an unknown unit": (
        "tokens_in = { credits = 0.1", "tokens = { credits = 0.1",
        [
            "16: rates.embed.tokens: not a unit; the units are "
            "tokens_in, tokens_out, images, audio_ms, characters, calls, pixel_steps, video_ms, cache_read_tokens, "
            "cache_write_tokens, cache_write_1h_tokens, reasoning_tokens, audio_tokens_in, audio_tokens_out"
        ],
    ),
    "a rate without prices": (
        "tokens_in = { credits = 0.1, per = 1000 }", "",
        ['15: rates.embed: no prices; what is free says so: calls = { credits = "0" }'],
    ),
    "model without a slug": (
        'slug = "acme/embed:2"', "",
        ["25: models[1].slug: missing", "54: routes[2].model: no such model; there is small"],
    ),
    "model with a bad slug": (
        '"small-latest"', '"small latest"',
        ["23: models[0].aliases[0]: must match [A-Za-z0-9][A-Za-z0-9._:/-]*"],
    ),
    "model with an empty owner": (
        'owned_by = "acme"', 'owned_by = " "', ["21: models[0].owned_by: must not be empty"]
    ),
    "model with a long name": (
        "Small chat", "x" * 201, ["20: models[0].name: must be at most 200 characters"]
    ),
    "model without a date": ("created = 2026-01-31\naliases", "aliases", ["18: models[0].created: missing"]),
    "model with a date in words": (
        "created = 2026-01-31", 'created = "2026-01-31"',
        ["22: models[0].created: expected a date, as in 2026-01-31, not a string"],
    ),
    "aliases that are no list": (
        '["small-latest"]', '"small-latest"',
        ["23: models[0].aliases: expected a list of strings, not a string"],
    ),
    "a slug twice": (
        'slug = "acme/embed:2"', 'slug = "small"',
        [
            "26: models[1].slug: the name small is taken on line 19",
            "54: routes[2].model: no such model; there is small",
        ],
    ),
    "an alias that is a slug": (
        '"small-latest"', '"acme/embed:2"', ["26: models[1].slug: the name acme/embed:2 is taken on line 23"]
    ),
    "an alias twice": (
        '"small-latest"', '"one",\n"one"', ["24: models[0].aliases[1]: the name one is taken on line 23"]
    ),
    "unknown endpoint": (
        'endpoint = "embeddings"', 'endpoint = "embedding"',
        ["53: routes[2].endpoint: no such endpoint; did you mean embeddings?"],
    ),
    "unknown upstream": (
        'upstream = "second"', 'upstream = "third"',
        ["42: routes[1].upstream: no such upstream; there is first, second"],
    ),
    "unknown adapter": (
        "openai_embeddings", "vectors",
        ["56: routes[2].adapter: no such adapter; there is openai_chat, openai_embeddings"],
    ),
    "unknown rate": (
        'rate = "embed"', 'rate = "embeds"', ["57: routes[2].rate: no such rate; did you mean embed?"]
    ),
    "reference of the wrong type": (
        'rate = "embed"', "rate = 1", ["57: routes[2].rate: expected a string, not a whole number"]
    ),
    "chat without a bound": (
        "max_output_tokens = 4096\n", "",
        ["30: routes[0].max_output_tokens: missing: without it a call has no ceiling price"],
    ),
    "priced output without a bound": (
        'rate = "embed"', 'rate = "chat-small"',
        ["52: routes[2].max_output_tokens: missing: without it a call has no ceiling price"],
    ),
    "a bound of nothing": (
        "max_output_tokens = 4096", "max_output_tokens = 0",
        ["36: routes[0].max_output_tokens: must be from 1 to 10,000,000"],
    ),
    "a negative priority": (
        "priority = 1", "priority = -1", ["47: routes[1].priority: must be from 0 to 1,000,000"]
    ),
    "no time at all": (
        "time_limit_s = 20", "time_limit_s = 0",
        ["49: routes[1].time_limit_s: must be above 0 and at most 86,400"],
    ),
    "a time in words": (
        "time_limit_s = 20", 'time_limit_s = "20"',
        ["49: routes[1].time_limit_s: expected a number of seconds, not a string"],
    ),
    "a default in words": (
        "default = true", 'default = "yes"',
        [
            "31: routes[0].endpoint: no route of chat has default = true",
            "37: routes[0].default: expected true or false, not a string",
        ],
    ),
    "options that are no table": (
        "options = { extra = { top_k = 5 } }", "options = 5",
        ["50: routes[1].options: expected a table, not a whole number"],
    ),
    "options that are no JSON": (
        "top_k = 5", "a = nan, b = [1, 2026-01-31], c = 99999999999999999999",
        [
            "50: routes[1].options.extra.a: must be finite",
            "50: routes[1].options.extra.b[1]: must be a JSON value, not a date or time",
            "50: routes[1].options.extra.c: must fit 64 bits",
        ],
    ),
    "a route twice": (
        'upstream = "second"', 'upstream = "first"',
        ["39: routes[1].name: the route chat/small@first is also on line 30; give one of them a name"],
    ),
    "an endpoint without a default": (
        'rate = "embed"\ndefault = true', 'rate = "embed"',
        ["53: routes[2].endpoint: no route of embeddings has default = true"],
    ),
    "two defaults": (
        'endpoint = "embeddings"', 'endpoint = "chat"\nmax_output_tokens = 1',
        [
            "57: routes[2].adapter: openai_embeddings serves embeddings",
            "59: routes[2].default: the default model of chat is already small",
        ],
    ),
    "a model that nothing carries": (
        'model = "acme/embed:2"', 'model = "small"', ["25: models[1]: no route carries acme/embed:2"]
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_reported_with_its_line(mistake: str) -> None:
    written, instead, expected = MISTAKES[mistake]
    assert written in SOUND
    assert errors_in(SOUND.replace(written, instead, 1)) == [f"my.toml:{error}" for error in expected]


def test_an_answer_that_no_balance_could_hold_is_refused() -> None:
    text = SOUND.replace('credits = "600", per = 1_000_000', 'credits = "999999"', 1)
    assert errors_in(text.replace("4096", "10_000_000")) == [
        "my.toml:36: routes[0].max_output_tokens: one answer would cost more than a balance can hold"
    ]


TASK_ROUTE = """
[[models]]
slug = "%(model)s"
owned_by = "acme"
created = 2026-01-31

[[routes]]
endpoint = "%(endpoint)s"
model = "%(model)s"
upstream = "first"
adapter = "kie"
rate = "embed"
default = true
"""


@pytest.mark.parametrize(
    ("endpoint", "model", "declared"),
    [
        ("image_task", "dall-e", "flux-2, "),
        ("video_task", "flux-2", "kling-3, "),
        ("remove_bg", "small-bg", "remove-bg"),
    ],
)
def test_a_route_of_tasks_whose_model_has_no_parameters_is_refused(
    endpoint: str, model: str, declared: str
) -> None:
    """It would be loaded, listed, and refuse every task."""
    text = SOUND + TASK_ROUTE % {"endpoint": endpoint, "model": model}
    line = text.count("\n", 0, text.rindex("model = ")) + 1

    with pytest.raises(CatalogErrors) as raised:
        parse_catalog(text, file="my.toml", adapters=ADAPTERS, environ=ENVIRON)

    errors = [str(error) for error in raised.value.errors if "no parameters" in str(error)]
    [error] = errors
    place = f"my.toml:{line}: routes[3].model"
    assert error.startswith(
        f"{place}: no parameters are declared for {model} as {endpoint}; there is {declared}"
    )


def test_a_route_of_tasks_whose_model_has_parameters_is_taken() -> None:
    text = SOUND + TASK_ROUTE % {"endpoint": "image_task", "model": "flux-2"}

    parsed = parse_catalog(text, file="my.toml", adapters=ADAPTERS, environ=ENVIRON)

    assert parsed.routes[-1].model == "flux-2"
