"""Whatever a provider sends, a step ends as it promises or says what is wrong: never anything else."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.protocol import AnswerRefused, MalformedAnswer, Received, UpstreamFault
from gateway.adapters.registry import TASK_ADAPTERS
from gateway.adapters.tasks.protocol import Polled, Progress, Submitted
from tests.gateway.adapters.driving import Route
from tests.gateway.adapters.tasks.task_driving import task

STATES = """
    waiting queuing generating success fail PENDING SUCCESS CALLBACK_EXCEPTION X_FAILED IN_QUEUE COMPLETED starting
    succeeded failed canceled created completed
""".split()  # noqa: SIM905 - words read better than a list of them
NAMES = st.sampled_from(
    """
    code data taskId state status resultJson resultUrls response sunoData audioUrl request_id error error_type id output
    outputs urls url images video detail results next webhook
    """.split()  # noqa: SIM905
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.sampled_from(
        [200, 422, 500, 1.5, "", "t-1", "https://x.test/y", '{"resultUrls":["https://x.test/y"]}', "["]
    )
    | st.sampled_from(STATES)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=15,
)
ENVELOPED = st.builds(lambda data: {"code": 200, "data": data}, VALUES)
REFERENCE = {"id": "t-1", "app": "fal-ai/flux"}


@pytest.mark.parametrize("name", TASK_ADAPTERS)
@given(first=VALUES | ENVELOPED, second=VALUES)
def test_nonsense_is_told_as_the_providers(name: str, first: Any, second: Any) -> None:
    adapter = TASK_ADAPTERS[name]
    polled = outcome(adapter.poll(REFERENCE, Route()), first, second)
    if isinstance(polled, Polled):
        assert bool(polled.results) == (polled.progress is Progress.SUCCEEDED)
        assert bool(polled.error_message) == (polled.progress is Progress.FAILED)
        assert all(isinstance(url, str) for url in polled.results)
    submitted = outcome(adapter.submit(task(), Route()), first)
    if isinstance(submitted, Submitted):
        assert orjson.loads(orjson.dumps(submitted.reference))["id"]
    finding = adapter.find(task(), Route())
    if finding is not None:
        outcome(finding, first, second)


def outcome(steps: Any, *answers: Any) -> Any:
    """What the steps return, having been given as many of the answers as they ask for; None where they raise."""
    left = iter(answers)
    try:
        next(steps)
        while True:
            steps.send(Received("application/json", {}, orjson.dumps(next(left))))
    except StopIteration as stop:
        return stop.value
    except (MalformedAnswer, UpstreamFault, AnswerRefused):
        return None
