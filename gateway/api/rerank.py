"""Rerank: Omakase's `input`, and the `documents` of Jina, Cohere and vLLM."""

from typing import Annotated, Any

from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.utils import extend_schema
from pydantic import Field, ValidationInfo, field_validator
from rest_framework.request import Request

from aio_platform.i18n.translatable import Message
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.adapters.protocol import JsonAnswer
from gateway.adapters.shared.requests import RerankRequest
from gateway.calls.relay import Call
from gateway.contracts.parsing import RequestContract
from gateway.contracts.text import ModelSlug, NonBlank
from gateway.http.endpoint_view import JsonEndpointView, json_response, passed_through
from gateway.openapi.presentation import TEXT, DocsPage, Example, WorkbenchForm
from gateway.openapi.schemas import (
    ANY_JSON,
    INTEGER,
    NUMBER,
    STRING,
    array_of,
    json_body,
    json_object,
    operation,
    titled,
)

MAX_DOCUMENTS = 2048
Texts = Annotated[list[str], Field(min_length=1, max_length=MAX_DOCUMENTS)]


class PassageRerankBody(RequestContract):
    """POST /api/rerank: `input`, or `documents` in its place, an array of strings."""

    descriptions = {
        "input": _("The candidates to rank, as an array of strings."),
        "documents": _("Another name for input; give one of the two."),
    }
    model: ModelSlug | None = None
    query: NonBlank
    top_n: int | None = Field(default=None, ge=1, lt=2**31)
    return_documents: bool | None = None
    documents: Texts | None = None
    input: Texts | None = Field(default=None, validate_default=True)

    @field_validator("input")
    @classmethod
    def one_of_two(cls, given: list[str] | None, info: ValidationInfo) -> list[str] | None:
        documents = info.data.get("documents")
        if given is not None and documents is not None:
            raise ValueError(Message(_("give either 'input' or 'documents', not both")))
        if given is None and documents is None and "documents" in info.data:
            raise ValueError(Message(_("this field is required")))
        return given

    def passages(self) -> list[str]:
        """The candidates, by whichever name they came."""
        passages = self.input or self.documents
        assert passages is not None
        return passages


class Document(RequestContract):
    text: str


class OpenAIRerankBody(RequestContract):
    """POST /v1/rerank. Documents are strings, or objects with a `text`; they come back unless told otherwise."""

    descriptions = {"documents": _("The candidates to rank: strings, or objects with a text.")}
    model: ModelSlug
    query: NonBlank
    documents: Annotated[list[str | Document], Field(min_length=1, max_length=MAX_DOCUMENTS)]
    top_n: int | None = Field(default=None, ge=1, lt=2**31)
    return_documents: bool | None = None

    def documents_returned(self) -> bool:
        """Whether the answer repeats the documents: yes, unless told otherwise."""
        return self.return_documents is not False

    def passages(self) -> list[str]:
        """The documents' texts."""
        return [document if isinstance(document, str) else document.text for document in self.documents]


class RerankView(JsonEndpointView[PassageRerankBody]):
    """POST /api/rerank: the upstream's answer as it is."""

    endpoint = "rerank"
    contract = PassageRerankBody
    session_allowed = True
    field_names = {"documents": "input"}
    example = Example({"query": "Search query", "input": ["Candidate passage 1", "Candidate passage 2"]})
    docs_page = DocsPage(
        "rerank", _("Re-ranking"), _("Ranks candidate passages by relevance to a query."), place=4
    )
    workbench_form = WorkbenchForm(
        "rerank",
        _("Rerank"),
        TEXT,
        place=5,
        main=("query", "input", "top_n"),
        other_names=frozenset({"documents"}),
    )

    @extend_schema(
        **operation(
            "rerank_passages",
            "Passages ranked by a query; the upstream's answer as it is",
            json_body(PassageRerankBody),
            ANY_JSON,
        )
    )
    async def post(self, request: Request) -> HttpResponseBase:
        return await self.execute(request)

    def to_request(self, contract: PassageRerankBody) -> RerankRequest:
        return RerankRequest(
            contract.query, contract.passages(), contract.top_n, bool(contract.return_documents)
        )

    def to_response(self, answer: JsonAnswer, contract: PassageRerankBody, call: Call) -> HttpResponse:
        return passed_through(answer)


class OpenAIRerankView(JsonEndpointView[OpenAIRerankBody]):
    """POST /v1/rerank: one shape, whatever the upstream speaks."""

    endpoint = "rerank"
    contract = OpenAIRerankBody
    example = Example(
        {
            "model": "jina-reranker",
            "query": "Search query",
            "documents": ["Candidate passage 1", "Candidate passage 2"],
        }
    )
    docs_page = DocsPage(
        "openai-rerank", _("Rerank"), _("Ranks documents, in the shape of Jina and Cohere."), place=3
    )

    @extend_schema(
        **operation(
            "openai_rerank_documents",
            "Documents ranked by a query, as Jina's and Cohere's",
            json_body(OpenAIRerankBody),
            json_object(
                "Ranking",
                id=STRING,
                model=STRING,
                usage=titled("InputTokens", prompt_tokens=INTEGER, total_tokens=INTEGER),
                results=array_of(
                    titled(
                        "RankedDocument",
                        "document",
                        index=INTEGER,
                        relevance_score=NUMBER,
                        document=titled("DocumentText", text=STRING),
                    )
                ),
            ),
        )
    )
    async def post(self, request: Request) -> HttpResponseBase:
        return await self.execute(request)

    def to_request(self, contract: OpenAIRerankBody) -> RerankRequest:
        return RerankRequest(
            contract.query, contract.passages(), contract.top_n, contract.documents_returned()
        )

    def to_response(self, answer: JsonAnswer, contract: OpenAIRerankBody, call: Call) -> HttpResponse:
        tokens = answer.units.tokens_in
        return json_response(
            {
                "id": f"rerank-{call.request_uuid}",
                "model": call.routes[0].model,
                "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
                "results": [_ranked(rank) for rank in answer.values],
            }
        )


def _ranked(rank: dict[str, Any]) -> dict[str, Any]:
    result = {"index": rank["index"], "relevance_score": rank["score"]}
    if "text" in rank:
        result["document"] = {"text": rank["text"]}
    return result
