"""A call falls back on no server that could not be told what changes the answer."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.adapters.chat.request import ChatRequest
from gateway.adapters.registry import CALL_ADAPTERS
from gateway.api.chat.views import that_can_be_told
from tests.gateway.local_upstream import route_to


@pytest.mark.parametrize(
    ("more", "adapters"),
    [
        ({}, ["openai_chat", "anthropic_messages", "openai_responses", "gemini"]),
        ({"n": 2}, ["openai_chat", "gemini"]),
        ({"logit_bias": {"1": -100}}, ["openai_chat"]),
    ],
)
def test_routes_that_would_leave_out_what_matters_are_passed_over(
    more: dict[str, Any], adapters: list[str]
) -> None:
    values = {"model": "small", "messages": [{"role": "user", "content": "Hi"}], **more}
    chat = ChatRequest(values, 100, stream=False, include_usage=True)
    routes = [
        replace(route_to("http://x.test"), adapter=name)
        for name in ("openai_chat", "anthropic_messages", "openai_responses", "gemini")
    ]
    assert [route.adapter for route in that_can_be_told(chat, routes, CALL_ADAPTERS)] == adapters
