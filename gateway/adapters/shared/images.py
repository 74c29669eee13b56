"""Images: what making them costs, and their normal form, `{"b64_json", "content_type", "revised_prompt"?}`."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.adapters.protocol import AdapterRoute, JsonAnswer, MalformedAnswer, Received
from gateway.adapters.shared.limits import limit
from gateway.adapters.shared.priced_options import UNNAMED, Choice, choose
from gateway.adapters.shared.raise_error_body import raise_for_error_body
from gateway.adapters.shared.requests import ImageRequest
from gateway.media.kinds import HEAD_BYTES, IMAGE_KINDS, kind_of
from usage.ledger.units import Units

MAX_PIXELS = 2048 * 2048
MAX_STEPS = 200
MAX_IMAGES = 10
DEFAULT_STEPS = 30
_USUAL_QUALITY = UNNAMED | {"standard"}
_USUAL_FIDELITY = UNNAMED | {"low"}
# Of the caller's other fields, those that cannot change what the upstream bills; `quality` can, and is priced.
EXTRA_FIELDS = (
    "background",
    "guidance_scale",
    "moderation",
    "output_compression",
    "output_format",
    "style",
    "true_cfg_scale",
    "user",
)


def max_units(request: ImageRequest, route: AdapterRoute) -> Units:
    """What these images cost, which is known before they are made.

    Raises InvalidRequest for a size beyond the route's `max_pixels`, more steps than its `max_steps`, more images than
    its `max_images`, or a quality that has no price.
    """
    if request.width < 1 or request.height < 1:
        param = "width" if request.width < 1 else "height"
        raise InvalidRequest(_("%(param)s: must be at least 1."), param=param)
    most = limit(route, "max_pixels", MAX_PIXELS)
    if request.width * request.height > most:
        param = "width" if request.width >= request.height else "height"
        raise InvalidRequest(
            _("%(param)s: width times height may be at most %(most)s for this model."),
            param=param,
            most=f"{most:,}",
        )
    steps, most = steps_of(request, route), limit(route, "max_steps", MAX_STEPS)
    if not 1 <= steps <= most:
        raise InvalidRequest(
            _("%(param)s: must be from 1 to %(most)s for this model."), param="num_inference_steps", most=most
        )
    most = limit(route, "max_images", MAX_IMAGES)
    if not 1 <= request.count <= most:
        raise InvalidRequest(_("%(param)s: must be from 1 to %(most)s for this model."), param="n", most=most)
    return units(request, route)


def units(request: ImageRequest, route: AdapterRoute) -> Units:
    """Images, pixels times steps over all of them, and what their options count besides."""
    pixels = request.width * request.height * request.count
    counted = {"images": request.count, "pixel_steps": pixels * steps_of(request, route)}
    for unit, of_one in choice(request, route).units.items():
        counted[unit] = counted.get(unit, 0) + of_one * request.count
    return Units(**counted)


def choice(request: ImageRequest, route: AdapterRoute) -> Choice:
    """The options that the route prices (see `priced_options`), of `quality`, `size` and, of edits, `input_fidelity`.

    Raises InvalidRequest for what has no price: where the route prices no quality, there is only the usual one.
    """
    given = {
        "quality": request.quality,
        "size": f"{request.width}x{request.height}",
        "input_fidelity": request.input_fidelity,
    }
    chosen = choose(given, route)
    if "quality" not in chosen.options and request.quality not in _USUAL_QUALITY:
        raise InvalidRequest(_("%(param)s: this model has one quality only; leave it out."), param="quality")
    if "input_fidelity" not in chosen.options and request.input_fidelity not in _USUAL_FIDELITY:
        raise InvalidRequest(
            _("%(param)s: this model has one fidelity only; leave it out."), param="input_fidelity"
        )
    return chosen


def openai_fields(request: ImageRequest, route: AdapterRoute) -> dict[str, Any]:
    """What OpenAI's and vLLM-Omni's servers are told of the images to make.

    Steps go out where the caller or the route's `default_steps` says how many.
    """
    fields: dict[str, Any] = {name: request.extra[name] for name in EXTRA_FIELDS if name in request.extra}
    fields |= {
        "model": route.upstream_model,
        "prompt": request.prompt,
        "n": request.count,
        "size": f"{request.width}x{request.height}",
        **choice(request, route).options,
    }
    response_format = route.options.get("response_format", "b64_json")
    if response_format:
        fields["response_format"] = response_format
    if request.negative_prompt:
        fields["negative_prompt"] = request.negative_prompt
    if request.steps is not None or "default_steps" in route.options:
        fields["num_inference_steps"] = steps_of(request, route)
    if request.seed is not None:
        fields["seed"] = request.seed
    return fields


def openai_answer(received: Received, request: ImageRequest, route: AdapterRoute) -> JsonAnswer:
    """The images of OpenAI's answer. Raises MalformedAnswer unless there are as many as were asked for."""
    values = received.json()
    raise_for_error_body(values)
    data = values.get("data") if isinstance(values, dict) else None
    if not isinstance(data, list) or not all(isinstance(item, dict) for item in data):
        raise MalformedAnswer("no data")
    return answer([_picture(item) for item in data], request, route, received)


def _picture(item: dict[str, Any]) -> dict[str, Any]:
    picture = from_base64(item.get("b64_json"))
    revised = item.get("revised_prompt")
    if isinstance(revised, str) and revised:
        picture["revised_prompt"] = revised
    return picture


def steps_of(request: ImageRequest, route: AdapterRoute) -> int:
    """The steps asked for, else the route's `default_steps`."""
    if request.steps is not None:
        return request.steps
    return limit(route, "default_steps", DEFAULT_STEPS)


def answer(
    found: Sequence[dict[str, Any]], request: ImageRequest, route: AdapterRoute, received: Received
) -> JsonAnswer:
    """The images in their normal form. Raises MalformedAnswer unless there are as many as were asked for."""
    if len(found) != request.count:
        raise MalformedAnswer("not as many images as were asked for")
    return JsonAnswer(
        list(found),
        units(request, route),
        upstream_body=received.body,
        upstream_content_type=received.content_type,
    )


def from_base64(encoded: object) -> dict[str, Any]:
    """One image in its normal form, from base64 with or without a data URL's head.

    Raises MalformedAnswer for what does not decode, or decodes to no image.
    """
    if not isinstance(encoded, str) or not encoded:
        raise MalformedAnswer("no image")
    if encoded.startswith("data:"):
        encoded = encoded.partition(",")[2]
    try:
        content = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise MalformedAnswer("an image that is not base64") from None
    return {"b64_json": encoded, "content_type": _checked_type(content)}


def from_bytes(content: bytes) -> dict[str, Any]:
    """One image in its normal form, from a whole file; raises MalformedAnswer for what is no image."""
    content_type = _checked_type(content)
    return {"b64_json": base64.b64encode(content).decode("ascii"), "content_type": content_type}


def _checked_type(content: bytes) -> str:
    content_type = kind_of(content[:HEAD_BYTES])
    if content_type not in IMAGE_KINDS:
        raise MalformedAnswer("an answer that is not an image")
    return content_type
