"""OpenAI's Responses, as OpenAI, Azure and servers that follow them speak it: POST /v1/responses, without their store.

Source: OpenAI's API reference, "Responses".
"""

from gateway.adapters.chat.dialect_server import DialectServer
from gateway.dialects.openai_responses.dialect import OPENAI_RESPONSES

SERVES = frozenset({"chat"})
SPEAKS_DIALECTS = True

_SERVER = DialectServer(
    OPENAI_RESPONSES,
    path=lambda model, streamed: "/v1/responses",
    limit_field=("max_output_tokens",),
    # Left open, OpenAI keeps the answer under the platform's account.
    fixed_fields=(("store", b"false"),),
)
ceiling = _SERVER.ceiling
left_out = _SERVER.left_out
steps = _SERVER.steps
