"""What the addresses of other chat dialects have in common: the call of a body in that dialect, and its answer."""

import time
from collections.abc import Mapping
from typing import Any, ClassVar

from aio_platform.errors import InvalidRequest
from aio_platform.http.handler import GatewayRequest
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.adapters.chat.caller_dialect import CallerDialect
from gateway.adapters.chat.dialect_requests import request_in
from gateway.adapters.chat.request import ChatRequest
from gateway.adapters.chat.translated import in_dialects
from gateway.adapters.protocol import JsonAnswer
from gateway.adapters.registry import CALL_ADAPTERS
from gateway.api.chat.bodies import UNPRICED_FIELDS as UNPRICED_CHAT_FIELDS
from gateway.api.chat.run_by_provider import without_hosted_tools
from gateway.api.chat.views import ChatView
from gateway.calls.call import Call
from gateway.contracts.parsing import is_same, parse_body
from gateway.dialects.conversation import (
    Audio,
    Conversation,
    Document,
    Image,
    Native,
    Part,
    ToolResult,
)
from gateway.dialects.dialect import Dialect, bad_field

MAX_PASSED_HEADER_LENGTH = 1000
PRICED_TIERS = (None, "auto", "default")
# What servers of several dialects know under OpenAI's chat's names, whichever the body is in: more answers than one, or
# longer ones, than the hold is for.
UNPRICED_FIELDS: Mapping[str, tuple[Any, ...]] = {
    **{name: plain for name, plain in UNPRICED_CHAT_FIELDS.items() if name != "service_tier"},
    "max_completion_tokens": (),
    "n": (1,),
}
_NOT_PRICED = _("is not supported here. Leave it out")


class DialectView(ChatView):
    """An address whose bodies and answers are in a dialect of its own."""

    dialect: ClassVar[Dialect]
    # Headers that a server of the same dialect is sent as they came.
    passed_headers: ClassVar[tuple[bytes, ...]] = ()
    # What ids of answers begin with.
    id_prefix: ClassVar[str] = ""
    # Tools that the caller runs although the dialect has them, by their kinds.
    callers_own_tools: ClassVar[frozenset[str]] = frozenset()
    # Fields that no rate here covers, with the values that ask for nothing special.
    unpriced_fields: ClassVar[Mapping[str, tuple[Any, ...]]] = UNPRICED_FIELDS
    adapters = in_dialects(CALL_ADAPTERS)

    def read(self, request: GatewayRequest, body: bytes) -> ChatRequest:
        """The call as the adapters see it; raises InvalidRequest, also for what no rate here covers."""
        values = parse_body(self.contract, body, request.header(b"content-type"))[1]
        for name, plain in self.unpriced_fields.items():
            if values.get(name) is not None and not any(is_same(values[name], each) for each in plain):
                raise bad_field(name, _NOT_PRICED)
        asked = self.dialect.read_request(self.with_address(values))
        self.check_priced(asked)
        body, left_out = without_hosted_tools(asked, self.callers_own_tools, values, body)
        return request_in(
            CallerDialect(
                self.dialect,
                body,
                asked,
                f"{self.id_prefix}{request.request_uuid.replace('-', '')}",
                int(time.time()),
                self.headers_to_pass(request),
                left_out,
            )
        )

    def with_address(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """The body's fields, and those that stand in the address."""
        return values

    def check_priced(self, asked: Conversation) -> None:
        """Raises InvalidRequest for parts that upstreams bill in ways no rate here covers."""
        if asked.service_tier not in PRICED_TIERS:
            raise bad_field("service_tier", _("expected auto or default; other tiers are not priced here"))
        for message in asked.messages:
            for part in message.parts:
                _check_part(part)

    def headers_to_pass(self, request: GatewayRequest) -> tuple[tuple[str, str], ...]:
        """The caller's headers for a server of the same dialect. Raises InvalidRequest for one that is no header."""
        found = []
        for name in self.passed_headers:
            value = request.header(name)
            if not value:
                continue
            if len(value) > MAX_PASSED_HEADER_LENGTH or not (value.isascii() and value.isprintable()):
                raise InvalidRequest(
                    _("%(param)s must be at most %(limit)s printable characters."),
                    param=name.decode(),
                    limit=MAX_PASSED_HEADER_LENGTH,
                )
            found.append((name.decode(), value))
        return tuple(found)

    def what_was_asked(self, body: bytes, chat: ChatRequest) -> bytes:
        """As it is; the headers that a server is sent decide the answer too."""
        passed = chat.came_as.headers if chat.came_as else ()
        return b"\0".join([body, *(f"{name}: {value}".encode() for name, value in passed)])

    def to_response(self, answer: JsonAnswer, call: Call, chat: ChatRequest) -> Any:
        """The answer as the adapter gave it, which is in the caller's dialect; bytes are passed on as they came."""
        return answer.values


def _check_part(part: Part) -> None:
    match part:
        case ToolResult(parts=parts):
            for inner in parts:
                _check_part(inner)
        case Audio() | Native():
            raise bad_field(part.path, _NOT_PRICED)
        case Document(source=source) if source is not None:
            raise bad_field(part.path, _("expected a document's text; files are not priced here"))
        case Image(source=source) if source.file_id is not None:
            raise bad_field(
                part.path, _("expected the image itself or its URL; files of a provider are not known here")
            )
