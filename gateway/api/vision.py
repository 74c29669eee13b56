"""Image to text: what an uploaded image shows, and the text in it."""

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from pydantic import Field
from rest_framework.request import Request

from aio_platform.i18n.translatable import gettext_noop as _
from gateway.adapters.shared.requests import VisionRequest
from gateway.contracts.form import FormContract
from gateway.contracts.text import ModelSlug
from gateway.http.form_view import FormEndpointView
from gateway.http.uploads import ReceivedForm
from gateway.openapi.presentation import IMAGE_FILE, IMAGE_FILES, TEXT, DocsPage, Example, WorkbenchForm
from gateway.openapi.schemas import STRING, form_body, json_object, operation

DEFAULT_PROMPT = (
    "Describe this image in detail. If it contains any text, extract all of it exactly as it is written."
)
DEFAULT_TEMPERATURE = 0.1


class ImageToTextForm(FormContract):
    """POST /api/image2text."""

    descriptions = {
        "image": _("The image: JPG, PNG, WEBP or GIF."),
        "prompt": _("What to look for; when left out, the image is described and its text extracted."),
    }
    model: ModelSlug | None = None
    prompt: str = DEFAULT_PROMPT
    temperature: float = Field(default=DEFAULT_TEMPERATURE, ge=0, le=1)


class ImageToTextView(FormEndpointView[ImageToTextForm]):
    """POST /api/image2text: an image in, `{"text"}` out."""

    endpoint = "vision"
    contract = ImageToTextForm
    file_field = "image"
    session_allowed = True
    example = Example(
        fields={"prompt": "What does the sign say?", "temperature": "0.1"}, files={"image": IMAGE_FILE}
    )
    docs_page = DocsPage(
        "image2text",
        _("Image to text"),
        _("Describes an uploaded image and extracts the text in it."),
        place=8,
    )
    workbench_form = WorkbenchForm(
        "vision", _("Image to text"), TEXT, place=3, main=("prompt",), accepts=IMAGE_FILES
    )

    @extend_schema(
        **operation(
            "describe_image",
            "What an image shows and says",
            form_body(ImageToTextForm, "image"),
            json_object("ImageText", text=STRING),
        )
    )
    async def post(self, request: Request) -> HttpResponseBase:
        return await self.execute(request)

    async def to_request(self, contract: ImageToTextForm, form: ReceivedForm) -> VisionRequest:
        return VisionRequest(await form.image(), contract.prompt, contract.temperature)
