"""Whole chat calls: a request, an upstream's answer to it, and a caller who stays or leaves."""

from hypothesis import strategies as st
from money.delivered.chat_answers import chat_answers
from money.delivered.chat_requests import chat_requests
from money.delivered.leaving import leavings
from money.delivered.world import Call


@st.composite
def chat_calls(draw: st.DrawFn) -> Call:
    asked = draw(chat_requests())
    says = draw(chat_answers(asked))
    leaving = draw(leavings(len(asked.body) + 200, len(says.script.raw)))
    return Call(
        asked.path,
        asked.body,
        says.script,
        asked.headers,
        leaving,
        repeats=draw(st.integers(0, 19)) == 19,
        true_price=says.true_price,
        can_deliver=says.can_deliver,
    )
