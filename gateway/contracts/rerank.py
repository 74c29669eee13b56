"""What the rerank endpoints accept: Omakase's `input`, and the `documents` of Jina, Cohere and vLLM."""

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from gateway.contracts.parsing import RequestContract
from gateway.contracts.text import ModelSlug, NonBlank

MAX_DOCUMENTS = 2048
Texts = Annotated[list[str], Field(min_length=1, max_length=MAX_DOCUMENTS)]


class PassageRerankBody(RequestContract):
    """POST /api/rerank: `input`, or `documents` in its place, an array of strings."""

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
            raise ValueError("give either 'input' or 'documents', not both")
        if given is None and documents is None and "documents" in info.data:
            raise ValueError("this field is required")
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
