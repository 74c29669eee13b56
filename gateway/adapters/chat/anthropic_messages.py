"""Anthropic's Messages, as Anthropic and servers that follow it speak it: POST /v1/messages.

The catalog's upstream says `auth = "x-api-key"`. Source: Anthropic's API reference, version 2023-06-01.
"""

from gateway.adapters.chat.dialect_server import DialectServer
from gateway.dialects.anthropic_messages.dialect import ANTHROPIC_MESSAGES

SERVES = frozenset({"chat"})
SPEAKS_DIALECTS = True
VERSION = ("anthropic-version", "2023-06-01")

_SERVER = DialectServer(
    ANTHROPIC_MESSAGES,
    path=lambda model, streamed: "/v1/messages",
    limit_field=("max_tokens",),
    headers=(VERSION,),
    # Several hundred by Anthropic's own tables, of each model another number.
    tools_tokens=1000,
    own_tool_tokens=1500,
)
ceiling = _SERVER.ceiling
left_out = _SERVER.left_out
steps = _SERVER.steps
