"""A forked process counts for itself: nothing of its parent's twice, and nothing into its parent's file."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
COUNT_IN_BOTH = """
import os
from aio_platform.observability.metrics import SHELF, Counts
made = Counts("made_total", "Things made", "by")
made["either",].add(4)
child = os.fork()
if child == 0:
    made["either",].add(2)
    os._exit(0)
os.waitpid(child, 0)
made["either",].add(1)
print(sorted(reading.values for reading in SHELF.readings() if reading.name == "made_total"))
"""


def test_a_fork_counts_apart_from_its_parent(tmp_path: Path) -> None:
    completed = subprocess.run(
        [sys.executable, "-c", COUNT_IN_BOTH],
        env={**os.environ, "PYTHONPATH": str(ROOT / "platform"), "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert completed.stdout == "[[2.0], [5.0]]\n"
    assert len(list(tmp_path.glob("*.values"))) == 2
