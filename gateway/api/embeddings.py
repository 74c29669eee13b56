"""Embeddings: Omakase's one text, and OpenAI's four forms of input."""

import base64
import struct
from typing import Annotated, Any, Literal

from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.utils import extend_schema
from pydantic import Discriminator, Field, StringConstraints, Tag, ValidationInfo, field_validator
from rest_framework.request import Request

from aio_platform.i18n.translatable import Message
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.adapters.protocol import JsonAnswer, MalformedAnswer
from gateway.adapters.shared.requests import EmbeddingRequest
from gateway.calls.relay import Call
from gateway.contracts.parsing import RequestContract
from gateway.contracts.text import ModelSlug, NonBlank
from gateway.http.endpoint_view import JsonEndpointView, json_response
from gateway.openapi.presentation import TEXT, DocsPage, Example, OpenAICall, WorkbenchForm
from gateway.openapi.schemas import (
    INTEGER,
    NUMBERS,
    STRING,
    array_of,
    json_body,
    json_object,
    operation,
    titled,
)

MAX_INPUTS = 2048
MAX_TOKENS_OF_INPUT = 100_000
TokenId = Annotated[int, Field(ge=0, lt=2**31)]
Tokens = Annotated[list[TokenId], Field(min_length=1, max_length=MAX_TOKENS_OF_INPUT)]
Text = Annotated[str, StringConstraints(min_length=1)]


class TextEmbeddingBody(RequestContract):
    """POST /api/embedding: `input`, or `text` in its place; `input_type` may be any string."""

    descriptions = {
        "input": _("The text to embed."),
        "text": _("Another name for input; give one of the two."),
        "input_type": _("A hint for the model, such as query or document; any string is accepted."),
    }
    model: ModelSlug | None = None
    input_type: Annotated[str, StringConstraints(max_length=100)] | None = None
    text: NonBlank | None = None
    input: NonBlank | None = Field(default=None, validate_default=True)

    @field_validator("input")
    @classmethod
    def one_of_two(cls, given: str | None, info: ValidationInfo) -> str | None:
        text = info.data.get("text")
        if given is not None and text is not None:
            raise ValueError(Message(_("give either 'input' or 'text', not both")))
        if given is None and text is None and "text" in info.data:
            raise ValueError(Message(_("this field is required")))
        return given

    def asked_text(self) -> str:
        """The text, by whichever name it came."""
        text = self.input or self.text
        assert text is not None
        return text


def _form_of(given: Any) -> str:
    """Which of the four forms is meant, by the first element; its name is left out of error messages."""
    if not isinstance(given, list):
        return "str"
    first = given[0] if given else ""
    if isinstance(first, list):
        return "list[list[int]]"
    return "list[int]" if isinstance(first, int) else "list[str]"


Input = Annotated[
    Annotated[Text, Tag("str")]
    | Annotated[list[Text], Field(min_length=1, max_length=MAX_INPUTS), Tag("list[str]")]
    | Annotated[Tokens, Tag("list[int]")]
    | Annotated[list[Tokens], Field(min_length=1, max_length=MAX_INPUTS), Tag("list[list[int]]")],
    Discriminator(_form_of),
]


class OpenAIEmbeddingBody(RequestContract):
    """POST /v1/embeddings."""

    descriptions = {
        "input": _("A text, an array of texts, an array of token ids, or an array of such arrays."),
        "encoding_format": _("Whether vectors are arrays of numbers, or base64 of 32-bit floats."),
        "dimensions": _("The length of the vectors, where the model lets it be chosen."),
        "input_type": _("A hint for the model, such as query or document; any string is accepted."),
    }
    model: ModelSlug
    input: Input
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = Field(default=None, ge=1, le=65_536)
    input_type: Annotated[str, StringConstraints(max_length=100)] | None = None
    user: str | None = None

    def inputs(self) -> list[str] | list[list[int]]:
        """A list of texts, or a list of arrays of token ids."""
        if isinstance(self.input, str):
            return [self.input]
        if isinstance(self.input[0], int):
            return [self.input]
        return self.input


class EmbeddingView(JsonEndpointView[TextEmbeddingBody]):
    """POST /api/embedding: a text in, `{"embeddingVector"}` out."""

    endpoint = "embeddings"
    contract = TextEmbeddingBody
    session_allowed = True
    example = Example({"input": "Text to embed", "input_type": "string"})
    docs_page = DocsPage("embedding", _("Embedding"), _("Turns a text into an embedding vector."), place=3)
    workbench_form = WorkbenchForm(
        "embeddings",
        _("Embedding"),
        TEXT,
        place=4,
        main=("input",),
        other_names=frozenset({"text"}),
    )

    @extend_schema(
        **operation(
            "embed_text",
            "Embedding of a text; `text` may stand for `input`",
            json_body(TextEmbeddingBody),
            json_object("EmbeddedText", embeddingVector=NUMBERS),
        )
    )
    async def post(self, request: Request) -> HttpResponseBase:
        return await self.execute(request)

    def to_request(self, contract: TextEmbeddingBody) -> EmbeddingRequest:
        return EmbeddingRequest([contract.asked_text()], input_type=contract.input_type)

    def to_response(self, answer: JsonAnswer, contract: TextEmbeddingBody, call: Call) -> HttpResponse:
        return json_response({"embeddingVector": answer.values[0]})


class OpenAIEmbeddingView(JsonEndpointView[OpenAIEmbeddingBody]):
    """POST /v1/embeddings."""

    endpoint = "embeddings"
    contract = OpenAIEmbeddingBody
    example = Example({"model": "qwen3-embedding", "input": ["Text to embed"]})
    openai_call = OpenAICall(
        "embeddings.create", frozenset(["input", "model", "dimensions", "encoding_format", "user"])
    )
    docs_page = DocsPage(
        "openai-embeddings",
        _("Embeddings"),
        _("Texts or tokens in, vectors out."),
        place=2,
    )

    @extend_schema(
        **operation(
            "openai_create_embeddings",
            "Embeddings, as OpenAI's",
            json_body(OpenAIEmbeddingBody),
            json_object(
                "EmbeddingList",
                object=STRING,
                data=array_of(
                    titled("Embedding", object=STRING, index=INTEGER, embedding={"anyOf": [NUMBERS, STRING]})
                ),
                model=STRING,
                usage=titled("InputTokens", prompt_tokens=INTEGER, total_tokens=INTEGER),
            ),
        )
    )
    async def post(self, request: Request) -> HttpResponseBase:
        return await self.execute(request)

    def to_request(self, contract: OpenAIEmbeddingBody) -> EmbeddingRequest:
        return EmbeddingRequest(contract.inputs(), contract.dimensions, contract.input_type, contract.user)

    def to_response(self, answer: JsonAnswer, contract: OpenAIEmbeddingBody, call: Call) -> HttpResponse:
        encode = as_base64 if contract.encoding_format == "base64" else list
        data = [
            {"object": "embedding", "index": index, "embedding": encode(vector)}
            for index, vector in enumerate(answer.values)
        ]
        tokens = answer.units.tokens_in
        return json_response(
            {
                "object": "list",
                "data": data,
                "model": call.routes[0].model,
                "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
            }
        )


def as_base64(vector: list[float]) -> str:
    """The vector as OpenAI's clients decode it: little-endian 32-bit floats in base64.

    Raises MalformedAnswer for a number that these cannot hold.
    """
    try:
        packed = struct.pack(f"<{len(vector)}f", *vector)
    except (OverflowError, struct.error):
        raise MalformedAnswer("a number too large for 32 bits") from None
    return base64.b64encode(packed).decode("ascii")
