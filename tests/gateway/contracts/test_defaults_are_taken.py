"""A field's own default, null, or the value that asks for nothing special is never refused, on any endpoint.

The fields and their types are OpenAI's own, read from its Python package, so that a new one is tried when it comes.
"""

import typing
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from openai.types.audio.speech_create_params import SpeechCreateParams
from openai.types.chat.completion_create_params import CompletionCreateParamsBase
from openai.types.completion_create_params import CompletionCreateParamsBase as TextCompletionCreateParamsBase
from openai.types.embedding_create_params import EmbeddingCreateParams
from openai.types.image_generate_params import ImageGenerateParamsBase
from openai.types.moderation_create_params import ModerationCreateParams
from openai.types.responses.response_create_params import ResponseCreateParamsBase
from rest_framework import serializers

import accounts.keys.serializers
import gateway.webhooks_out.bodies  # noqa: F401 - its bodies are found by being known
from aio_platform.errors import InvalidRequest
from aio_platform.http.serializers import StrictSerializer
from gateway.adapters.chat import openai_chat
from gateway.adapters.chat.request import ChatRequest
from gateway.api.chat.bodies import ChatCompletionBody, LlmChatBody, TextChatBody
from gateway.api.chat.messages import MessagesBody
from gateway.api.chat.responses import ResponsesBody
from gateway.api.chat.text_completions import CompletionBody
from gateway.api.embeddings import OpenAIEmbeddingBody, TextEmbeddingBody
from gateway.api.gemini.bodies import GenerateContentBody
from gateway.api.gemini.embeddings import BatchEmbedContentsBody, EmbedContentBody
from gateway.api.images import OpenAIImageBody, TextToImageBody
from gateway.api.moderations import ModerationBody
from gateway.api.music import TextToMusicBody
from gateway.api.rerank import OpenAIRerankBody, PassageRerankBody
from gateway.api.speech import OpenAISpeechBody, SpokenTextBody
from gateway.contracts.form import FormContract
from gateway.contracts.parsing import RequestContract, parse_body
from gateway.task_models.shipped import SHIPPED
from gateway.urls import urlpatterns
from tests.gateway.local_upstream import route_to
from tests.gateway.task_models.bodies import ENDPOINT_OF, LEAST, read

