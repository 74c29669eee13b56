"""Images of AUTOMATIC1111's web UI: POST /sdapi/v1/txt2img → `{"images": [base64, …]}`.

Source: modules/api/{api,models}.py of AUTOMATIC1111/stable-diffusion-webui. Grids are left out as long as
`save_images` is not set, so there are exactly `n_iter` images.
"""

from typing import Any

from aio_platform.errors import InvalidRequest
from aio_platform.i18n.translatable import gettext_noop as _
from gateway.adapters.protocol import AdapterRoute, MalformedAnswer, Steps, UpstreamCall
from gateway.adapters.shared import images
from gateway.adapters.shared.raise_error_body import raise_for_error_body
from gateway.adapters.shared.requests import ImageRequest
from usage.ledger.units import Units

SERVES = frozenset({"images"})
PATH = "/sdapi/v1/txt2img"
# Of the caller's other fields, those that cannot change how many pixels and steps are made.
EXTRA_FIELDS = ("cfg_scale", "sampler_name", "scheduler")
# Samplers that ask the model once a step. Others (Heun, DPM2, DPM++ SDE, Restart …) ask twice for the same price, and
# DPM adaptive as often as it likes. Source: modules/sd_samplers_kdiffusion.py, `second_order`.
SAMPLERS = (
    "Euler a",
    "Euler",
    "LMS",
    "DPM++ 2M",
    "DPM++ 2M SDE",
    "DPM++ 3M SDE",
    "DDIM",
    "DDIM CFG++",
    "PLMS",
    "UniPC",
    "LCM",
)
ANY_SEED = -1


def ceiling(request: ImageRequest, route: AdapterRoute) -> Units:
    """Images and pixel-steps as asked; see `images.max_units`.

    Raises InvalidRequest for a sampler that is not among the route's `samplers`: it would take more than it costs.
    """
    samplers = route.options.get("samplers", SAMPLERS)
    if request.extra.get("sampler_name") not in (None, *samplers):
        raise InvalidRequest(
            _("%(param)s: must be one of %(choices)s."), param="sampler_name", choices=", ".join(samplers)
        )
    return images.max_units(request, route)


def steps(request: ImageRequest, route: AdapterRoute) -> Steps:
    """One call. A route whose option `checkpoint` names one has the server load it."""
    body: dict[str, Any] = {name: request.extra[name] for name in EXTRA_FIELDS if name in request.extra}
    body |= {
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt,
        "width": request.width,
        "height": request.height,
        "steps": images.steps_of(request, route),
        "seed": ANY_SEED if request.seed is None else request.seed,
        "batch_size": 1,
        "n_iter": request.count,
    }
    checkpoint = route.options.get("checkpoint")
    if checkpoint is not None:
        body["override_settings"] = {"sd_model_checkpoint": checkpoint}
    received = yield UpstreamCall(PATH, json=body)
    values = received.json()
    raise_for_error_body(values)
    found = values.get("images") if isinstance(values, dict) else None
    if not isinstance(found, list):
        raise MalformedAnswer("no images")
    return images.answer([images.from_base64(image) for image in found], request, route, received)
