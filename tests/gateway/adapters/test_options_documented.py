"""docs/catalog.md names every option of a route that an adapter reads, every adapter that reads it, and no other."""

import re
from pathlib import Path

from gateway.adapters.registry import CALL_ADAPTERS, TASK_ADAPTERS
from gateway.tasks.providers import CALLS_PER_SECOND, WEBHOOK_SECRET
from tests.gateway.adapters.options_in_code import modules_of_adapters, options_read_by

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "catalog.md").read_text()
ROW = re.compile(r"^\| (.+?) \|(?: .+ \|)? (`[^|]+) \|$", re.M)
NAME = re.compile(r"`(\w+)`")


def rows_under(heading: str) -> dict[str, set[str]]:
    table = PAGE.partition(heading)[2].partition("\n## ")[0]
    found = {first.strip("`"): set(NAME.findall(last)) for first, last in ROW.findall(table)}
    assert len(found) > 5
    return found


def test_every_option_is_documented_with_the_adapters_that_read_it() -> None:
    modules = modules_of_adapters()
    in_code: dict[str, set[str]] = {}
    for adapter in (*CALL_ADAPTERS, *TASK_ADAPTERS):
        of_tasks = {WEBHOOK_SECRET, CALLS_PER_SECOND} if adapter in TASK_ADAPTERS else set()
        for option in options_read_by(adapter, modules) | of_tasks:
            in_code.setdefault(option, set()).add(adapter)
    assert len(in_code) > 30
    assert rows_under("## Options") == in_code


def test_every_adapter_is_listed_at_its_endpoints() -> None:
    listed = rows_under("| endpoint |")
    tasks = listed.pop("tasks (images, videos, speech, tools, music)")
    assert tasks == set(TASK_ADAPTERS)
    served: dict[str, set[str]] = {}
    for name, adapter in CALL_ADAPTERS.items():
        for endpoint in adapter.SERVES:
            served.setdefault(endpoint, set()).add(name)
    assert listed == served
