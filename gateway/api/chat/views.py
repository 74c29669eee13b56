"""Chat on its four addresses. Each says how its body becomes an OpenAI chat body, and its answer ours.

What the bodies may be is in `bodies`, what the OpenAPI document says of all of it in `schema`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from aio_platform.credits import json_credits
from aio_platform.errors import InvalidRequest, PlatformError
from aio_platform.http.async_api import AsyncAPIView
from aio_platform.http.handler import GatewayRequest
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.adapters.chat.request import ChatRequest
from gateway.adapters.chat.weight import answer_text
from gateway.adapters.protocol import Adapter, JsonAnswer
from gateway.adapters.registry import CALL_ADAPTERS
from gateway.api.chat import schema
from gateway.api.chat.bodies import ChatCompletionBody, LlmChatBody, SamplingFields, TextChatBody
from gateway.calls.call import Call
from gateway.calls.respond import respond
from gateway.calls.runtime import runtime
from gateway.calls.settle_once import charge_of
from gateway.catalog.routes import Route
from gateway.contracts.parsing import RequestContract, parse_body
from gateway.endpoints import CHAT, CHAT_TIME_LIMIT
from gateway.http.authentication import credentials_of, error_after_precheck
from gateway.http.endpoint_view import json_response
from gateway.http.idempotency import idempotency_key_of, run_idempotent
from gateway.http.json_body import read_json_body
from gateway.openapi.presentation import TEXT, DocsPage, Example, OpenAICall, Presented, WorkbenchForm

DEFAULT_TEMPERATURE = 0.1
CLAMPED_HEADER = "X-Max-Tokens-Clamped"
LEFT_OUT_HEADER = "X-Fields-Left-Out"
MOST_NAMED = 20
MAX_HEADER_LENGTH = 1000
_CREATE = OpenAICall(
    "chat.completions.create",
    frozenset(
        {
            "frequency_penalty", "max_completion_tokens", "max_tokens", "messages", "model", "n", "parallel_tool_calls",
            "presence_penalty", "reasoning_effort", "response_format", "seed", "stop", "stream", "stream_options",
            "temperature", "tool_choice", "tools", "top_p", "user",
        }
    ),
)  # fmt: skip


class ChatView(Presented, AsyncAPIView):
    """What the four have in common: read, price, execute, answer."""

    endpoint = CHAT
    contract: type[RequestContract] = ChatCompletionBody
    adapters = CALL_ADAPTERS
    # Where a dialect's clients put the key, besides the Authorization header.
    key_header: bytes | None = None

    async def execute(self, drf_request: Request) -> HttpResponseBase:
        request: GatewayRequest = drf_request._request  # type: ignore[assignment]
        caller = await credentials_of(
            request, session_allowed=self.session_allowed, key_header=self.key_header
        )
        try:
            body = await read_json_body(request, caller, CHAT)
            chat = self.read(request, body)
            routes = runtime().catalog.current.routes_for(CHAT, chat.values.get("model"))
            ceiling = self.adapters[routes[0].adapter].ceiling(chat, routes[0])
            chat.limit_to(ceiling)
            if len(routes) > 1:
                routes = (routes[0], *that_can_be_told(chat, routes[1:], self.adapters))
            idempotency_key = idempotency_key_of(request)
        except PlatformError as error:
            raise await error_after_precheck(caller, CHAT, error) from None
        request.watch_disconnect()
        call = Call(
            request.request_uuid,
            request.arrived,
            caller,
            CHAT,
            routes,
            ceiling,
            routes[0].time_limit_s or CHAT_TIME_LIMIT.value(),
            streamed=chat.stream,
            path=request.path,
            stop_watching=request.stop_watching,
        )
        if not idempotency_key:
            return await self._answer(call, chat)
        return await run_idempotent(
            request,
            caller,
            idempotency_key,
            self.what_was_asked(body, chat),
            call.time_limit_s,
            CHAT,
            routes[0].model,
            lambda: self._answer(call, chat),
        )

    async def _answer(self, call: Call, chat: ChatRequest) -> HttpResponseBase:
        def to_response(answer: JsonAnswer) -> HttpResponse:
            return json_response(self.to_response(answer, call, chat))

        response = await respond(runtime().relay, call, chat, to_response, self.adapters)
        _say_if_clamped(response, call, chat)
        left_out = getattr(self.adapters[(call.route or call.routes[0]).adapter], "left_out", None)
        if left_out is not None:
            _say_what_was_left_out(response, left_out(chat, call.route or call.routes[0]))
        return response

    def read(self, request: GatewayRequest, body: bytes) -> ChatRequest:
        """The call as the adapters see it; may raise InvalidRequest."""
        contract, values = parse_body(self.contract, body, request.header(b"content-type"))
        assert isinstance(contract, SamplingFields)
        return self.chat_request(contract, values, len(body), request)

    def chat_request(
        self, contract: SamplingFields, values: dict[str, Any], size_bytes: int, request: GatewayRequest
    ) -> ChatRequest:
        """The call of a body that keeps the contract; may raise InvalidRequest."""
        options = contract.stream_options
        include_usage = bool(options and options.include_usage)
        return ChatRequest(values, size_bytes, self.wants_stream(contract, request), include_usage)

    def wants_stream(self, contract: SamplingFields, request: GatewayRequest) -> bool:
        return bool(contract.stream)

    def what_was_asked(self, body: bytes, chat: ChatRequest) -> bytes:
        """What makes two calls under one Idempotency-Key the same: the body, and what else decides the form."""
        if chat.values.get("stream") is None and chat.stream:
            return body + b"\0stream"  # its Accept header asked for events; no body has this at its end
        return body

    def to_response(self, answer: JsonAnswer, call: Call, chat: ChatRequest) -> dict[str, Any]:
        """The answer's body, from the OpenAI object that `answer.values` is; made before the capture."""
        values: dict[str, Any] = answer.values
        return values


