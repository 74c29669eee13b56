"""Rules of money and tenancy broken on purpose, one at a time, in a scratch copy: for each a test fails.

The table is in `planted_faults/`. `make test` sees that every place in it is still there, `make prove` plants them
all. PLANTED=text plants only those whose name or area has the text.
"""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import pytest
from money.planted_faults.scratch_copy import ROOT, ScratchCopy
from money.planted_faults.table import Fault, FaultUnfit, all_faults

AT_ONCE = 2
LEAST_FAULTS = 60


def test_every_planted_fault_has_its_place() -> None:
    """Whoever changes a line that a fault is planted in says here where its rule is now."""
    for fault in all_faults():
        fault.planted_in(fault.path_in(ROOT).read_text())


def test_faults_are_planted_in_every_part_that_handles_money_or_tenants() -> None:
    faults = all_faults()
    assert len(faults) >= LEAST_FAULTS
    assert {fault.area for fault in faults} >= {
        "money_sql",
        "relay",
        "streams",
        "idempotency",
        "tasks",
        "limits",
        "tenancy",
    }


@pytest.fixture
def copies() -> Iterator["SimpleQueue[ScratchCopy]"]:
    """Those that nobody works in at the moment."""
    made = [ScratchCopy() for _ in range(AT_ONCE)]
    waiting: SimpleQueue[ScratchCopy] = SimpleQueue()
    for copy in made:
        waiting.put(copy)
    yield waiting
    for copy in made:
        copy.remove()


@pytest.mark.prove
def test_every_planted_fault_is_found(copies: "SimpleQueue[ScratchCopy]") -> None:
    wanted = os.environ.get("PLANTED", "")
    faults = [fault for fault in all_faults() if wanted in fault.name or wanted in fault.area]
    assert_green_without_faults(copies, faults)

    def plant(fault: Fault) -> str | None:
        copy = copies.get()
        started = time.monotonic()
        try:
            complaint = complaint_about(copy, fault)
        finally:
            copies.put(copy)
        seconds = time.monotonic() - started
        print(
            f"{'NOT FOUND' if complaint else 'found':9} {seconds:4.0f} s  {fault.area}: {fault.name}",
            flush=True,
        )
        return complaint

    with ThreadPoolExecutor(AT_ONCE) as threads:
        complaints = [complaint for complaint in threads.map(plant, faults) if complaint]
    print(f"{len(faults) - len(complaints)} of {len(faults)} planted faults found")
    assert not complaints, "\n\n".join(complaints)


def assert_green_without_faults(copies: "SimpleQueue[ScratchCopy]", faults: list[Fault]) -> None:
    """Each selection passes as things are: what fails then fails by the fault. In halves, one for each copy."""
    selections = sorted({test for fault in faults for test in fault.tests})

    def run(half: list[str]) -> None:
        copy = copies.get()
        try:
            outcome = copy.run(half, until_first=False) if half else None
        finally:
            copies.put(copy)
        assert outcome is None or outcome.is_green, f"without any fault:\n{outcome.printed[-6000:]}"

    middle = len(selections) // 2
    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(run, (selections[:middle], selections[middle:])))


def complaint_about(copy: ScratchCopy, fault: Fault) -> str | None:
    """What is wrong where the fault's own tests do not fail by it; None where they do."""
    try:
        with copy.planted(fault):
            outcome = copy.run(fault.tests, until_first=True)
    except (TimeoutError, FaultUnfit) as error:
        return f"{fault.name}: {error}"
    if outcome.failed:
        return None
    if outcome.errors:
        return f"{fault.name}: no test failed, but {outcome.errors} did not come to be run:\n{outcome.printed[-3000:]}"
    return f"{fault.name}: nothing noticed it in {Path(fault.file)}; {outcome.passed} tests of {fault.tests} passed"
