"""What the embedding endpoints accept: Omakase's one text, and OpenAI's four forms of input."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, StringConstraints, Tag, ValidationInfo, field_validator

from gateway.contracts.parsing import RequestContract
from gateway.contracts.text import ModelSlug, NonBlank

MAX_INPUTS = 2048
MAX_TOKENS_OF_INPUT = 100_000
TokenId = Annotated[int, Field(ge=0, lt=2**31)]
Tokens = Annotated[list[TokenId], Field(min_length=1, max_length=MAX_TOKENS_OF_INPUT)]
Text = Annotated[str, StringConstraints(min_length=1)]


class TextEmbeddingBody(RequestContract):
    """POST /api/embedding: `input`, or `text` in its place; `input_type` may be any string."""

    model: ModelSlug | None = None
    input_type: Annotated[str, StringConstraints(max_length=100)] | None = None
    text: NonBlank | None = None
    input: NonBlank | None = Field(default=None, validate_default=True)

    @field_validator("input")
    @classmethod
    def one_of_two(cls, given: str | None, info: ValidationInfo) -> str | None:
        text = info.data.get("text")
        if given is not None and text is not None:
            raise ValueError("give either 'input' or 'text', not both")
        if given is None and text is None and "text" in info.data:
            raise ValueError("this field is required")
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
