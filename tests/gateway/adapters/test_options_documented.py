"""docs/catalog.md names every option of a route that an adapter reads, every adapter that reads it, and no other."""

import json
import re
from io import StringIO
from pathlib import Path

from django.core.management import call_command

from gateway.adapters.registry import CALL_ADAPTERS, SERVES, TASK_ADAPTERS
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