MESSAGES = [{"role": "user", "content": "hello"}]
LEAST_BODIES: dict[type[RequestContract], dict[str, Any]] = {
    ChatCompletionBody: {"model": "gemini", "messages": MESSAGES},
    LlmChatBody: {"messages": MESSAGES},
    TextChatBody: {"input": "hello"},
    CompletionBody: {"model": "gemini", "prompt": "hello"},
    ResponsesBody: {"model": "gemini", "input": "hello"},
    MessagesBody: {"model": "gemini", "max_tokens": 9, "messages": MESSAGES},
    GenerateContentBody: {"contents": [{"parts": [{"text": "hello"}]}]},
    EmbedContentBody: {"content": {"parts": [{"text": "hello"}]}},
    BatchEmbedContentsBody: {"requests": [{"content": {"parts": [{"text": "hello"}]}}]},
    TextEmbeddingBody: {"input": "hello"},
    OpenAIEmbeddingBody: {"model": "bge-m3", "input": "hello"},
    PassageRerankBody: {"query": "q", "input": ["a"]},
    OpenAIRerankBody: {"model": "bge-reranker", "query": "q", "documents": ["a"]},
    ModerationBody: {"input": "hello"},
    SpokenTextBody: {"text": "hello"},
    OpenAISpeechBody: {"model": "tts-1", "input": "hello", "voice": "alloy"},
    TextToImageBody: {"prompt": "a fox"},
    OpenAIImageBody: {"prompt": "a fox"},
    TextToMusicBody: {"prompt": "jazz"},
}
OPENAIS_PARAMETERS: list[tuple[type[RequestContract], Any]] = [
    (ChatCompletionBody, CompletionCreateParamsBase),
    (LlmChatBody, CompletionCreateParamsBase),
    (TextChatBody, CompletionCreateParamsBase),
    (CompletionBody, TextCompletionCreateParamsBase),
    (ResponsesBody, ResponseCreateParamsBase),
    (OpenAIEmbeddingBody, EmbeddingCreateParams),
    (OpenAIImageBody, ImageGenerateParamsBase),
    (OpenAISpeechBody, SpeechCreateParams),
    (ModerationBody, ModerationCreateParams),
]
# What the references give as defaults, and what stands for nothing at all.
DOCUMENTED: list[tuple[type[RequestContract], str, Any]] = [
    *(
        (contract, name, value)
        for contract in (ChatCompletionBody, LlmChatBody, TextChatBody)
        for name, value in [
            ("frequency_penalty", 0),
            ("function_call", "none"),
            ("function_call", "auto"),
            ("functions", []),
            ("logit_bias", {}),
            ("logprobs", False),
            ("metadata", {}),
            ("modalities", ["text"]),
            ("n", 1),
            ("parallel_tool_calls", True),
            ("presence_penalty", 0),
            ("reasoning_effort", "medium"),
            ("response_format", {"type": "text"}),
            ("service_tier", "auto"),
            ("service_tier", "default"),
            ("stop", []),
            ("store", False),
            ("stream", False),
            ("temperature", 1),
            ("tool_choice", "none"),
            ("tool_choice", "auto"),
            ("tools", []),
            ("top_p", 1),
            ("user", ""),
            ("verbosity", "medium"),
        ]
    ),
    *(
        (CompletionBody, name, value)
        for name, value in [
            ("best_of", 1),
            ("echo", False),
            ("frequency_penalty", 0),
            ("logit_bias", {}),
            ("max_tokens", 16),
            ("n", 1),
            ("presence_penalty", 0),
            ("stop", []),
            ("stream", False),
            ("suffix", ""),
            ("temperature", 1),
            ("top_p", 1),
            ("user", ""),
        ]
    ),
    (OpenAIEmbeddingBody, "encoding_format", "float"),
    (PassageRerankBody, "return_documents", False),
    (OpenAIRerankBody, "return_documents", True),
    (SpokenTextBody, "speaker", ""),
    (SpokenTextBody, "language", ""),
    (SpokenTextBody, "instruct", ""),
    (OpenAISpeechBody, "response_format", "mp3"),
    (OpenAISpeechBody, "speed", 1),
    (OpenAISpeechBody, "stream_format", "audio"),
    (OpenAISpeechBody, "instructions", ""),
    (TextToImageBody, "negative_prompt", ""),
    (TextToImageBody, "width", 1024),
    (TextToMusicBody, "audio_duration", 10),
    *(
        (OpenAIImageBody, name, value)
        for name, value in [
            ("background", "auto"),
            ("moderation", "auto"),
            ("n", 1),
            ("output_compression", 100),
            ("output_format", "png"),
            ("partial_images", 0),
            ("quality", "auto"),
            ("quality", "standard"),
            ("response_format", "b64_json"),
            ("response_format", "url"),
            ("size", "auto"),
            ("stream", False),
            ("style", "vivid"),
            ("user", ""),
        ]
    ),
]


def parsed(contract: type[RequestContract], **more: Any) -> tuple[RequestContract, dict[str, Any]]:
    body = orjson.dumps({**LEAST_BODIES[contract], **more})
    return parse_body(contract, body, "application/json")


def nulls() -> Iterator[tuple[type[RequestContract], str]]:
    for contract, fields in LEAST_BODIES.items():
        for name in contract.model_fields:
            if name not in fields:
                yield contract, name
    for contract, parameters in OPENAIS_PARAMETERS:
        for name, kind in typing.get_type_hints(parameters, include_extras=True).items():
            if "Required" not in str(kind) and name not in LEAST_BODIES[contract]:
                yield contract, name


