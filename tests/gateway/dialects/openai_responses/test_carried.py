"""What callers carry for another provider: its proofs come back untouched, whatever clients leave out."""

from typing import Any

import pytest

from gateway.dialects.conversation import (
    Conversation,
    DialectName,
    Message,
    Part,
    Reasoning,
    ReasoningAsked,
    Role,
    Text,
    ToolCall,
)
from gateway.dialects.dialect import AnswerContext
from gateway.dialects.openai_responses.carried import CarriedSecrets, unseal
from gateway.dialects.openai_responses.dialect import OPENAI_RESPONSES
from gateway.dialects.reply import Choice, Reply

_CLAUDE = DialectName.ANTHROPIC_MESSAGES
_THOUGHT = Reasoning("Let me see.", signature="EqQB", made_by=_CLAUDE)


def answered(*parts: Part, summary: str | None = None) -> list[dict[str, Any]]:
    asked = Conversation("m", [], reasoning=ReasoningAsked(summary=summary))
    reply = Reply("msg_1", "claude", [Choice(0, list(parts))])
    output: list[dict[str, Any]] = OPENAI_RESPONSES.write_reply(
        reply, AnswerContext("m", asked, "resp_a", 1)
    )["output"]
    return output


def read_again(output: list[dict[str, Any]]) -> list[Message]:
    return OPENAI_RESPONSES.read_request({"model": "m", "input": output}).messages


def test_a_thought_comes_back_with_its_proof() -> None:
    assert read_again(answered(_THOUGHT)) == [Message(Role.ASSISTANT, [_THOUGHT])]


def test_a_thought_comes_back_from_a_client_that_drops_its_text_and_ids() -> None:
    (item,) = answered(_THOUGHT)
    kept = {"type": "reasoning", "summary": [], "encrypted_content": item["encrypted_content"]}
    assert read_again([kept]) == [Message(Role.ASSISTANT, [_THOUGHT])]


def test_a_thought_that_is_shown_as_a_summary_comes_back_as_it_was() -> None:
    (item,) = answered(_THOUGHT, summary="auto")
    assert item["summary"] == [{"type": "summary_text", "text": "Let me see."}]
    assert "content" not in item
    assert read_again([item]) == [Message(Role.ASSISTANT, [_THOUGHT])]


def test_a_thought_without_a_proof_is_carried_in_the_open() -> None:
    (item,) = answered(Reasoning("Hm."))
    assert item["content"] == [{"type": "reasoning_text", "text": "Hm."}]
    assert "encrypted_content" not in item


def test_a_thought_that_nobody_may_read_comes_back() -> None:
    thought = Reasoning(encrypted="EmwK", made_by=_CLAUDE)
    assert read_again(answered(thought)) == [Message(Role.ASSISTANT, [thought])]


def test_openais_own_secret_is_not_touched() -> None:
    thought = Reasoning(encrypted="gAAA", item_id="rs_1", made_by=DialectName.OPENAI_RESPONSES)
    (item,) = answered(thought)
    assert item == {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "gAAA"}


def test_the_signature_of_a_call_comes_back_on_it() -> None:
    calls = [ToolCall("c1", "n", "{}", signature="AdHt"), ToolCall("c2", "n", "{}")]
    output = answered(*calls)
    assert [item["type"] for item in output] == ["function_call", "reasoning", "function_call"]
    (message,) = read_again(output)
    assert [(part.id, part.signature) for part in message.parts if isinstance(part, ToolCall)] == [
        ("c1", "AdHt"),
        ("c2", None),
    ]
    assert len(message.parts) == 2


def test_the_signature_of_a_text_comes_back_on_it() -> None:
    (message,) = read_again(answered(Text("a", signature="AdHt"), Text("b")))
    assert message.parts == [Text("a", signature="AdHt"), Text("b")]


def test_a_signature_whose_part_is_gone_goes_with_it() -> None:
    output = answered(ToolCall("c1", "n", "{}", signature="AdHt"))
    messages = read_again(
        [{"role": "user", "content": "hi"}, output[1], {"role": "user", "content": "again"}]
    )
    assert [message.role for message in messages] == [Role.USER, Role.USER]


@pytest.mark.parametrize("text", ["aio.", "aio.!", "aio.bnVsbA==", "aio.W10=", "gAAA", "", None])
def test_what_was_not_sealed_here_carries_nothing(text: str | None) -> None:
    assert unseal(text) is None


def test_half_characters_are_carried() -> None:
    carried = CarriedSecrets(_CLAUDE, "s", text="\ud83d")
    assert unseal(carried.sealed()) == carried
