"""Google's embeddings: /v1beta/models/{model}:embedContent, and :batchEmbedContents for several."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.utils import extend_schema
from pydantic import Field, StringConstraints
from rest_framework.request import Request

from aio_platform.i18n.translatable import gettext_noop as _
from gateway.adapters.protocol import JsonAnswer
from gateway.adapters.shared.requests import EmbeddingRequest
from gateway.api.embeddings import MAX_INPUTS
from gateway.api.gemini.addresses import KEY_HEADER, named_model, refuse_key_in_query
from gateway.calls.call import Call
from gateway.contracts.either_spelling import EitherSpelling
from gateway.dialects.dialect import bad_field
from gateway.dialects.gemini.fields import EMPTY, Fields
from gateway.http.endpoint_view import BodyContract, JsonEndpointView, json_response
from gateway.openapi.presentation import DocsPage, Example, GenaiCall
from gateway.openapi.schemas import INTEGER, NUMBERS, array_of, json_body, json_object, operation, titled

# The hints that other servers know by other names; of the rest it is Google's in small letters.
_INPUT_TYPES = {"RETRIEVAL_QUERY": "query", "RETRIEVAL_DOCUMENT": "document"}
_UNSPECIFIED = "TASK_TYPE_UNSPECIFIED"
_VECTOR = titled("GeminiEmbedding", values=NUMBERS)
_USAGE = titled("GeminiEmbeddingUsage", promptTokenCount=INTEGER)
_MODEL = "qwen3-embedding"
_PAGE = DocsPage(
    "gemini-embeddings",
    _("Embeddings, as Gemini's"),
    _("Texts in, vectors out, one or many in a call."),
    place=2,
)


class EmbedContentBody(EitherSpelling):
    """POST …:embedContent."""

    descriptions = {
        "content": _("The text to embed: {parts: [{text}]}. Several texts are joined by line breaks."),
        "model": _("The model once more, as in models/qwen3-embedding; the address decides."),
        "taskType": _("What the vector is for, such as RETRIEVAL_QUERY or RETRIEVAL_DOCUMENT."),
        "outputDimensionality": _("The length of the vectors, where the model lets it be chosen."),
    }
    # Without a title of a class: it would be a component, and stands in two places with other words.
    content: dict[str, Any] = Field(title="content")
    model: str | None = None
    task_type: Annotated[str, StringConstraints(max_length=100)] | None = Field(
        default=None, alias="taskType"
    )
    output_dimensionality: int | None = Field(default=None, alias="outputDimensionality", ge=1, le=65_536)

    def check(self) -> None:
        self.check_below("")

    def check_below(self, path: str) -> None:
        """Raises InvalidRequest for a field that would be left out: each changes what the vector says."""
        for name, value in (self.model_extra or {}).items():
            if value is not None:
                raise bad_field(f"{path}{name}", _("is not supported here. Leave it out"))

    def text(self, path: str = "") -> str:
        """What is to be embedded. Raises InvalidRequest for what is no text, and for nothing."""
        content = Fields(self.content, f"{path}content")
        parts_path = content.path_of("parts")
        texts = []
        for index, values in enumerate(content.items("parts")):
            part = Fields(values, f"{parts_path}.{index}")
            texts.append(part.required_string("text"))
        joined = "\n".join(texts)
        if not joined.strip():
            raise bad_field(parts_path, EMPTY)
        return joined

    def input_type(self) -> str | None:
        """The hint by the name that routes know it by."""
        if self.task_type in (None, "", _UNSPECIFIED):
            return None
        assert self.task_type is not None
        return _INPUT_TYPES.get(self.task_type.upper(), self.task_type.lower())


class EmbedRequest(EmbedContentBody):
    """One of several."""


class BatchEmbedContentsBody(EitherSpelling):
    """POST …:batchEmbedContents."""

    descriptions = {"requests": _("One request for each vector, as embedContent takes it.")}
    requests: list[EmbedRequest] = Field(min_length=1, max_length=MAX_INPUTS)

    def check(self) -> None:
        """Raises InvalidRequest where requests differ in more than their text: they are one call upstream."""
        first = self.requests[0]
        for index, each in enumerate(self.requests):
            each.check_below(f"requests.{index}.")
            for name in ("task_type", "output_dimensionality"):
                if getattr(each, name) != getattr(first, name):
                    alias = EmbedContentBody.model_fields[name].alias
                    raise bad_field(
                        f"requests.{index}.{alias}", _("must be the same as in the first of the requests")
                    )


class _GeminiEmbeddingView(JsonEndpointView[BodyContract]):
    endpoint = "embeddings"
    key_header = KEY_HEADER
    docs_page = _PAGE

    async def embed(self, request: Request) -> HttpResponseBase:
        refuse_key_in_query(request._request)  # type: ignore[arg-type]
        return await self.execute(request)

    def model_in(self, values: Mapping[str, Any]) -> str:
        return named_model(self.endpoint, self.kwargs["model"])


class EmbedContentView(_GeminiEmbeddingView[EmbedContentBody]):
    """POST /v1beta/models/{model}:embedContent."""

    contract = EmbedContentBody
    field_names = {"input": "content", "dimensions": "outputDimensionality"}
    example = Example({"content": {"parts": [{"text": "Text to embed"}]}}, path={"model": _MODEL})

    @extend_schema(
        **operation(
            "gemini_embed_content",
            "An embedding, as Gemini's",
            json_body(EmbedContentBody),
            json_object("EmbedContentResponse", embedding=_VECTOR, usageMetadata=_USAGE),
        )
    )
    async def post(self, request: Request, model: str) -> HttpResponseBase:
        return await self.embed(request)

    def to_request(self, contract: EmbedContentBody) -> EmbeddingRequest:
        return EmbeddingRequest([contract.text()], contract.output_dimensionality, contract.input_type())

    def to_response(self, answer: JsonAnswer, contract: EmbedContentBody, call: Call) -> HttpResponse:
        return json_response({"embedding": _vectors(answer)[0], "usageMetadata": _usage(answer)})


class BatchEmbedContentsView(_GeminiEmbeddingView[BatchEmbedContentsBody]):
    """POST /v1beta/models/{model}:batchEmbedContents."""

    contract = BatchEmbedContentsBody
    field_names = {"input": "requests", "dimensions": "requests.0.outputDimensionality"}
    example = Example(
        {
            "requests": [
                {"model": f"models/{_MODEL}", "content": {"parts": [{"text": text}]}}
                for text in ("Text to embed", "Another")
            ]
        },
        path={"model": _MODEL},
    )
    genai_call = GenaiCall("embed_content", {"model": _MODEL, "contents": ["Text to embed", "Another"]})

    @extend_schema(
        **operation(
            "gemini_embed_contents",
            "Embeddings, as Gemini's",
            json_body(BatchEmbedContentsBody),
            json_object("BatchEmbedContentsResponse", embeddings=array_of(_VECTOR), usageMetadata=_USAGE),
        )
    )
    async def post(self, request: Request, model: str) -> HttpResponseBase:
        return await self.embed(request)

    def to_request(self, contract: BatchEmbedContentsBody) -> EmbeddingRequest:
        first = contract.requests[0]
        texts = [each.text(f"requests.{index}.") for index, each in enumerate(contract.requests)]
        return EmbeddingRequest(texts, first.output_dimensionality, first.input_type())

    def to_response(self, answer: JsonAnswer, contract: BatchEmbedContentsBody, call: Call) -> HttpResponse:
        return json_response({"embeddings": _vectors(answer), "usageMetadata": _usage(answer)})


def _vectors(answer: JsonAnswer) -> Sequence[Mapping[str, Any]]:
    return [{"values": vector} for vector in answer.values]


def _usage(answer: JsonAnswer) -> Mapping[str, int]:
    return {"promptTokenCount": answer.units.tokens_in}
