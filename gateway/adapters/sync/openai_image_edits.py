"""Edits of images as OpenAI and vLLM-Omni make them: a form to /v1/images/edits, base64 inside JSON back.

Sources: OpenAI's API reference, "Create image edit"; docs/serving/image_edit_api.md of vllm-project/vllm-omni. As with
generations, OpenAI's gpt-image models refuse `response_format`: their routes say `response_format = ""`. vLLM-Omni
reads no `mask`: its routes say `masks = false`, for a mask that is passed over is an edit that was not asked for.
"""

from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.adapters.protocol import AdapterRoute, Form, Steps, Upload, UpstreamCall
from gateway.adapters.shared import images
from gateway.adapters.shared.limits import check_count
from gateway.adapters.shared.requests import ImageEditRequest
from gateway.media.kinds import IMAGE_KINDS
from usage.ledger.units import Units

SERVES = frozenset({"image_edits"})
PATH = "/v1/images/edits"
MAX_INPUT_IMAGES = 16
MAX_IMAGE_BYTES = 20_000_000


def ceiling(request: ImageEditRequest, route: AdapterRoute) -> Units:
    """Images and pixel-steps as asked; see `images.max_units`.

    Raises InvalidRequest for more images to edit than the route's `max_input_images`, and for a file that is larger
    than its `max_image_bytes`, or whose bytes, when it was received, showed no PNG, JPEG, GIF or WebP.
    """
    check_count(len(request.images), route, "max_input_images", MAX_INPUT_IMAGES, "image", "images")
    for image in request.images:
        _check_image(image, "image", route)
    if request.mask is not None:
        if route.options.get("masks") is False:
            raise InvalidRequest(_("%(param)s: this model takes no mask; leave it out."), param="mask")
        _check_image(request.mask, "mask", route)
    return images.max_units(request.made, route)


def steps(request: ImageEditRequest, route: AdapterRoute) -> Steps:
    """One call. Of several images each is sent as `image[]`."""
    fields = {name: str(value) for name, value in images.openai_fields(request.made, route).items()}
    first, *others = request.images
    name = "image[]" if others else "image"
    more = [(name, other) for other in others]
    if request.mask is not None:
        more.append(("mask", request.mask))
    received = yield UpstreamCall(PATH, form=Form(fields, name, first, more))
    return images.openai_answer(received, request.made, route)


def _check_image(image: Upload, param: str, route: AdapterRoute) -> None:
    check_count(image.size_bytes, route, "max_image_bytes", MAX_IMAGE_BYTES, param, "bytes of image")
    if image.content_type not in IMAGE_KINDS:
        raise InvalidRequest(_("%(param)s: this is not a PNG, JPEG, GIF or WebP image."), param=param)