class OpenAIChatView(ChatView):
    """POST /v1/chat/completions: strictly as OpenAI's SDKs expect."""

    example = Example({"model": "gemini", "messages": [{"role": "user", "content": "Hello!"}]})
    openai_call = _CREATE
    docs_page = DocsPage(
        "openai-chat", _("Chat completions"), _("As OpenAI's SDKs expect, unmodified."), place=1
    )

    @extend_schema(**schema.OPENAI)
    async def post(self, request: Request) -> HttpResponseBase:
        return await self.execute(request)


class ApiInOneChatView(ChatView):
    """POST /api/v1/chat/completions: streams unless told otherwise, thinks aloud, and shows the price."""

    example = Example(
        {"model": "gemini", "messages": [{"role": "user", "content": "Hello!"}], "stream": False}
    )
    openai_call = _CREATE
    docs_page = DocsPage(
        "chat-completions",
        _("Chat"),
        _("Chat completions in OpenAI's format, streamed unless you say otherwise."),
        place=5,
    )

    @extend_schema(**schema.API_IN_ONE)
    async def post(self, request: Request) -> HttpResponseBase:
        return await self.execute(request)

    def wants_stream(self, contract: SamplingFields, request: GatewayRequest) -> bool:
        if contract.stream is not None:
            return contract.stream
        # The SDKs leave `stream` out when it is false, and then accept nothing but JSON.
        return request.header(b"accept").strip().lower() != "application/json"

    def chat_request(
        self, contract: SamplingFields, values: dict[str, Any], size_bytes: int, request: GatewayRequest
    ) -> ChatRequest:
        chat = super().chat_request(contract, values, size_bytes, request)
        chat.thinks_by_default = True
        return chat

    def to_response(self, answer: JsonAnswer, call: Call, chat: ChatRequest) -> dict[str, Any]:
        values = super().to_response(answer, call, chat)
        values["credits_consumed"] = json_credits(charge_of(call, answer.units))
        return values


