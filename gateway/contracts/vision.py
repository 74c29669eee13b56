"""What /api/image2text accepts beside its `image`."""

from pydantic import Field

from gateway.contracts.form import FormContract
from gateway.contracts.text import ModelSlug

DEFAULT_PROMPT = (
    "Describe this image in detail. If it contains any text, extract all of it exactly as it is written."
)
DEFAULT_TEMPERATURE = 0.1


class ImageToTextForm(FormContract):
    """POST /api/image2text."""

    model: ModelSlug | None = None
    prompt: str = DEFAULT_PROMPT
    temperature: float = Field(default=DEFAULT_TEMPERATURE, ge=0, le=1)