def test_every_endpoint_that_takes_json_is_among_them() -> None:
    views = [pattern.callback for pattern in urlpatterns]
    kinds = {getattr(getattr(view, "view_class", None), "contract", None) for view in views}
    bodies = {kind for kind in kinds if kind is not None and not issubclass(kind, FormContract)}
    assert bodies == set(LEAST_BODIES)


@pytest.mark.parametrize(("contract", "name"), sorted(set(nulls()), key=str))
def test_null_is_taken_for_every_field_that_may_be_left_out(
    contract: type[RequestContract], name: str
) -> None:
    parsed(contract, **{name: None})


@pytest.mark.parametrize(("contract", "name", "value"), DOCUMENTED)
def test_a_documented_default_is_taken(contract: type[RequestContract], name: str, value: Any) -> None:
    parsed(contract, **{name: value})


@pytest.mark.parametrize("contract", [ChatCompletionBody, OpenAIImageBody])
def test_what_asks_for_nothing_special_goes_to_no_upstream(contract: type[RequestContract]) -> None:
    meant = {name: values[0] for name, values in contract.nothing_special.items() if values}
    body, values = parsed(contract, **meant)
    assert not set(meant) & set(values)
    assert not set(meant) & set(body.model_extra or {})


def test_null_goes_to_no_upstream() -> None:
    names = {name for contract, name in nulls() if contract is ChatCompletionBody}
    _, values = parsed(ChatCompletionBody, **dict.fromkeys(names))
    request = ChatRequest(values, 100, False, False)
    route = route_to("http://upstream.test")
    request.limit_to(openai_chat.ceiling(request, route))
    sent = orjson.loads(openai_chat.build(request, route))
    assert set(sent) == {"model", "messages", "max_tokens", "stream"}


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("service_tier", "flex", '"auto" or "default"'),
        ("modalities", ["text", "audio"], '["text"]'),
        ("function_call", {"name": "f"}, '"none"'),
        ("functions", [{"name": "f"}], "[]"),
    ],
)
def test_what_no_rate_covers_is_refused_with_what_may_stand_there(
    name: str, value: Any, allowed: str
) -> None:
    with pytest.raises(InvalidRequest) as raised:
        parsed(ChatCompletionBody, **{name: value})
    assert raised.value.param == name
    assert raised.value.openai_code == "unsupported_parameter"
    assert allowed in raised.value.message


@pytest.mark.parametrize("model", sorted(LEAST))
def test_a_task_model_takes_null_and_its_own_defaults(model: str) -> None:
    least = read(model)
    described = SHIPPED._models[model].parameters
    optional = {name: None for name in described if name not in LEAST[model]}
    assert read(model, **optional).parameters == least.parameters
    defaults = {name: each.default for name, each in described.items() if each.default is not None}
    assert read(model, **defaults).units == least.units
    assert ENDPOINT_OF[model]


@pytest.mark.parametrize("body", StrictSerializer.__subclasses__(), ids=lambda body: body.__name__)
def test_the_key_and_callback_bodies_take_null_for_what_may_be_left_out(body: type[StrictSerializer]) -> None:
    given = {
        name: "https://example.com" if name == "url" else "x"
        for name, field in body().fields.items()
        if field.required
    }
    nothing = {name: None for name, field in body().fields.items() if field.default is not serializers.empty}
    read_bare, read_null = body(data=given), body(data={**given, **nothing})
    assert read_bare.is_valid()
    assert read_null.is_valid(), read_null.errors
    kept = {name: value for name, value in read_null.validated_data.items() if value is not None}
    assert kept == {name: value for name, value in read_bare.validated_data.items() if value is not None}


def test_the_bodies_are_all_known() -> None:
    assert accounts.keys.serializers.IssueBody in StrictSerializer.__subclasses__()
    assert issubclass(accounts.keys.serializers.IssueBody, serializers.Serializer)