class LlmChatView(ChatView):
    """POST /llm/v1/chat/completions: `messages`, or `input` whose answer also has `text`."""

    contract = LlmChatBody
    session_allowed = True
    example = Example(
        {"input": "Summarize this incident report and suggest next actions.", "temperature": 0.1}
    )
    docs_page = DocsPage(
        "llm-chat",
        _("Text (LLM), OpenAI shape"),
        _("Generates a text from input or messages, and answers as OpenAI does."),
        place=2,
    )
    workbench_form = WorkbenchForm(
        "chat",
        _("Chat"),
        TEXT,
        place=1,
        main=("messages", "stream", "temperature", "max_tokens"),
        other_names=frozenset({"input"}),
    )

    @extend_schema(**schema.LLM)
    async def post(self, request: Request) -> HttpResponseBase:
        return await self.execute(request)

    def chat_request(
        self, contract: SamplingFields, values: dict[str, Any], size_bytes: int, request: GatewayRequest
    ) -> ChatRequest:
        assert isinstance(contract, LlmChatBody)
        if contract.input is not None:
            _input_as_message(values)
        return super().chat_request(contract, values, size_bytes, request)

    def to_response(self, answer: JsonAnswer, call: Call, chat: ChatRequest) -> dict[str, Any]:
        values = super().to_response(answer, call, chat)
        if "input" in chat.values:
            values["text"] = answer_text(values)
        return values


class TextChatView(ChatView):
    """POST /api/chat: a question in, `{"text"}` out."""

    contract = TextChatBody
    session_allowed = True
    example = Example({"input": "Question or instruction", "temperature": 0.1})
    docs_page = DocsPage("chat", _("Text (LLM)"), _("Generates a text from a prompt."), place=1)
    workbench_form = WorkbenchForm(
        "text_chat",
        _("One question"),
        TEXT,
        place=2,
        main=("input", "temperature"),
        other_names=frozenset({"stream", "stream_options"}),
    )

    @extend_schema(**schema.TEXT)
    async def post(self, request: Request) -> HttpResponseBase:
        return await self.execute(request)

    def chat_request(
        self, contract: SamplingFields, values: dict[str, Any], size_bytes: int, request: GatewayRequest
    ) -> ChatRequest:
        if contract.stream:
            raise InvalidRequest(_("%(param)s: this endpoint answers in one piece."), param="stream")
        _input_as_message(values)
        return super().chat_request(contract, values, size_bytes, request)

    def to_response(self, answer: JsonAnswer, call: Call, chat: ChatRequest) -> dict[str, Any]:
        return {"text": answer_text(answer.values)}


def that_can_be_told(
    chat: ChatRequest, routes: Iterable[Route], adapters: Mapping[str, Adapter]
) -> list[Route]:
    """Of the routes to fall back on, those whose servers can be told all that changes the answer."""
    return [route for route in routes if _can_be_told(chat, route, adapters[route.adapter])]


def _can_be_told(chat: ChatRequest, route: Route, adapter: Adapter) -> bool:
    if not hasattr(adapter, "left_out"):
        return True
    try:
        adapter.ceiling(chat, route)
    except InvalidRequest:
        return False
    return True


def _say_if_clamped(response: HttpResponseBase, call: Call, chat: ChatRequest) -> None:
    """Name the output limit that stood in place of the larger one that was asked for."""
    most = chat.clamped_to(call.route or call.routes[0])
    if most is not None:
        response[CLAMPED_HEADER] = str(most)


def _say_what_was_left_out(response: HttpResponseBase, paths: list[str]) -> None:
    """Name the fields that the model's server has no place for, and whose absence changes nothing of the answer."""
    if not paths:
        return
    shown = [path for path in paths if path.isascii() and path.isprintable()][:MOST_NAMED]
    more = [f"and {len(paths) - len(shown)} more"] if len(paths) > len(shown) else []
    response[LEFT_OUT_HEADER] = ", ".join([*shown, *more])[:MAX_HEADER_LENGTH]


def _input_as_message(values: dict[str, Any]) -> None:
    values["messages"] = [{"role": "user", "content": values["input"]}]
    if values.get("temperature") is None:
        values["temperature"] = DEFAULT_TEMPERATURE
