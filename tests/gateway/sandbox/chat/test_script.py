"""An agent's script: its steps are played one after the other, however the conversation is told."""

import json

import pytest

STEPS = [
    {"tool": "read", "arguments": {"path": "a.txt"}},
    {"tool": "write", "arguments": {"path": "a.txt", "lines": ["x"]}},
    {"text": "It is done."},
]
PROMPT = f"Please edit it. [[sbx:script={json.dumps(STEPS).replace(']]', '] ]')} ]]"
TOOLS = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in ("read", "write")]


def ask(sandbox, messages, **more):
    answer = sandbox.post(
        "/v1/chat/completions", json={"model": "m", "messages": messages, "tools": TOOLS, **more}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()["choices"][0]["message"]


def test_the_steps_are_played_in_their_order_and_then_it_speaks(sandbox):
    messages = [{"role": "user", "content": PROMPT}]
    played = []
    while calls := (said := ask(sandbox, messages)).get("tool_calls"):
        played += [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in calls]
        messages += [said, {"role": "tool", "tool_call_id": calls[0]["id"], "content": "ok"}]
        # Agents remind models of things in the user's name.
        messages.append({"role": "user", "content": "a reminder"})
    assert played == [(step["tool"], step["arguments"]) for step in STEPS[:2]]
    assert said["content"] == "It is done."
    assert len({message["tool_call_id"] for message in messages if message["role"] == "tool"}) == 2


def test_a_script_begins_anew_with_its_prompt(sandbox):
    before = [
        {"role": "user", "content": "earlier"},
        {"role": "tool", "tool_call_id": "c", "content": "an earlier result"},
    ]
    said = ask(sandbox, [*before, {"role": "user", "content": PROMPT}])
    assert said["tool_calls"][0]["function"]["name"] == "read"


def test_where_its_tool_is_not_offered_the_model_speaks(sandbox):
    assert ask(sandbox, [{"role": "user", "content": PROMPT}], tools=None)["content"].startswith("You said")


@pytest.mark.parametrize("script", ["{}", "[1]", "[{}]", "no json"])
def test_what_is_no_script_is_refused(sandbox, script):
    assert sandbox.chat(f"[[sbx:script={script} ]]").status_code == 400
