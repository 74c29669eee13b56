"""Puts a stream of the Responses API together as OpenAI's own clients do, and as strictly.

openai-python's types and its accumulator are used themselves. What openai-node's checks besides (order, indexes, ids)
is said again here: it is TypeScript.
"""

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

from openai import omit
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from gateway.dialects.dialect import Event

_EVENTS: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
_LAST = ("response.completed", "response.incomplete", "response.failed")


def put_together(events: Iterable[Event]) -> dict[str, Any]:
    """The answer's object, once from the last event and once from all before it: both are the same."""
    told = list(events)
    assert [event.values["sequence_number"] for event in told] == list(range(len(told)))
    assert all(event.name == event.values["type"] for event in told)
    assert [event.name for event in told[:2]] == ["response.created", "response.in_progress"]
    assert told[-1].name in _LAST
    state = ResponseStreamState(input_tools=omit, text_format=omit)
    output: list[dict[str, Any]] = []
    for event in told:
        typed = _EVENTS.validate_python(event.values)
        assert typed.to_dict(exclude_unset=False)["type"] == event.name
        state.handle_event(typed)
        _accumulate(output, deepcopy(event.values))
    last: dict[str, Any] = told[-1].values["response"]
    assert output == last["output"]
    return last


def _accumulate(output: list[dict[str, Any]], event: dict[str, Any]) -> None:
    kind = event["type"].removeprefix("response.")
    if "output_index" not in event:
        return
    place = event["output_index"]
    if kind == "output_item.added":
        assert place == len(output)
        _check_identity(event["item"], output)
        output.append(event["item"])
        return
    item = output[place]
    if kind == "output_item.done":
        done = event["item"]
        assert [done.get(name) for name in ("type", "id", "call_id")] == [
            item.get(name) for name in ("type", "id", "call_id")
        ]
        _check_same(item, done)
        output[place] = done
        return
    assert event["item_id"] == item["id"]
    if kind.startswith("reasoning_summary"):
        assert item["type"] == "reasoning"
        _summarise(item["summary"], kind, event)
    elif kind.startswith(("function_call_arguments", "custom_tool_call_input")):
        field = "arguments" if item["type"] == "function_call" else "input"
        assert kind.startswith(item["type"])
        if kind.endswith("delta"):
            item[field] += event["delta"]
        else:
            assert event[field] == item[field]
    else:
        _say(item, kind, event)


def _check_identity(item: dict[str, Any], output: list[dict[str, Any]]) -> None:
    assert isinstance(item["id"], str)
    assert item["id"]
    assert item["id"] not in [other["id"] for other in output]
    if "call_id" in item:
        assert item["call_id"]
        assert (item["type"], item["call_id"]) not in [
            (other["type"], other.get("call_id")) for other in output
        ]


def _check_same(item: dict[str, Any], done: dict[str, Any]) -> None:
    """What has been streamed is what the item is in the end; a status and a secret come with its end."""
    late = ("status", "encrypted_content")
    assert {name: value for name, value in item.items() if name not in late} == {
        name: value for name, value in done.items() if name not in late
    }


def _summarise(summary: list[dict[str, Any]], kind: str, event: dict[str, Any]) -> None:
    number = event["summary_index"]
    match kind:
        case "reasoning_summary_part.added":
            assert number == len(summary)
            summary.append(event["part"])
        case "reasoning_summary_part.done":
            assert summary[number] == event["part"]
        case "reasoning_summary_text.delta":
            summary[number]["text"] += event["delta"]
        case "reasoning_summary_text.done":
            assert summary[number]["text"] == event["text"]
        case _:
            raise AssertionError(kind)


def _say(item: dict[str, Any], kind: str, event: dict[str, Any]) -> None:
    content, number = item.setdefault("content", []), event["content_index"]
    if kind == "content_part.added":
        expected = "reasoning" if event["part"]["type"] == "reasoning_text" else "message"
        assert item["type"] == expected
        assert number == len(content)
        content.append(event["part"])
        return
    part = content[number]
    if kind == "content_part.done":
        assert part == event["part"]
        return
    said, _, what = kind.rpartition(".")
    if said == "output_text.annotation":
        assert event["annotation_index"] == len(part["annotations"])
        part["annotations"].append(event["annotation"])
        return
    assert said == part["type"]
    field = "refusal" if said == "refusal" else "text"
    if what == "delta":
        part[field] += event["delta"]
        part.get("logprobs", []).extend(event.get("logprobs", []))
    else:
        assert what == "done"
        assert event[field] == part[field]
