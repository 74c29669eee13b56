"""docs/catalog.md names every field of an upstream and every option of a route, with the adapters that read it."""

import json
import re
import textwrap
import tomllib
from io import StringIO
from pathlib import Path

from django.core.management import call_command

from gateway.adapters.registry import CALL_ADAPTERS, SERVES, TASK_ADAPTERS
from gateway.catalog.fields import Problems, Surroundings
from gateway.catalog.line_numbers import LineMap
from gateway.catalog.tables import UpstreamTable
from gateway.endpoints import ENDPOINT_NAMES
from gateway.tasks.providers import CALLS_PER_SECOND, WEBHOOK_SECRET
from tests.gateway.adapters.options_in_code import modules_of_adapters, options_read_by

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "catalog.md").read_text()
# An option and, in the last column, the adapters that read it.
ROW = re.compile(r"^\| `(\w+)` \|.* \| ([^|]+) \|$", re.M)
NAME = re.compile(r"`(\w+)`")
EVERY_ONE_OF_TASKS = "every one of tasks"


def options_of_the_page() -> dict[str, set[str]]:
    found = {option: _adapters_in(last) for option, last in ROW.findall(PAGE.partition("## Options")[2])}
    assert len(found) > 30
    return found


def _adapters_in(cell: str) -> set[str]:
    """Those named, and where it speaks of every one of tasks, all of these but those named behind "but"."""
    named, every, but = cell.partition(EVERY_ONE_OF_TASKS)
    of_tasks = set(TASK_ADAPTERS) - set(NAME.findall(but)) if every else set()
    return set(NAME.findall(named)) | of_tasks


def test_every_option_is_documented_with_the_adapters_that_read_it() -> None:
    modules = modules_of_adapters()
    in_code: dict[str, set[str]] = {}
    for adapter in (*CALL_ADAPTERS, *TASK_ADAPTERS):
        of_tasks = {WEBHOOK_SECRET, CALLS_PER_SECOND} if adapter in TASK_ADAPTERS else set()
        for option in options_read_by(adapter, modules) | of_tasks:
            in_code.setdefault(option, set()).add(adapter)
    assert options_of_the_page() == in_code


def test_every_field_of_an_upstream_is_documented() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", PAGE.partition("## Upstreams")[2].partition("## Options")[0], re.M)
    assert sorted(rows) == sorted(UpstreamTable.model_fields)


def test_the_upstreams_that_are_shown_are_sound() -> None:
    [block] = re.findall(r"^ {4}\[upstreams\..*?(?=^\S)", PAGE, re.M | re.S)
    shown = tomllib.loads(textwrap.dedent(block))["upstreams"]
    keys = {"AZURE_KEY": "sk-1", "GEMINI_KEY": "sk-2", "GROQ_KEY": "sk-3"}
    keys |= {f"OPENAI_KEY_{each}": f"sk-{each}" for each in "ABC"}
    problems = Problems("catalog.md", LineMap(textwrap.dedent(block)))
    for name, table in shown.items():
        problems.read(UpstreamTable, ("upstreams", name), table, Surroundings(keys, {}))
    assert (list(shown), problems.noted) == (["azure", "google", "groq", "openai"], [])


def test_a_command_lists_every_adapter_at_its_endpoints_with_its_protocol() -> None:
    printed = StringIO()
    call_command("list_adapters", "--json", stdout=printed)
    listed = json.loads(printed.getvalue())
    assert set(listed) == set(ENDPOINT_NAMES)
    for endpoint, protocols in listed.items():
        assert set(protocols) == {name for name, endpoints in SERVES.items() if endpoint in endpoints}
        assert all(len(protocol) > 30 for protocol in protocols.values())
    call_command("list_adapters", stdout=printed)
    assert re.search(r"^chat +openai_chat +OpenAI's chat completions", printed.getvalue(), re.M)
